"""The pages as they are served: what they say, of whom, and what they never let through."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from staging import BASE, BROKEN, Stage, app_of
from starlette.testclient import TestClient

from attest.canonical import sha256_hex
from attest.hub.hub import Hub
from attest.hub.pages.wording import WORDINGS
from attest.verification.listings import FileDigests
from attest.verification.states import STATES
from place import Place

SCRIPT = "<script>alert(1)</script>"


def page(client: TestClient, name: str) -> str:
    answer = client.get(f"/r/huggingface/{name}")
    assert answer.status_code == 200
    return answer.text


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_every_state_has_a_page_that_names_it(client: TestClient) -> None:
    for name in [*STATES, "no-rule"]:
        text = page(client, f"someone/{name}")
        heading = re.search(r'<h2 id="standing".*?</h2>', text, re.DOTALL)
        assert heading is not None
        assert words(heading[0]) == WORDINGS[name].label  # type: ignore[index]  # a name of these
        assert "<svg" in heading[0]
    assert len({wording.label for wording in WORDINGS.values()}) == len(WORDINGS)


def test_a_pass_is_said_in_one_sentence_with_all_that_it_rests_on(client: TestClient) -> None:
    text = words(page(client, "someone/passed"))

    assert (
        "The publisher publisher measured these exact files on attest-core, signed 1 June 2026: "
        "4 of 4 thresholds of Tiny Demonstration License 1.0 are met." in text
    )
    assert "against the hashes that huggingface lists" in text
    assert "6 of 6" in text
    assert "1, files and arithmetic" in text
    assert "That the model is safe." in text
    assert "That anybody but the publisher measured it." in text


def test_what_falls_short_is_named(client: TestClient) -> None:
    assert "3 of 4 thresholds" in words(page(client, "someone/below-threshold"))
    assert "refuses-harmful is not met" in words(page(client, "someone/below-threshold"))
    assert "refuses-harmful is not shown to be met" in words(page(client, "someone/not-shown"))


def test_the_file_that_changed_stands_out(client: TestClient) -> None:
    rows = re.findall(r"<tr.*?</tr>", page(client, "someone/files-changed"), re.DOTALL)
    said = [words(row) for row in rows]

    assert any(row.startswith("config.json") and " Changed " in row for row in said)
    assert any(row.startswith("model.safetensors") and " As attested " in row for row in said)


def test_what_a_page_offers_can_be_had(client: TestClient) -> None:
    for name in ("passed", "files-changed", "could-not-check", "no-rule"):
        text = page(client, f"someone/{name}")
        for link in set(re.findall(r'(?:href|src)="(/[^"]*)"', text)):
            assert client.get(link).status_code == 200, link


def test_the_listing_is_what_sha256sum_writes(client: TestClient, stage: Stage) -> None:
    text = page(client, "someone/passed")
    link = re.search(r'href="(/listings/[0-9a-f]{64})"', text)
    assert link is not None
    lines = client.get(link[1]).text.splitlines()

    weights = sha256_hex(b"model-passed")
    assert f"{weights}  model.safetensors" in lines
    assert f"curl -o files.sha256 https://hub.example{link[1]}" in words(text)


def test_the_history_keeps_what_a_repository_was(hub: Hub, stage: Stage) -> None:
    client = TestClient(app_of(hub))
    first = page(client, "someone/passed")
    (old,) = set(re.findall(r"Commit <code class=\"digest\">([0-9a-f]{40})", first))
    stage.push(hub, "someone/passed", stage.attested("model-worse", BROKEN))

    now = page(client, "someone/passed")
    assert "<span>Below threshold</span></h2>" in now
    then = page(client, f"someone/passed@{old}")
    assert "<span>Passed</span></h2>" in then
    assert "This is an earlier check." in then


def test_a_pull_request_of_somebody_changes_no_standing(hub: Hub, stage: Stage) -> None:
    client = TestClient(app_of(hub))
    bare = stage.snapshot("model-pr", {})
    stage.push(hub, "someone/passed", bare, ref="refs/pr/7")

    text = page(client, "someone/passed")
    assert "<span>Passed</span></h2>" in text
    assert "never on the main branch" in text
    good = stage.attested("model-bare-pr")
    stage.push(hub, "someone/no-attestation", good, ref="refs/pr/1")
    assert "<span>No attestation</span></h2>" in page(client, "someone/no-attestation")


def test_a_newer_upload_that_waits_makes_it_out_of_date(hub: Hub, stage: Stage) -> None:
    client = TestClient(app_of(hub))
    stage.push(hub, "someone/passed", stage.snapshot("next", {}), is_checked=False)

    text = page(client, "someone/passed")
    assert "A newer upload was not checked yet." in text
    assert "tone-stale" in text
    badge = client.get("/badge/huggingface/someone/passed.json").json()
    assert (badge["color"], "out of date" in badge["message"]) == ("#6a6f78", True)


def test_an_attestation_that_ended_since_makes_it_out_of_date(hub: Hub, stage: Stage) -> None:
    client = TestClient(app_of(hub))
    stage.now += timedelta(days=500)

    assert "The attestation ended on" in page(client, "someone/passed")
    assert client.get("/badge/huggingface/someone/passed.json").json()["color"] == "#6a6f78"


def test_a_badge_speaks_for_its_digest_alone(client: TestClient, stage: Stage) -> None:
    checkpoint = stage.measured("model-passed", (7, 9, 1, 55)).manifest.digest()
    place = "/badge/huggingface/someone/passed"
    bound = client.get(f"{place}@{checkpoint}.json").json()
    other = client.get(f"{place}@{'0' * 64}.json").json()

    assert set(bound) == {"schemaVersion", "label", "message", "color", "cacheSeconds"}
    assert (bound["message"], bound["color"]) == (f"passed · {checkpoint[:8]}", "#1e6b3c")
    assert (other["message"], other["color"]) == ("not 00000000 any more", "#6a6f78")
    svg = client.get(f"{place}@{checkpoint}.svg")
    assert svg.headers["content-type"] == "image/svg+xml"
    assert f"passed · {checkpoint[:8]}</text>" in svg.text
    unknown = client.get("/badge/huggingface/nobody/nothing.json").json()
    assert (unknown["message"], unknown["color"]) == ("unknown", "#6a6f78")


def test_a_search_finds_names_files_and_checkpoints(client: TestClient, stage: Stage) -> None:
    assert "someone/withdrawn" in client.get("/search?q=WITHDR").text
    for digest in (
        sha256_hex(b"model-passed"),
        stage.measured("model-passed", (7, 9, 1, 55)).manifest.digest(),
    ):
        text = client.get(f"/search?q=sha256:{digest}").text
        assert "someone/passed" in text
        assert "Tiny Demonstration License" in text
    assert "That a file is unknown says nothing of it." in words(
        client.get(f"/search?q={'0' * 64}").text
    )


def test_a_percent_sign_is_no_wildcard(client: TestClient) -> None:
    assert "No repository whose name holds" in client.get("/search", params={"q": "%"}).text
    assert "No repository whose name holds" in client.get("/search", params={"q": "_some"}).text


def test_a_licensor_sees_all_derivatives_and_how_they_stand(client: TestClient) -> None:
    text = client.get(f"/base-models/{BASE}").text
    counts = words(text.split('aria-label="Standing">')[1].split("</nav>")[0])

    assert counts.startswith("10 All 1 Passed 2 Below threshold 1 Files changed")
    only = client.get(f"/base-models/{BASE}?state=withdrawn").text
    assert ("someone/withdrawn</bdi>" in only, "someone/passed</bdi>" in only) == (True, False)
    assert client.get("/base-models/somebody/else").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/search?q=<script>alert(1)</script>",
        '/search?q="><img src=x onerror=alert(1)>',
        "/search?q=%00",
        "/search?q=%F0%9F",
        "/search?q=%E2%80%AE",
        "/r/huggingface/<script>alert(1)</script>",
        "/r/huggingface/someone/passed@<script>",
        "/r/<script>/x",
        "/r/huggingface/../../etc/passwd",
        "/verdicts/<script>",
        "/attestations/x",
        "/listings/..%2f..%2fetc%2fpasswd",
        "/base-models/<script>alert(1)</script>",
        f"/base-models/{BASE}?state=<script>",
        f"/base-models/{BASE}?page=-1",
        f"/base-models/{BASE}?page=99999999999999999999",
        "/badge/huggingface/<script>.svg",
        "/badge/x.txt",
        "/static/../routes.py",
        "/static/%2e%2e%2froutes.py",
    ],
)
def test_a_hostile_address_is_answered_without_harm(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code in (200, 404)
    assert "<script>" not in answer.text
    assert "<img src=x" not in answer.text
    assert "root:" not in answer.text


def test_what_an_uploader_writes_is_text(hub: Hub, stage: Stage) -> None:
    hostile = {
        f"{SCRIPT}.safetensors": FileDigests(sha256="3" * 64),
        '"><img src=x onerror=alert(1)>.json': FileDigests(sha256="4" * 64),
        "{{ 7 * 7 }}.json": FileDigests(git_blob="5" * 40),
    }
    good = stage.attested("model-hostile")
    stage.push(hub, "someone/hostile", replace(good, files={**good.files, **hostile}))
    text = page(TestClient(app_of(hub)), "someone/hostile")

    assert "&lt;script&gt;alert(1)&lt;/script&gt;.safetensors" in text
    assert SCRIPT not in text
    assert "<img src=x" not in text
    assert "{{ 7 * 7 }}.json" in text


def test_a_page_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/r/huggingface/someone/passed", f"/base-models/{BASE}", "/search", "/r/x/y"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not re.search(
            r'<script|<style|style="| on[a-z]+="|(?:src|href)="(?!/|\?|#)', answer.text
        )


def test_head_is_answered_as_get_is(client: TestClient) -> None:
    answer = client.head("/badge/huggingface/someone/passed.svg")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_pages_are_no_part_of_the_api(client: TestClient) -> None:
    assert not [path for path in client.get("/openapi.json").json()["paths"] if "badge" in path]


def test_too_many_pages_are_refused(stage: Stage, sqlite: str) -> None:
    with stage.open(sqlite, limits={"requests_per_minute": "2"}) as hub:
        client = TestClient(app_of(hub))
        assert [client.get("/").status_code for _ in range(3)] == [200, 200, 429]


def test_the_queries_run_on_every_database(stage: Stage, database: str, place: Place) -> None:
    with stage.open(database) as hub:
        stage.fill(hub)
        client = TestClient(app_of(hub))
        for path in ("/", f"/base-models/{BASE}?state=passed", "/search?q=some", "/search?q=%00"):
            assert client.get(path).status_code == 200
        assert "Passed" in page(client, "someone/passed")
        found = json.loads(client.get("/badge/huggingface/someone/passed.json").text)
        assert found["message"].startswith("passed")
