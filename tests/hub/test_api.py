"""The API, asked over HTTP in this process."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from attest.attestation.bundle import make_bundle
from attest.canonical import sha256_hex
from attest.hub.hub import Hub
from attest.hub.logs import JsonFormatter
from attest.hub.service.app import create_app
from attest.hub.service.requests import MAX_BODY_BYTES
from attest.hub.store.database import Store
from attest.verification.states import State
from place import BASE, COMMIT, READ_ONLY_TOKEN, TOKEN, WEBHOOK_SECRET, Place

WRITES = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def hub(place: Place, database: str) -> Iterator[Hub]:
    with place.open(database) as opened:
        yield opened


@pytest.fixture
def client(hub: Hub) -> Iterator[TestClient]:
    with TestClient(create_app(hub), raise_server_exceptions=False) as found:
        yield found


def listing(place: Place) -> dict[str, Any]:
    return {path: one.sha256 for path, one in place.files().items()}


def hand_in(client: TestClient, bundle: bytes, token: str = TOKEN) -> Any:
    headers = {"Authorization": f"Bearer {token}"}
    return client.post("/v1/attestations", content=bundle, headers=headers)


def push(sha: str | None = COMMIT, **changes: Any) -> dict[str, Any]:
    return {
        "event": {"action": "update", "scope": "repo.content"},
        "repo": {
            "type": "model",
            "name": "someone/model",
            "id": "id-1",
            "private": False,
            "url": {"web": "https://huggingface.example/someone/model"},
            "owner": {"id": "someone"},
        },
        "updatedRefs": [{"ref": "refs/heads/main", "oldSha": None, "newSha": sha}],
        "webhook": {"id": "w", "version": 3},
        **changes,
    }


def test_a_listing_is_verified_with_the_attestations_that_come_with_it(
    client: TestClient, place: Place
) -> None:
    bundle = base64.b64encode(place.release.bundle()).decode()
    asked = {"files": listing(place), "bundles": [bundle], "baseModel": BASE}
    answer = client.post("/v1/verify", json=asked)

    assert answer.status_code == 200
    found = answer.json()
    assert (found["verdict"]["state"], found["action"]) == ("passed", "allow")
    assert (found["rule"], found["recorded"]) == ("small", False)
    assert found["verdict"]["checked"] == "listed-hash"
    assert client.get(f"/v1/verdicts/{found['key']}").status_code == 404


def test_a_changed_file_is_found_by_its_hash_alone(client: TestClient, place: Place) -> None:
    files = listing(place) | {"config.json": "0" * 64}
    bundle = base64.b64encode(place.release.bundle()).decode()
    found = client.post("/v1/verify", json={"files": files, "bundles": [bundle]}).json()

    assert (found["verdict"]["state"], found["action"]) == ("files-changed", "reject")


def test_what_was_handed_in_is_found_by_the_hash_of_any_file(
    client: TestClient, place: Place
) -> None:
    bundle = place.release.bundle()
    first, second = hand_in(client, bundle), hand_in(client, bundle)

    assert first.status_code == 200, first.text
    assert (first.json()["isNew"], second.json()["isNew"]) == (True, False)
    for digest in listing(place).values():
        page = client.get(f"/v1/subjects/sha256:{digest}").json()
        assert [one["attestation"]["sha256"] for one in page["coveredBy"]] == [sha256_hex(bundle)]
    assert client.get(f"/v1/attestations/{sha256_hex(bundle)}/bundle").content == bundle
    about = client.get(f"/v1/attestations/{sha256_hex(bundle)}").json()
    assert about["licenseName"] == place.release.license.terms.name
    verified = client.post("/v1/verify", json={"files": listing(place)}).json()
    assert verified["verdict"]["state"] == "passed", "nobody has to send what the hub has"


def test_only_what_verifies_is_stored(client: TestClient, place: Place) -> None:
    stranger = make_bundle(place.release.statement().to_json(), place.world.keys["lab"])
    answer = hand_in(client, stranger)

    assert (answer.status_code, answer.json()["reason"]) == (422, "not-verified")
    assert client.get(f"/v1/attestations/{sha256_hex(stranger)}").status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"a": 1, "a": 2}', b"\xff", b"[" * 5000, b'{"mediaType": "x"}']
)
def test_what_is_no_bundle_is_refused(client: TestClient, body: bytes) -> None:
    assert hand_in(client, body).status_code == 422


def test_a_recorded_verdict_is_there_with_the_hubs_own_statement(
    client: TestClient, place: Place
) -> None:
    hand_in(client, place.release.bundle())
    asked = {"files": listing(place), "record": True}
    key = client.post("/v1/verify", json=asked, headers=WRITES).json()["key"]
    again = client.post("/v1/verify", json=asked, headers=WRITES).json()["key"]

    assert key == again
    stored = client.get(f"/v1/verdicts/{key}").json()
    assert (stored["verdict"]["state"], stored["hasSummary"]) == ("passed", True)
    summary = client.get(f"/v1/verdicts/{key}/summary").json()
    payload = json.loads(base64.b64decode(summary["dsseEnvelope"]["payload"]))
    assert payload["predicateType"] == "https://in-toto.io/attestation/svr/v0.2"
    assert payload["predicate"]["verifier"]["id"].startswith("https://hub.example#")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer nobody"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Bearer {READ_ONLY_TOKEN}"}, 403),
    ],
)
def test_writing_needs_a_token_with_the_scope(
    client: TestClient, place: Place, headers: dict[str, str], status: int
) -> None:
    answer = client.post("/v1/attestations", content=place.release.bundle(), headers=headers)

    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_recording_needs_a_token(client: TestClient, place: Place) -> None:
    asked = {"files": listing(place), "record": True}
    assert client.post("/v1/verify", json=asked).status_code == 401


def hook(client: TestClient, value: object, secret: str = WEBHOOK_SECRET) -> Any:
    return client.post("/hooks/huggingface", json=value, headers={"X-Webhook-Secret": secret})


def test_a_webhook_is_taken_in_once(client: TestClient) -> None:
    first, replayed = hook(client, push()), hook(client, push())

    assert (first.status_code, replayed.status_code) == (202, 202)
    assert (first.json()["nNew"], replayed.json()["nNew"]) == (1, 0)
    (key,) = first.json()["deliveries"]
    found = client.get(f"/v1/deliveries/{key}").json()
    assert (found["state"], found["revision"]) == ("queued", COMMIT)


def test_a_renamed_repository_is_the_same_one(client: TestClient) -> None:
    renamed = push()
    renamed["repo"] = renamed["repo"] | {"name": "someone/other-name"}
    hook(client, push())

    assert hook(client, renamed).json()["nNew"] == 0


@pytest.mark.parametrize(
    "value",
    [
        push(None),
        push(event={"action": "update", "scope": "discussion"}),
        push(event={"action": "update", "scope": "repo"}),
        push(repo=push()["repo"] | {"type": "dataset"}),
        push(repo=push()["repo"] | {"private": True}),
    ],
)
def test_a_webhook_about_something_else_is_passed_over(client: TestClient, value: object) -> None:
    answer = hook(client, value)

    assert (answer.status_code, answer.json()) == (202, {"deliveries": [], "nNew": 0})


def test_an_unknown_narrower_scope_is_an_update_of_its_parent(client: TestClient) -> None:
    value = push(event={"action": "update", "scope": "repo.content.something"})
    assert hook(client, value).json()["nNew"] == 1


@pytest.mark.parametrize("sha", ["main", "1" * 39, "HEAD", "1" * 64, "../../x"])
def test_a_webhook_names_a_commit_and_no_branch(client: TestClient, sha: str) -> None:
    assert hook(client, push(sha)).status_code == 422


@pytest.mark.parametrize("secret", ["", "wrong", WEBHOOK_SECRET + " x", "ä"])
def test_a_webhook_needs_its_secret(client: TestClient, secret: str) -> None:
    headers = {b"X-Webhook-Secret": secret.encode()}
    answer = client.post("/hooks/huggingface", json=push(), headers=headers)

    assert answer.status_code == 401


def test_the_secret_does_not_count_in_the_query(client: TestClient) -> None:
    answer = client.post(f"/hooks/huggingface?secret={WEBHOOK_SECRET}", json=push())
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/hooks/huggingface", "/v1/verify"])
def test_a_body_beyond_the_bound_is_refused(client: TestClient, path: str) -> None:
    headers = {"X-Webhook-Secret": WEBHOOK_SECRET}
    body = b" " * (MAX_BODY_BYTES + 1)

    def in_pieces() -> Iterator[bytes]:
        yield from (body[start : start + 65536] for start in range(0, len(body), 65536))

    assert client.post(path, content=body, headers=headers).status_code == 413
    assert client.post(path, content=in_pieces(), headers=headers).status_code == 413


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/verify", content=b"x", headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_listing_is_read_strictly(client: TestClient, place: Place) -> None:
    good = json.dumps({"files": listing(place)})
    twice = good[:-1] + "," + good[1:]
    outside = json.dumps({"files": {"../x": "0" * 64}})
    for body in (twice, outside, "{}", '{"files": {}}', '{"files": {"a": "x"}}', "nonsense"):
        assert client.post("/v1/verify", content=body.encode()).status_code == 422, body


def test_an_unknown_rule_is_named_with_those_that_there_are(
    client: TestClient, place: Place
) -> None:
    asked = {"files": listing(place), "rule": "another"}
    answer = client.post("/v1/verify", json=asked)

    assert (answer.status_code, answer.json()["hint"]) == (422, "rules: small")


def test_too_many_requests_are_refused_until_a_while_has_passed(place: Place, sqlite: str) -> None:
    with place.open(sqlite, limits={"requests_per_minute": "3"}) as hub:
        client = TestClient(create_app(hub))
        statuses = [client.get(f"/v1/subjects/sha256:{'0' * 64}").status_code for _ in range(4)]

        assert statuses == [404, 404, 404, 429]
        other = client.post("/v1/verify", json={"files": listing(place)}, headers=WRITES)
        assert other.status_code == 200, "a token has a rate of its own"


def test_the_hub_says_that_it_is_well(client: TestClient, hub: Hub) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    hook(client, push())
    text = client.get("/metrics").text
    assert 'attest_hub_deliveries{state="queued"} 1.0' in text
    assert 'route="/hooks/huggingface",status="202"' in text


def test_a_database_that_does_not_answer_is_no_defect(client: TestClient, hub: Hub) -> None:
    hub.store.close()
    object.__setattr__(hub, "store", Store(_gone(hub)))

    answer = client.get("/healthz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def _gone(hub: Hub) -> Any:
    import sqlalchemy as sa

    gone = {"sqlite": "sqlite:////nowhere/hub.db"}
    url = gone.get(hub.store.engine.dialect.name, "postgresql+psycopg://hub@/x?host=/nowhere")
    return sa.create_engine(url)


def test_the_log_holds_neither_secrets_nor_what_was_sent(
    client: TestClient, place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "attest.hub")
    word = "a-word-that-an-uploader-wrote"
    renamed = push()
    renamed["repo"] = renamed["repo"] | {"name": f"someone/{word}"}
    hook(client, renamed)
    client.get(f"/nowhere/{word}?secret={WEBHOOK_SECRET}")
    client.post("/v1/verify", json={"files": {word: "0" * 64}}, headers=WRITES)
    client.post("/v1/verify", content=word.encode(), headers=WRITES)
    lines = [JsonFormatter().format(record) for record in caplog.records]

    assert len(lines) >= 4
    assert all(json.loads(line)["event"] for line in lines)
    for kept_out in (word, WEBHOOK_SECRET, TOKEN):
        assert kept_out not in "\n".join(lines)


def test_the_openapi_document_describes_what_is_answered(client: TestClient) -> None:
    document = client.get("/openapi.json").json()

    assert document["paths"]["/v1/verify"]["post"]["requestBody"]["content"]["application/json"][
        "example"
    ]
    text = json.dumps(document)
    names = document["components"]["schemas"]
    used = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used <= set(names)
    assert set(get_args(State)) <= set(text.replace('"', " ").replace(",", " ").split())
