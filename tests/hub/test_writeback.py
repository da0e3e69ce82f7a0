"""Write-back: the real client of the hub, against a stand-in that speaks the real API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from attest.errors import HubError, InputError
from attest.hub.doors.huggingface import open_huggingface
from attest.hub.fetch import Fetcher, Host
from attest.hub.writeback import Account, Dataset, Proposal, propose, result_entries
from hub.stand_in import Repository, StandIn, served
from hub.uploaded import Uploaded, make_uploaded

NAME = "someone/model"
PAGE = "https://hub.example.org/attestations/1"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Uploaded:
    return make_uploaded(tmp_path_factory.mktemp("published"))


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn(token="hf_secret")


@pytest.fixture
def repository(stand_in: StandIn, published: Uploaded) -> Repository:
    """The release as it was uploaded, without its attestation."""
    repository = stand_in.repository(NAME)
    files = published.files
    del files["attestations/one.sigstore.json"]
    repository.push(files)
    return repository


@pytest.fixture
def account(stand_in: StandIn) -> Iterator[Account]:
    with served(stand_in.app()) as origin:
        yield Account(origin, "hf_secret")


def proposal(published: Uploaded, commit: str) -> Proposal:
    verdict = published_verdict(published)
    entries = result_entries(
        verdict, published.license, {"private": Dataset("example/private", "refusal")}, page=PAGE
    )
    return Proposal(commit, published.bundle, entries)


def published_verdict(published: Uploaded):
    from attest.hub.doors.folder import open_folder

    verdict = open_folder(published.folder).check(published.license, published.trust, published.now)
    assert verdict.verification is not None
    return verdict.verification


def test_a_pull_request_brings_the_attestation_and_results(
    account: Account, repository: Repository, published: Uploaded
) -> None:
    before = repository.head
    url = propose(account, NAME, proposal(published, before))

    assert url == f"{account.origin}/{NAME}/discussions/1"
    assert repository.head == before, "nothing is merged by us"
    commit = repository.find("refs/pr/1")
    assert commit is not None
    added = sorted(set(commit.files) - set(repository.commits[0].files))
    results, bundle = added
    assert bundle.startswith("attestations/")
    assert commit.files[bundle] == published.bundle
    assert results.startswith(".eval_results/attest-")

    entries = yaml.safe_load(commit.files[results])
    assert [entry["dataset"] for entry in entries] == [
        {"id": "example/private", "task_id": "refusal"}
    ] * 3
    assert all(entry["source"] == {"url": PAGE, "name": "attest"} for entry in entries)
    assert all(0 <= entry["value"] <= 1 for entry in entries)
    assert all("verifyToken" not in entry for entry in entries)
    assert "unsafe_rate, lower is better, over 12 items" in entries[0]["notes"]
    assert "Small License 1.0: pass" in entries[0]["notes"]


def test_what_was_proposed_passes_the_check(
    account: Account, repository: Repository, published: Uploaded
) -> None:
    propose(account, NAME, proposal(published, repository.head))
    fetcher = Fetcher([Host(account.origin, may_be_private=True, token=account.token)])
    snapshot = open_huggingface(fetcher, NAME, repository.refs["refs/pr/1"], origin=account.origin)
    assert snapshot.check(published.license, published.trust, published.now).state == "passed"
    fetcher.close()


def test_nothing_is_proposed_twice(
    account: Account, repository: Repository, published: Uploaded
) -> None:
    made = proposal(published, repository.head)
    repository.push(repository.commits[0].files | made.files())
    again = Proposal(repository.head, made.bundle, made.results)
    assert propose(account, NAME, again) is None
    assert "refs/pr/1" not in repository.refs


def test_a_branch_that_moved_on_is_not_written_to(
    account: Account, repository: Repository, published: Uploaded
) -> None:
    made = proposal(published, repository.head)
    repository.push({"README.md": b"new"}, title="Another")
    with pytest.raises(HubError, match="answered 412") as caught:
        propose(account, NAME, made)
    assert caught.value.hint == "check the newest commit, and propose that"


def test_the_token_is_the_operators_alone(
    account: Account,
    repository: Repository,
    published: Uploaded,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    made = proposal(published, repository.head)
    with pytest.raises(InputError, match="not permitted"):
        propose(Account(account.origin), NAME, made)
    assert "hf_secret" not in repr(account)


def test_a_repository_that_is_not_there_is_an_error(
    account: Account, published: Uploaded, repository: Repository
) -> None:
    for name in ("someone/other", "not a/name"):
        with pytest.raises(InputError):
            propose(account, name, proposal(published, repository.head))


def test_a_hub_that_does_not_answer_is_tried_later(
    published: Uploaded, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.utils._http as client

    # Its client waits between attempts, longer each time.
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    with pytest.raises(HubError):
        propose(Account("http://127.0.0.1:1"), NAME, proposal(published, repository.head))


def test_only_what_was_verified_is_told(published: Uploaded) -> None:
    found = published_verdict(published).model_copy(update={"is_verified": False})
    with pytest.raises(InputError, match="nothing was verified"):
        result_entries(found, published.license, {}, page=PAGE)
    assert result_entries(published_verdict(published), published.license, {}, page=PAGE) == ()
