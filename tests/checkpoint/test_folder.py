"""A folder is walked without being led out of it, and later changes are noticed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from attest.checkpoint import folder as folder_module
from attest.checkpoint.folder import Checkpoint, open_checkpoint
from attest.errors import InputError


def reason_of(folder: Path) -> str:
    with pytest.raises(InputError) as caught:
        open_checkpoint(folder)
    # Whatever a name holds, the message can be printed.
    str(caught.value).encode()
    return caught.value.reason


@pytest.fixture
def hub_cache(tmp_path: Path) -> Path:
    """A snapshot in the layout of the hub cache: links into `blobs/`, one below a folder."""
    repository = tmp_path / "models--org--tiny"
    snapshot = repository / "snapshots" / "0123abcd"
    (snapshot / "sub").mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "aa").write_text("{}")
    (repository / "blobs" / "bb").write_text("print()")
    (snapshot / "config.json").symlink_to("../../blobs/aa")
    (snapshot / "sub" / "code.py").symlink_to("../../../blobs/bb")
    return snapshot


def test_lists_every_file_in_code_point_order(model: Path) -> None:
    (model / "sub" / "deep").mkdir(parents=True)
    (model / "sub" / "deep" / "Z.txt").write_text("z")
    (model / "a\u00e9.txt").write_text("")
    checkpoint = open_checkpoint(model)
    assert list(checkpoint.files) == sorted(checkpoint.files)
    assert {"sub/deep/Z.txt", "a\u00e9.txt", "config.json"} <= checkpoint.files.keys()
    assert checkpoint.size_bytes == sum(p.stat().st_size for p in model.rglob("*") if p.is_file())


def test_keeps_attestations_and_version_control_apart(model: Path) -> None:
    (model / "attestations").mkdir()
    (model / "attestations" / "1.sigstore.json").write_text("{}")
    (model / ".gitattributes").write_text("")
    checkpoint = open_checkpoint(model)
    assert list(checkpoint.excluded) == [".gitattributes", "attestations/1.sigstore.json"]
    assert not checkpoint.excluded.keys() & checkpoint.files.keys()


def test_rejects_what_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert reason_of(tmp_path / "file") == "not-a-folder"
    assert reason_of(tmp_path / "absent") == "not-a-folder"


def test_rejects_an_empty_folder(tmp_path: Path) -> None:
    assert reason_of(tmp_path) == "empty-folder"
    (tmp_path / ".gitignore").write_text("")
    assert reason_of(tmp_path) == "empty-folder"


def test_rejects_an_unreadable_folder(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    # Tests may run as root, whom no file mode keeps out.
    monkeypatch.setattr(os, "open", refuse)
    assert reason_of(model) == "unreadable"


def test_rejects_an_unreadable_file(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = open_checkpoint(model)

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError) as caught:
        checkpoint.read("config.json", max_bytes=100)
    assert caught.value.reason == "unreadable"


def test_rejects_names_that_are_not_utf8(model: Path) -> None:
    (model / os.fsdecode(b"bad\xff.txt")).write_text("")
    assert reason_of(model) == "path-not-utf8"


@pytest.mark.parametrize("name", ["back\\slash", "line\nbreak", "zero\u200dwidth", "new\ufdd0"])
def test_rejects_names_that_other_systems_read_otherwise(model: Path, name: str) -> None:
    (model / name).write_text("")
    assert reason_of(model) == "path-not-portable"


@pytest.mark.parametrize(
    ("one", "other"), [("a.txt", "A.txt"), ("\u00e9.txt", "e\u0301.txt"), ("s/x", "s/X")]
)
def test_rejects_names_that_differ_only_in_case_or_form(model: Path, one: str, other: str) -> None:
    for name in (one, other):
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("")
    if (model / one).samefile(model / other):
        pytest.skip("this file system holds only one of the two")
    assert reason_of(model) == "path-collision"


def test_rejects_pipes(model: Path) -> None:
    os.mkfifo(model / "pipe")
    assert reason_of(model) == "not-a-regular-file"


def test_rejects_links_even_to_a_file_within(model: Path) -> None:
    (model / "alias.json").symlink_to("config.json")
    with pytest.raises(InputError, match=r"alias\.json") as caught:
        open_checkpoint(model)
    assert caught.value.reason == "symlink-leaves-folder"
    assert "cp -rL" in (caught.value.hint or "")


def test_rejects_links_to_folders(model: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (model / "sub").symlink_to(tmp_path / "elsewhere")
    assert reason_of(model) == "symlink-leaves-folder"


def test_rejects_links_below_attestations(model: Path) -> None:
    (model / "attestations").symlink_to("..")
    assert reason_of(model) == "symlink-leaves-folder"


def test_rejects_too_many_files(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "MAX_FILES", 4)
    assert reason_of(model) == "too-many-files"


def test_rejects_deep_nesting(model: Path) -> None:
    (model / "/".join("d" * 33)).mkdir(parents=True)
    assert reason_of(model) == "nested-too-deeply"


def test_folder_itself_may_be_named_through_a_link(model: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(model)
    assert open_checkpoint(tmp_path / "current").folder == model.resolve()


def test_accepts_the_links_of_the_hub_cache(hub_cache: Path) -> None:
    checkpoint = open_checkpoint(hub_cache)
    assert list(checkpoint.files) == ["config.json", "sub/code.py"]
    assert checkpoint.read("sub/code.py", max_bytes=100) == b"print()"
    checkpoint.ensure_unchanged()


def test_accepts_absolute_links_into_the_same_blobs(hub_cache: Path) -> None:
    (hub_cache / "config.json").unlink()
    blob = hub_cache.resolve().parent.parent / "blobs" / "aa"
    (hub_cache / "config.json").symlink_to(blob)
    assert open_checkpoint(hub_cache).read("config.json", max_bytes=100) == b"{}"


@pytest.mark.parametrize(
    "target",
    [
        "../../../models--org--other/blobs/aa",
        "../../blobs/x/../aa",
        "../../blobs/./aa",
        "../../blobs/sub/aa",
        "../../blobs",
        "../../refs/main",
        "/etc/passwd",
        "../../blobs/link",
    ],
)
def test_rejects_other_links_in_the_hub_cache(hub_cache: Path, target: str) -> None:
    repository = hub_cache.parent.parent
    (repository / "blobs" / "link").symlink_to("aa")
    (hub_cache / "x.json").symlink_to(target)
    assert reason_of(hub_cache) == "symlink-leaves-folder"


def test_rejects_blobs_that_are_themselves_a_link(hub_cache: Path, tmp_path: Path) -> None:
    blobs = hub_cache.parent.parent / "blobs"
    blobs.rename(tmp_path / "blobs")
    blobs.symlink_to(tmp_path / "blobs")
    assert reason_of(hub_cache) == "symlink-leaves-folder"


def test_rejects_hub_links_outside_a_hub_cache(hub_cache: Path) -> None:
    repository = hub_cache.parent.parent
    repository.rename(repository.with_name("org-tiny"))
    assert reason_of(repository.with_name("org-tiny") / "snapshots" / "0123abcd") == (
        "symlink-leaves-folder"
    )


def test_rejects_links_to_a_missing_blob(hub_cache: Path) -> None:
    (hub_cache.parent.parent / "blobs" / "aa").unlink()
    assert reason_of(hub_cache) == "broken-symlink"


def test_rejects_a_pipe_among_the_blobs(hub_cache: Path) -> None:
    blob = hub_cache.parent.parent / "blobs" / "aa"
    blob.unlink()
    os.mkfifo(blob)
    assert reason_of(hub_cache) == "not-a-regular-file"


def test_unchanged_folder_is_unchanged(model: Path) -> None:
    checkpoint = open_checkpoint(model)
    (model / "attestations").mkdir()
    (model / "attestations" / "1.sigstore.json").write_text("{}")
    checkpoint.ensure_unchanged()


def changed(model: Path, path: str, mutate: str) -> None:
    file = model / path
    if mutate == "rewrite":
        # Same bytes, same size, same time: still another write.
        status, content = file.stat(), file.read_bytes()
        file.write_bytes(content)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif mutate == "replace":
        (model / "new").write_bytes(file.read_bytes())
        (model / "new").rename(file)
    elif mutate == "remove":
        file.unlink()
    else:
        (model / "chat_template.jinja").write_text("")


@pytest.mark.parametrize("mutate", ["rewrite", "replace", "remove", "add"])
def test_notices_every_later_change(model: Path, mutate: str) -> None:
    checkpoint = open_checkpoint(model)
    changed(model, "config.json", mutate)
    with pytest.raises(InputError) as caught:
        checkpoint.ensure_unchanged()
    assert caught.value.reason == "changed-while-read"
    expected = "chat_template.jinja" if mutate == "add" else "config.json"
    assert caught.value.where == expected


@pytest.mark.parametrize("mutate", ["rewrite", "replace", "remove"])
def test_opens_only_what_was_listed(model: Path, mutate: str) -> None:
    checkpoint = open_checkpoint(model)
    changed(model, "config.json", mutate)
    with pytest.raises(InputError) as caught:
        checkpoint.read("config.json", max_bytes=1000)
    assert caught.value.reason == "changed-while-read"


def test_opens_no_link_put_in_place_of_a_file_or_folder(model: Path, tmp_path: Path) -> None:
    (model / "sub").mkdir()
    (model / "sub" / "x.txt").write_text("x")
    checkpoint = open_checkpoint(model)
    (model / "sub").rename(tmp_path / "sub")
    (model / "sub").symlink_to(tmp_path / "sub")
    with pytest.raises(InputError):
        checkpoint.read("sub/x.txt", max_bytes=10)


def write_while_open(checkpoint: Checkpoint, path: str) -> None:
    with checkpoint.open_file(path):
        (checkpoint.folder / path).write_text("{} ")


def test_notices_a_write_while_the_file_is_open(model: Path) -> None:
    checkpoint = open_checkpoint(model)
    with pytest.raises(InputError) as caught:
        write_while_open(checkpoint, "config.json")
    assert caught.value.reason == "changed-while-read"


def test_reads_nothing_beyond_the_limit(model: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_checkpoint(model).read("config.json", max_bytes=3)
    assert caught.value.reason == "too-large"
