"""The policy file: read strictly, with everything that it names."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from attest.errors import InputError
from attest.hub.policy_files import read_policy
from attest.hub.store.database import open_store
from place import BASE, TOKEN, WEBHOOK_SECRET, Place


def test_a_policy_knows_its_rules_and_its_secrets(place: Place) -> None:
    policy = read_policy(place.write_policy())

    assert list(policy.rules_for(["someone/else", BASE])) == [BASE]
    assert policy.rules_for(["someone/else"]) == {}
    assert policy.knows_webhook_secret(WEBHOOK_SECRET.encode())
    assert not policy.knows_webhook_secret(b"")
    token = policy.token(TOKEN.encode())
    assert token is not None
    assert (token.name, token.scopes) == ("publisher", frozenset({"attestations", "verdicts"}))
    assert policy.token(b"") is None


def test_secrets_are_nowhere_in_what_is_printed(place: Place) -> None:
    text = repr(read_policy(place.write_policy()))

    assert TOKEN not in text
    assert WEBHOOK_SECRET not in text


def test_a_secret_may_be_in_the_environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = {
        "name": "ci",
        "scopes": ["verdicts"],
        "secret": {"environment": "HUB_TOKEN_OF_CI"},
    }
    path = place.write_policy(tokens=[entry])
    with pytest.raises(InputError, match="HUB_TOKEN_OF_CI"):
        read_policy(path)
    monkeypatch.setenv("HUB_TOKEN_OF_CI", TOKEN)

    assert read_policy(path).token(TOKEN.encode()) is not None


@pytest.mark.parametrize("secret", ["", "short", "ä" * 20])
def test_a_secret_that_can_be_guessed_is_refused(place: Place, secret: str) -> None:
    path = place.write_policy()
    (place.folder / "webhook.secret").write_text(secret)

    with pytest.raises(InputError, match="at least 16 ASCII characters") as refused:
        read_policy(path)
    assert refused.value.reason == "secret"
    assert secret not in str(refused.value) or not secret


RULE = {"name": "second", "base_models": ["other/base"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": []}, "rules"),
        ({"rule": {"base_models": []}}, "base_models"),
        ({"rule": {"level": "deep"}}, "level"),
        ({"rule": {"unattested": "shrug"}}, "unattested"),
        ({"rule": {"base_models": [BASE, BASE]}}, f"base model {BASE} is named twice"),
        ({"rule": {"license": "nowhere.yaml"}}, "cannot be read"),
        ({"tokens": [{"name": "x", "scopes": [], "secret": {"file": "x"}}]}, "scopes"),
        (
            {"tokens": [{"name": "x", "scopes": ["verdicts"], "secret": {}}]},
            "expected either `file` or `environment`",
        ),
        ({"limits": {"uploads_per_hour": "0"}}, "uploads_per_hour"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"surprise": "x"}, "surprise"),
    ],
)
def test_a_policy_that_means_nothing_is_refused(
    place: Place, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_policy(place.write_policy(**changes))


def test_two_rules_have_two_names_and_share_no_base_model(place: Place) -> None:
    first = place.policy_values()["rules"][0]
    for second, message in (
        (first | {"base_models": ["other/base"]}, "rule small is named twice"),
        (first | {"name": "second"}, f"base model {BASE} is named twice"),
    ):
        with pytest.raises(InputError, match=message):
            read_policy(place.write_policy(rules=[first, second]))


def test_a_policy_is_read_as_strictly_as_a_license(place: Place) -> None:
    path = place.write_policy()
    text = yaml.safe_dump(place.policy_values())
    for bad in (text + "name: again\n", text.replace("name: small", "name: &a small")):
        path.write_text(bad)
        with pytest.raises(InputError):
            read_policy(path)


def test_the_trust_version_changes_with_whatever_decides_whom_to_believe(place: Place) -> None:
    path = place.write_policy()
    before = read_policy(path).rules["small"].trust_version
    assert read_policy(path).rules["small"].trust_version == before

    license = (place.folder / "license.yaml").read_bytes()
    second = place.world.sign_license(license)[0]
    (place.folder / "license.yaml.second.sigstore.json").write_bytes(second)
    assert read_policy(path).rules["small"].trust_version != before


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://x/y", "oracle://secret@x"]
)
def test_a_database_is_a_file_or_a_server(url: str) -> None:
    with pytest.raises(InputError, match="expected the URL of a database") as refused:
        open_store(url)
    assert "secret" not in str(refused.value)
