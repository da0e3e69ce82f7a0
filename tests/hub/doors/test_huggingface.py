"""The door of a Hugging Face repository, against a stand-in that answers as the real hub does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from attest.errors import HubError, InputError
from attest.hub.doors.huggingface import open_huggingface
from attest.hub.doors.pointer import Pointer, git_blob_id
from attest.hub.doors.snapshot import Snapshot
from attest.hub.fetch import Fetcher, Host
from hub.stand_in import Repository, StandIn, served
from hub.uploaded import Uploaded

NAME = "someone/model"


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def repository(stand_in: StandIn, uploaded: Uploaded) -> Repository:
    repository = stand_in.repository(NAME)
    repository.push(uploaded.files)
    return repository


@pytest.fixture
def origin(stand_in: StandIn) -> Iterator[str]:
    with served(stand_in.app()) as origin:
        yield origin


@pytest.fixture
def fetcher(origin: str) -> Iterator[Fetcher]:
    fetcher = Fetcher([Host(origin, may_be_private=True)])
    yield fetcher
    fetcher.close()


def seen_at(origin: str, fetcher: Fetcher, repository: Repository, **options: bool) -> Snapshot:
    return open_huggingface(fetcher, NAME, repository.head, origin=origin, **options)


def test_a_commit_is_checked_by_its_listing(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn, uploaded: Uploaded
) -> None:
    snapshot = seen_at(origin, fetcher, repository)

    assert (snapshot.name, snapshot.revision) == (NAME, repository.head)
    assert snapshot.checked == "listed-hash"
    assert list(snapshot.bundles) == ["attestations/one.sigstore.json"]
    assert snapshot.base_models == ("example/base-model", "another/base")
    verdict = snapshot.check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "passed", verdict.problems
    assert not any("main" in asked for asked in stand_in.seen)
    assert not any("model.safetensors" in asked for asked in stand_in.seen)


def test_served_bytes_are_hashed_where_asked(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn, uploaded: Uploaded
) -> None:
    snapshot = seen_at(origin, fetcher, repository, reads_bytes=True)
    assert snapshot.checked == "served-bytes"
    assert snapshot.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"

    # Right size, other bytes than are listed, as has happened on the real hub.
    weights = bytearray(uploaded.files["model.safetensors"])
    weights[-1] ^= 1
    stand_in.tampered["model.safetensors"] = bytes(weights)
    listed = seen_at(origin, fetcher, repository)
    assert listed.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"
    read = seen_at(origin, fetcher, repository, reads_bytes=True)
    verdict = read.check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "files-changed"
    assert "model.safetensors: not as attested" in verdict.problems


def test_all_pages_of_a_tree_are_read(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn
) -> None:
    whole = seen_at(origin, fetcher, repository)
    stand_in.page_size = 2
    assert seen_at(origin, fetcher, repository).files == whole.files


def test_a_next_page_elsewhere_is_not_followed(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn
) -> None:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    async def tree(request: object) -> JSONResponse:
        link = '<http://169.254.169.254/latest?cursor=x>; rel="next"'
        return JSONResponse([], headers={"Link": link})

    app = Starlette(
        routes=[
            Route("/api/models/someone/model/tree/{revision}", tree),
            Mount("/", stand_in.app()),
        ]
    )
    with served(app) as liar:
        asking = Fetcher([Host(liar, may_be_private=True)])
        # The same page again and again, from the same host: bounded, and nobody else is asked.
        with pytest.raises(HubError, match="more than 200 pages"):
            open_huggingface(asking, NAME, repository.head, origin=liar)
        asking.close()


@pytest.mark.parametrize("commit", ["main", "refs/pr/1", "ABCDEF" + "0" * 34, "0" * 39, ""])
def test_a_branch_is_refused(fetcher: Fetcher, origin: str, commit: str) -> None:
    with pytest.raises(InputError, match="expected a commit of 40"):
        open_huggingface(fetcher, NAME, commit, origin=origin)


@pytest.mark.parametrize("name", ["../../api", "a/b/c", "a b", "someone/..", "x--y", "", "a/b?c"])
def test_a_name_that_is_no_repository_is_refused(
    fetcher: Fetcher, origin: str, stand_in: StandIn, name: str
) -> None:
    with pytest.raises(InputError, match="expected a repository"):
        open_huggingface(fetcher, name, "0" * 40, origin=origin)
    assert stand_in.seen == []


def test_a_branch_that_is_called_like_a_commit_is_refused(
    fetcher: Fetcher, origin: str, repository: Repository
) -> None:
    repository.refs["1" * 40] = repository.head
    with pytest.raises(InputError, match="takes it for a name of commit"):
        open_huggingface(fetcher, NAME, "1" * 40, origin=origin)


def test_what_is_not_there_is_an_error(fetcher: Fetcher, origin: str) -> None:
    with pytest.raises(InputError, match="no such thing") as caught:
        open_huggingface(fetcher, NAME, "1" * 40, origin=origin)
    assert caught.value.reason == "not-found"


def test_a_listed_hash_must_be_that_of_the_pointer(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn
) -> None:
    stand_in.tree_changes["model.safetensors"] = {"lfs": {"oid": "1" * 64, "size": 5}, "size": 5}
    with pytest.raises(InputError) as caught:
        seen_at(origin, fetcher, repository)
    assert caught.value.reason == "pointer-mismatch"


def test_the_blob_id_of_a_real_large_file_is_that_of_its_pointer() -> None:
    # Recorded in the documentation of huggingface_hub, of openai-community/gpt2.
    pointer = Pointer("d88b0d6a6ff9c3f8151f9d3228f57092aaea997f09af009eefd7373a77b5abb9", 497764107)
    assert git_blob_id(pointer.to_bytes()) == "8095a62ccb4d806da7666fcda07467e2d150218e"
    assert len(pointer.to_bytes()) == 134


def test_small_files_must_be_those_of_the_tree(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn, uploaded: Uploaded
) -> None:
    stand_in.tampered["config.json"] = uploaded.files["config.json"][:-1] + b" "
    with pytest.raises(HubError, match="other bytes than the tree lists"):
        seen_at(origin, fetcher, repository)
    stand_in.tampered["config.json"] = uploaded.files["config.json"] + b" "
    with pytest.raises(InputError, match=r"expected at most \d+ bytes, found more"):
        seen_at(origin, fetcher, repository)


def test_a_pointer_that_is_listed_as_a_plain_file_is_refused(
    origin: str, fetcher: Fetcher, repository: Repository, uploaded: Uploaded
) -> None:
    repository.push(uploaded.files | {"tokenizer.model": Pointer("1" * 64, 5).to_bytes()})
    with pytest.raises(InputError) as caught:
        seen_at(origin, fetcher, repository)
    assert caught.value.reason == "pointer-near-miss"


@pytest.mark.parametrize(
    "change", [{"path": "../up"}, {"path": "a//b"}, {"oid": "main"}, {"type": "link"}, {"size": -1}]
)
def test_a_tree_that_cannot_be_one_is_refused(
    origin: str,
    fetcher: Fetcher,
    repository: Repository,
    stand_in: StandIn,
    change: dict[str, object],
) -> None:
    stand_in.tree_changes["config.json"] = change
    with pytest.raises(InputError) as caught:
        seen_at(origin, fetcher, repository)
    assert caught.value.reason == "schema"


def test_a_path_that_is_listed_twice_is_refused(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn
) -> None:
    stand_in.tree_changes["tokenizer.json"] = {"path": "config.json"}
    with pytest.raises(InputError, match="listed twice"):
        seen_at(origin, fetcher, repository)


def test_shard_names_of_an_index_never_become_a_url(
    origin: str, fetcher: Fetcher, repository: Repository, stand_in: StandIn, uploaded: Uploaded
) -> None:
    index = b'{"metadata": {"total_size": 1}, "weight_map": {"w": "../../other/model/resolve/x"}}'
    repository.push(uploaded.files | {"model.safetensors.index.json": index})
    snapshot = seen_at(origin, fetcher, repository)
    verdict = snapshot.check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "partly-covered"
    assert not any("other" in asked for asked in stand_in.seen)


def test_configuration_that_leads_elsewhere_is_no_pass(
    origin: str, fetcher: Fetcher, repository: Repository, uploaded: Uploaded
) -> None:
    import json

    config = json.loads(uploaded.files["config.json"]) | {"transformers_weights": "x.safetensors"}
    repository.push(uploaded.files | {"config.json": json.dumps(config).encode()})
    verdict = seen_at(origin, fetcher, repository).check(
        uploaded.license, uploaded.trust, uploaded.now
    )
    assert any("transformers_weights" in problem for problem in verdict.problems)


def test_a_private_repository_is_read_with_the_operators_token(
    origin: str, fetcher: Fetcher, stand_in: StandIn, repository: Repository
) -> None:
    stand_in.token = "hf_secret"
    with pytest.raises(InputError, match="not permitted"):
        seen_at(origin, fetcher, repository)
    host = Host(origin, may_be_private=True, token="hf_secret")
    assert "hf_secret" not in repr(host)
    allowed = Fetcher([host])
    assert seen_at(origin, allowed, repository).files
    allowed.close()


def test_large_files_come_from_a_host_that_the_operator_lists(
    origin: str, stand_in: StandIn, repository: Repository, uploaded: Uploaded
) -> None:
    with served(stand_in.app()) as downloads:
        stand_in.downloads = downloads
        stand_in.token = "hf_secret"
        token = {"token": "hf_secret"}
        alone = Fetcher([Host(origin, may_be_private=True, **token)])
        with pytest.raises(InputError) as caught:
            seen_at(origin, alone, repository, reads_bytes=True)
        assert caught.value.reason == "redirected-elsewhere"
        alone.close()

        both = Fetcher(
            [
                Host(origin, may_be_private=True, downloads=(downloads,), **token),
                Host(downloads, may_be_private=True),
            ]
        )
        snapshot = seen_at(origin, both, repository, reads_bytes=True)
        assert snapshot.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"
        # The token stays with the host that it is for.
        assert stand_in.authorizations.count(None) == 1
        both.close()


def test_too_many_small_bytes_are_not_read(
    origin: str, fetcher: Fetcher, repository: Repository, uploaded: Uploaded, tmp_path: Path
) -> None:
    repository.push(uploaded.files | {"vocab.json": b" " * (10 * 1024 * 1024 + 1)})
    with pytest.raises(InputError) as caught:
        seen_at(origin, fetcher, repository)
    assert caught.value.reason == "too-large"


def test_too_many_attestations_are_not_read(
    origin: str, fetcher: Fetcher, repository: Repository, uploaded: Uploaded
) -> None:
    many = {f"attestations/{number}.sigstore.json": b"{}" for number in range(65)}
    repository.push(uploaded.files | many)
    with pytest.raises(InputError) as caught:
        seen_at(origin, fetcher, repository)
    assert caught.value.reason == "too-many"
