"""Where the policy asks for it, the hub measures an upload again, and goes by that alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from attest.attestation.bundle import open_bundle
from attest.attestation.statement import Statement
from attest.errors import InputError
from attest.hub.hub import Hub
from attest.hub.policy_files import read_policy
from attest.hub.store import attestations, verdicts
from attest.hub.uploads import accept_upload, check_upload
from place import BASE, Place, upload
from stand_in import StandIn, served
from test_uploads import delivery
from world import World

RULE = {"level": "replay"}


def place_with_evaluator(place: Place) -> Place:
    """The same place, where the hub's key is one of the evaluators, and one is enough."""
    keys = place.world.keys | {"auditor": place.hub_key}
    return replace(place, world=_OneAuditor(keys))


class _OneAuditor(World):
    def trust_values(self, **changes: Any) -> dict[str, Any]:
        values = super().trust_values(**changes)
        grants = [one for one in values["grants"] if one["role"] != "evaluator"]
        grants.append({"role": "evaluator", "signers": ["auditor"]})
        return values | {"grants": grants}


def push(place: Place, stand_in: StandIn) -> str:
    model = place.release.model
    return stand_in.repository("someone/model").push(
        {path.name: path.read_bytes() for path in model.iterdir() if path.is_file()}
        | {
            "README.md": f"---\nbase_model: {BASE}\n---\n".encode(),
            "attestations/a.sigstore.json": place.release.bundle(),
        }
    )


def check_all(hub: Hub, commit: str) -> list[Any]:
    """What each depth came to, one after the other."""
    one = upload(commit, owner="someone")
    one = replace(one, repository=replace(one.repository, name="someone/model"))
    accept_upload(hub, one)
    found = []
    for depth in ("listed-hash", "served-bytes", "replay"):
        check_upload(hub, replace(one, depth=depth).key)
        found.append(delivery(hub, replace(one, depth=depth)))
    return found


@pytest.mark.parametrize(
    ("is_evaluator", "state", "action"),
    [(True, "passed", "allow"), (False, "unexpected-signer", "reject")],
)
def test_the_hubs_own_measurement_counts_where_the_trust_file_says_so(
    place: Place, sqlite: str, is_evaluator: bool, state: str, action: str
) -> None:
    place = place_with_evaluator(place) if is_evaluator else place
    stand_in = StandIn()
    with served(stand_in.app()) as origin:
        changes: dict[str, Any] = {
            "huggingface": place.policy_values()["huggingface"] | {"origin": origin},
            "measuring": {"evidence": "evidence", "data": str(place.release.small.data)},
            "rule": RULE,
        }
        with place.open(sqlite, **changes) as hub:
            listed, read, replayed = check_all(hub, push(place, stand_in))

            assert (listed.detail, listed.action) == ("passed", "hold")
            assert (read.detail, read.action) == ("passed", "hold")
            assert (replayed.detail, replayed.action) == (state, action)
            if not is_evaluator:
                return
            with hub.store.read() as connection:
                found = verdicts.verdict(connection, replayed.verdict)
                assert found is not None
                verdict = json.loads(found.record)
                bundle = attestations.bundle_of(connection, verdict["bundleSha256"])
    assert verdict["checked"] == "replay"
    assert bundle is not None
    payload = open_bundle(bundle).verify(place.hub_key.public_key)
    predicate = Statement.from_json(payload, what="statement").predicate
    assert predicate.assurance_level == "third_party"
    assert predicate.evaluation.counts == place.release.evaluation.counts
    kept = list((place.folder / "evidence").iterdir())
    assert [one.name.startswith("model-") for one in kept] == [False], "weights are not kept"


def test_a_policy_that_asks_for_replay_says_where(place: Place) -> None:
    with pytest.raises(InputError, match="`measuring` does not say where"):
        read_policy(place.write_policy(rule=RULE))
