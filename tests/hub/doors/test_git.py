"""The door of a git repository: real repositories, made by git."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from attest.canonical import sha256_hex
from attest.errors import InputError
from attest.hub.doors.git import NO_COMMIT, open_git
from attest.hub.doors.pointer import Pointer
from hub.uploaded import Uploaded

WHO = {
    **{f"GIT_{who}_NAME": "Somebody" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "somebody@example.org" for who in ("AUTHOR", "COMMITTER")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env=os.environ | WHO,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "release")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def tree(uploaded: Uploaded) -> Path:
    """The release as it is committed, with its weights as an LFS pointer."""
    weights = uploaded.folder / "model.safetensors"
    data = weights.read_bytes()
    weights.write_bytes(Pointer(sha256_hex(data), len(data)).to_bytes())
    git(uploaded.folder, "init", "--quiet")
    return uploaded.folder


def test_a_commit_with_pointers_is_checked(tree: Path, uploaded: Uploaded) -> None:
    oid = commit(tree)
    snapshot = open_git(tree, oid)

    assert (snapshot.name, snapshot.revision) == ("model", oid)
    assert snapshot.checked == "listed-hash"
    assert snapshot.base_models == ("example/base-model", "another/base")
    verdict = snapshot.check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "passed", verdict.problems


def test_what_lies_in_the_working_tree_does_not_count(tree: Path, uploaded: Uploaded) -> None:
    oid = commit(tree)
    (tree / "config.json").write_text("{}")
    snapshot = open_git(tree, oid)
    assert snapshot.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"


def test_a_commit_without_pointers_is_read_whole(tree: Path, uploaded: Uploaded) -> None:
    (tree / "model.safetensors").write_bytes(
        (uploaded.release.model / "model.safetensors").read_bytes()
    )
    snapshot = open_git(tree, commit(tree))
    assert snapshot.checked == "served-bytes"
    assert snapshot.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"


def test_a_bare_repository_and_a_tag_will_do(
    tree: Path, uploaded: Uploaded, tmp_path: Path
) -> None:
    commit(tree)
    git(tree, "tag", "--annotate", "v1", "--message", "one")
    bare = tmp_path / "bare" / "model.git"
    git(tree, "clone", "--quiet", "--bare", str(tree), str(bare))
    snapshot = open_git(bare, git(tree, "rev-parse", "v1"))
    assert snapshot.name == "model"
    assert snapshot.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"


def test_another_pointer_is_another_file(tree: Path, uploaded: Uploaded) -> None:
    (tree / "model.safetensors").write_bytes(Pointer("1" * 64, 7).to_bytes())
    verdict = open_git(tree, commit(tree)).check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "files-changed"


def test_text_that_resembles_a_pointer_is_refused(tree: Path) -> None:
    weights = tree / "model.safetensors"
    weights.write_bytes(weights.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(InputError) as caught:
        open_git(tree, commit(tree))
    assert caught.value.reason == "pointer-near-miss"


def test_configuration_behind_a_pointer_is_no_pass(tree: Path, uploaded: Uploaded) -> None:
    data = (tree / "config.json").read_bytes()
    (tree / "config.json").write_bytes(Pointer(sha256_hex(data), len(data)).to_bytes())
    verdict = open_git(tree, commit(tree)).check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "partly-covered"
    assert "config.json: what it makes a loader do could not be read" in verdict.problems


def test_links_and_submodules_are_refused(tree: Path, tmp_path: Path) -> None:
    (tree / "extra.json").symlink_to("/etc/passwd")
    with pytest.raises(InputError, match="found a symlink"):
        open_git(tree, commit(tree))
    git(tree, "rm", "--quiet", "extra.json")

    git(
        tree, "update-index", "--add", "--cacheinfo", f"160000,{git(tree, 'rev-parse', 'HEAD')},sub"
    )
    git(tree, "commit", "--quiet", "--message", "sub")
    with pytest.raises(InputError, match="found a submodule"):
        open_git(tree, git(tree, "rev-parse", "HEAD"))


def test_replaced_objects_do_not_count(tree: Path, uploaded: Uploaded) -> None:
    oid = commit(tree)
    before = git(tree, "rev-parse", "HEAD:config.json")
    (tree / "other.json").write_text(json.dumps({"other": 1}))
    after = git(tree, "hash-object", "-w", "other.json")
    git(tree, "replace", before, after)
    snapshot = open_git(tree, oid)
    assert snapshot.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"


@pytest.mark.parametrize("name", ["HEAD", "main", "--help", NO_COMMIT, "", "1" * 39])
def test_only_a_commit_by_its_digits_is_looked_at(tree: Path, name: str) -> None:
    commit(tree)
    with pytest.raises(InputError, match="expected a commit of 40"):
        open_git(tree, name)


def test_a_commit_that_is_not_there_is_an_error(tree: Path) -> None:
    commit(tree)
    with pytest.raises(InputError) as caught:
        open_git(tree, "1" * 40)
    assert caught.value.reason == "not-a-tree"


def test_paths_that_no_file_system_holds_are_refused(tree: Path) -> None:
    blob = git(tree, "hash-object", "-w", "config.json")
    # The plumbing takes what `git add` would not.
    for name in ("a\\b.json", "a\tb.json"):
        tree_oid = (
            subprocess.run(
                ["git", "-C", str(tree), "mktree", "-z"],
                input=f"100644 blob {blob}\t{name}\0".encode(),
                capture_output=True,
                check=True,
            )
            .stdout.decode()
            .strip()
        )
        with pytest.raises(InputError) as caught:
            open_git(tree, tree_oid)
        assert caught.value.reason == "path-not-portable"
