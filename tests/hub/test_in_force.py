"""A hub that runs takes up newer papers, and none that are worse than those it has."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from attest.attestation.bundle import make_bundle
from attest.attestation.documents import Kind
from attest.hub import in_force as in_force_module
from attest.hub.hub import Hub
from attest.hub.in_force import RETRY_S, PolicyInForce
from attest.hub.pages import router
from attest.hub.service.app import create_app
from place import NOW, READ_ONLY_TOKEN, TOKEN, WEBHOOK_SECRET, Place
from processes import processes
from world import NAME, sign

LIST = "revocations.json"


def put(
    place: Place,
    name: str,
    values: dict[str, Any],
    *,
    by: Sequence[str],
    kind: Kind = "trust",
) -> None:
    """A document as its signers bring it: the old one is gone before the new one is signed."""
    data = json.dumps(values).encode()
    (place.folder / name).write_bytes(data)
    for old in place.folder.glob(f"{name}.*"):
        old.unlink()
    for who in by:
        signature = sign(data, kind, place.world.keys[who])
        (place.folder / f"{name}.{who}.sigstore.json").write_bytes(signature)


def put_trust(place: Place, *, by: Sequence[str] = ("owner",), **changes: Any) -> None:
    values = place.world.trust_values(revocations_by="licensor", **changes)
    put(place, "trust.json", values, by=by)


def put_list(
    place: Place, *, number: int, by: Sequence[str] = ("lab",), revoked: Sequence[str] = ()
) -> None:
    values = {
        "version": "attest-revocations/1",
        "trust": NAME,
        "number": number,
        "expires": "2099-01-01",
        "licenses": [{"sha256": sha256} for sha256 in revoked],
    }
    put(place, LIST, values, by=by, kind="revocations")


def written(place: Place, **changes: Any) -> Path:
    """A policy whose trust file asks for a revocation list, of which there is number 5."""
    policy = place.write_policy(rule={"revocations": LIST}, **changes)
    put_trust(place)
    put_list(place, number=5)
    return policy


@pytest.fixture
def in_force(place: Place) -> PolicyInForce:
    return PolicyInForce(written(place), lambda: NOW)


def look(in_force: PolicyInForce) -> bool:
    """Have it look until what lies there has lain still; says whether that is in force."""
    for _ in range(2):
        in_force.renew()
    return in_force.is_current


def numbers(in_force: PolicyInForce) -> dict[str, int]:
    trust = in_force.policy.rules["small"].trust
    assert trust.revocations is not None
    return {"trust": trust.file.content.number, "list": trust.revocations.content.number}


def test_nothing_new_changes_nothing(in_force: PolicyInForce, place: Place) -> None:
    before = in_force.policy
    assert look(in_force)
    (place.folder / "trust.json").touch()
    assert look(in_force)

    assert in_force.policy is before


def test_newer_papers_are_taken_up_one_after_the_other(
    in_force: PolicyInForce, place: Place
) -> None:
    versions = {in_force.policy.rules["small"].trust_version}
    put_list(place, number=6)
    assert look(in_force)
    versions.add(in_force.policy.rules["small"].trust_version)
    put_trust(place, number=4)
    assert look(in_force)
    versions.add(in_force.policy.rules["small"].trust_version)

    assert numbers(in_force) == {"trust": 4, "list": 6}
    assert len(versions) == 3


def test_a_file_that_is_being_written_is_waited_for(in_force: PolicyInForce, place: Place) -> None:
    for number in (6, 7, 8):
        put_list(place, number=number)
        in_force.renew()
        assert numbers(in_force)["list"] == 5
    in_force.renew()

    assert numbers(in_force)["list"] == 8


@pytest.mark.parametrize(
    ("reason", "where", "change"),
    [
        ("revocations-refused", "small", lambda place: put_list(place, number=4)),
        ("revocations-refused", "small", lambda place: put_list(place, number=6, by=[])),
        ("revocations-refused", "small", lambda place: put_list(place, number=6, by=["hub"])),
        (
            "revocations-refused",
            "small",
            lambda place: put_list(place, number=5, revoked=["0" * 64]),
        ),
        ("trust-refused", "small", lambda place: put_trust(place, number=2)),
        ("trust-refused", "small", lambda place: put_trust(place, number=4, by=[])),
        (
            "trust-refused",
            "small",
            lambda place: put_trust(
                place,
                number=4,
                by=["second-owner"],
                owner={"keys": [place.world.pem("second-owner")]},
            ),
        ),
        ("trust-refused", "small", lambda place: put_trust(place, number=4, name="Another Lab")),
        ("trust-refused", "small", lambda place: put_trust(place, number=4, expires="2026-01-01")),
        (
            "license-refused",
            "small",
            lambda place: (place.folder / "license.yaml.signed.sigstore.json").unlink(),
        ),
        ("unreadable", None, lambda place: (place.folder / LIST).unlink()),
        ("unreadable", None, lambda place: (place.folder / "policy.yaml").unlink()),
        (
            "not-yaml",
            f"{LIST}:1:17",
            lambda place: (place.folder / LIST).write_text('{"version": "att'),
        ),
        ("schema", None, lambda place: (place.folder / "policy.yaml").write_text("name: x")),
        ("secret", "publisher", lambda place: (place.folder / "token.secret").write_text("short")),
    ],
)
def test_what_does_not_hold_leaves_in_force_what_was(
    in_force: PolicyInForce,
    place: Place,
    caplog: pytest.LogCaptureFixture,
    reason: str,
    where: str | None,
    change: Any,
) -> None:
    before = in_force.policy
    assert look(in_force)
    change(place)

    assert not look(in_force)
    assert in_force.policy is before
    (record,) = [one for one in caplog.records if one.levelno == logging.WARNING]
    assert record.getMessage() == "policy-refused"
    facts = record.__dict__["facts"]
    assert facts["reason"] == reason
    assert where is None or facts["where"] == where


def test_what_was_refused_is_taken_up_once_it_is_mended(
    in_force: PolicyInForce, place: Place
) -> None:
    put_list(place, number=6, by=[])
    assert not look(in_force)
    put_list(place, number=6)

    assert look(in_force)
    assert numbers(in_force)["list"] == 6
    put_list(place, number=5)
    assert not look(in_force), "what was taken up is remembered"


def test_a_newer_trust_file_does_not_wait_for_the_list_that_it_asks_for(
    in_force: PolicyInForce, place: Place
) -> None:
    grants = [
        {"role": "licensor", "signers": ["auditor"]},
        {"role": "publisher", "signers": ["publisher"]},
    ]
    put_trust(place, number=4, grants=grants)

    assert look(in_force), "whoever lost his key is out at once, and then no check passes"
    assert numbers(in_force) == {"trust": 4, "list": 5}


def test_a_file_that_the_policy_names_before_it_is_there_is_waited_for(place: Place) -> None:
    in_force = PolicyInForce(place.write_policy(), lambda: NOW)
    place.folder.joinpath("policy.yaml").write_text(
        json.dumps(place.policy_values(rule={"revocations": LIST}))
    )
    assert not look(in_force)
    put_trust(place, number=4)
    put_list(place, number=1)

    assert look(in_force)
    assert numbers(in_force) == {"trust": 4, "list": 1}


def test_what_was_refused_is_read_again_after_a_while(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = PolicyInForce(place.write_policy(), lambda: NOW)
    token = {"name": "ci", "scopes": ["verdicts"], "secret": {"environment": "HUB_TOKEN_OF_CI"}}
    place.write_policy(tokens=[token])
    assert not any(look(running) for _ in range(2))
    # What is wrong may lie in no file, such as too many that are open.
    monkeypatch.setenv("HUB_TOKEN_OF_CI", TOKEN)
    assert not look(running)

    now = monotonic()
    monkeypatch.setattr(in_force_module, "monotonic", lambda: now + RETRY_S)
    assert look(running)


def test_a_rule_that_is_new_must_hold_too(in_force: PolicyInForce, place: Place) -> None:
    first = place.policy_values(rule={"revocations": LIST})["rules"][0]
    second = first | {"name": "second", "base_models": ["other/base"], "trust": "other.json"}
    policy = place.folder / "policy.yaml"
    policy.write_text(json.dumps(place.policy_values(rules=[first, second])))
    values = place.world.trust_values(revocations_by="licensor")
    put(place, "other.json", values, by=["lab"])
    assert not look(in_force)
    put(place, "other.json", values, by=["owner"])

    assert look(in_force)
    assert set(in_force.policy.rules) == {"small", "second"}


def test_connections_are_as_they_were_made_at_the_start(
    in_force: PolicyInForce, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    other = place.policy_values()["huggingface"] | {"origin": "http://127.0.0.1:2"}
    values = place.policy_values(rule={"revocations": LIST}, huggingface=other)
    (place.folder / "policy.yaml").write_text(json.dumps(values))

    assert look(in_force)
    assert "restart-needed" in [one.getMessage() for one in caplog.records]


@pytest.fixture
def hub(place: Place, sqlite: str) -> Iterator[Hub]:
    with place.open(sqlite) as opened:
        yield opened


def listing(place: Place, bundle: bytes) -> dict[str, Any]:
    files = {path: one.sha256 for path, one in place.files().items()}
    return {"files": files, "bundles": [base64.b64encode(bundle).decode()]}


def test_the_service_goes_by_the_policy_in_force(hub: Hub, place: Place) -> None:
    client = TestClient(create_app(hub, router(hub)))
    asked = listing(place, place.release.bundle()) | {
        "files": {path: one.sha256 for path, one in place.files().items()}
        | {"config.json": "0" * 64}
    }

    def action(token: str) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post("/v1/verify", json=asked, headers=headers)
        return answer.json().get("action", answer.status_code)

    assert (action(TOKEN), action(READ_ONLY_TOKEN)) == ("reject", "reject")
    tokens = place.policy_values()["tokens"][:1]
    place.write_policy(
        rule={"failed": "hold"}, tokens=tokens, name="New Name", limits={"requests_per_minute": "2"}
    )
    (place.folder / "webhook.secret").write_text(WEBHOOK_SECRET[::-1])
    look(hub.in_force)

    assert (action(TOKEN), action(READ_ONLY_TOKEN)) == ("hold", 401), "and nothing is remembered"
    assert (action(TOKEN), action(TOKEN)) == ("hold", 429)
    assert "New Name" in client.get("/").text
    for secret, status in ((WEBHOOK_SECRET, 401), (WEBHOOK_SECRET[::-1], 422)):
        headers = {"X-Webhook-Secret": secret}
        assert client.post("/hooks/huggingface", json={}, headers=headers).status_code == status


def test_health_and_metrics_say_when_older_papers_are_in_force(hub: Hub, place: Place) -> None:
    client = TestClient(create_app(hub))

    def told() -> dict[str, Any]:
        name = "attest_hub_policy_is_current "
        (line,) = [one for one in client.get("/metrics").text.splitlines() if one.startswith(name)]
        health = client.get("/healthz").json()
        return {"health": health["policyIsCurrent"], "metric": line.removeprefix(name)}

    assert told() == {"health": True, "metric": "1.0"}
    (place.folder / "policy.yaml").write_text("nonsense")
    look(hub.in_force)
    assert told() == {"health": False, "metric": "0.0"}


def test_a_running_server_sees_a_revocation_without_a_restart(
    place: Place, sqlite: str, tmp_path: Path
) -> None:
    statement = place.release.statement(issued=datetime.now(UTC)).to_json()
    asked = listing(place, make_bundle(statement, place.release.key))
    license = place.release.license.sha256
    with processes(written(place), place.key_file, sqlite, tmp_path / "log") as hub:
        hub.serve()

        def state() -> Any:
            answer = httpx2.post(f"http://127.0.0.1:{hub.port}/v1/verify", json=asked, timeout=30)
            return answer.json()["verdict"]["state"]

        assert state() == "passed"
        (place.folder / LIST).write_text('{"version": "attest-revoc')
        hub.wait_until(lambda: not hub.get("/healthz")["policyIsCurrent"])
        assert state() == "passed", "the list from before is in force"

        put_list(place, number=6, revoked=[license])
        hub.wait_until(lambda: bool(hub.get("/healthz")["policyIsCurrent"]))
        assert state() == "withdrawn"
