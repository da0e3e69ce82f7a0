"""A repository stands where its main branch points to, whichever way it went there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from attest.hub.hub import Hub
from attest.hub.reconcile import look_up_watched
from attest.hub.service.app import create_app
from attest.hub.store import queries_pages
from attest.hub.store.deliveries import Upload
from attest.hub.uploads import accept_upload, check_upload
from place import NOW, WEBHOOK_SECRET, FixedDoor, Place, upload, with_door

FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def hub(place: Place, database: str) -> Iterator[Hub]:
    """A hub whose clock ticks; the first commit is attested, the second is not."""
    bundle = {"attestations/a.sigstore.json": place.release.bundle()}
    changed = dict(place.files())
    changed["config.json"] = changed["config.json"].model_copy(update={"sha256": "0" * 64})
    door = FixedDoor({FIRST: place.snapshot(bundle), SECOND: place.snapshot(bundle, files=changed)})
    ticks = iter(range(1000))
    with place.open(database, watch=["someone/model-1"]) as opened:
        yield replace(with_door(opened, door), clock=lambda: NOW + timedelta(seconds=next(ticks)))


def told(hub: Hub, revision: str, moved_from: str | None = None) -> bool:
    """Tell the hub where the branch points to, and have it checked."""
    one = replace(upload(revision), moved_from=moved_from)
    is_new = accept_upload(hub, one)
    check_upload(hub, one.key)
    return is_new


def stands_at(hub: Hub) -> str | None:
    with hub.store.read() as connection:
        found = queries_pages.standing(connection, "huggingface", "someone/model-1")
    assert found is not None
    assert not found.is_pending
    assert found.revision == found.newest_revision
    assert found.state == {FIRST: "passed", SECOND: "files-changed"}[found.revision or ""]
    return found.revision


def test_a_branch_that_is_reset_stands_by_the_commit_it_was_reset_to(hub: Hub) -> None:
    assert told(hub, FIRST)
    assert told(hub, SECOND, FIRST)
    assert stands_at(hub) == SECOND

    assert not told(hub, FIRST, SECOND), "nothing is checked twice"
    assert stands_at(hub) == FIRST
    assert not told(hub, SECOND, FIRST)
    assert stands_at(hub) == SECOND


def test_a_webhook_that_comes_again_late_moves_nothing(hub: Hub) -> None:
    told(hub, FIRST, "0" * 40)
    told(hub, SECOND, FIRST)

    for before in (None, "0" * 40, FIRST):
        told(hub, FIRST, before)
        assert stands_at(hub) == SECOND


def test_a_reset_that_no_webhook_told_is_found_by_the_poll(place: Place, hub: Hub) -> None:
    told(hub, FIRST)
    told(hub, SECOND, FIRST)
    polling = replace(hub, watch=lambda name: upload(FIRST))
    for _ in range(2):
        look_up_watched(polling)
        assert stands_at(hub) == FIRST


def test_a_deeper_check_that_comes_late_does_not_bring_its_commit_back(
    place: Place, database: str
) -> None:
    bundle = {"attestations/a.sigstore.json": place.release.bundle()}
    door = FixedDoor({FIRST: place.snapshot(bundle), SECOND: place.snapshot(bundle)})
    ticks = iter(range(1000))
    with place.open(database, rule={"level": "served-bytes"}) as opened:
        hub = replace(with_door(opened, door), clock=lambda: NOW + timedelta(seconds=next(ticks)))
        one = upload(FIRST)
        accept_upload(hub, one)
        accept_upload(hub, upload(SECOND))
        check_upload(hub, one.key)
        check_upload(hub, upload(SECOND).key)
        check_upload(hub, replace(upload(SECOND), depth="served-bytes").key)
        check_upload(hub, replace(one, depth="served-bytes").key)

        with hub.store.read() as connection:
            found = queries_pages.standing(connection, "huggingface", "someone/model-1")
    assert found is not None
    assert (found.revision, found.checked, found.action) == (SECOND, "served-bytes", "allow")


def test_a_webhook_says_where_the_branch_came_from(hub: Hub) -> None:
    with TestClient(create_app(hub)) as client:
        for before, after in ((None, FIRST), (FIRST, SECOND), (SECOND, FIRST)):
            body = {
                "event": {"action": "update", "scope": "repo.content"},
                "repo": {
                    "type": "model",
                    "name": "someone/model-1",
                    "id": "id-1",
                    "owner": {"id": "someone"},
                },
                "updatedRefs": [{"ref": "refs/heads/main", "oldSha": before, "newSha": after}],
            }
            headers = {"X-Webhook-Secret": WEBHOOK_SECRET}
            answer = client.post(
                "/hooks/huggingface", content=json.dumps(body), headers=headers
            ).json()
            check_upload(hub, answer["deliveries"][0])
            assert stands_at(hub) == after


def test_a_poll_that_is_overtaken_by_a_webhook_moves_nothing(hub: Hub) -> None:
    told(hub, FIRST)
    overtaking = [SECOND]

    def watch(name: str) -> Upload:
        """What the branch points to; just after the first answer it moves on, and that is told."""
        answer = upload(SECOND if not overtaking else FIRST)
        if overtaking:
            told(hub, overtaking.pop(), FIRST)
        return answer

    look_up_watched(replace(hub, watch=watch))
    assert stands_at(hub) == SECOND
