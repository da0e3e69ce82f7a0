"""Trust files: what is refused when they are read, how signers are counted, how they change."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
import yaml

from attest.attestation.documents import SignedDocument, check_document, state_document
from attest.attestation.keys import generate
from attest.attestation.trust.ownership import Remembered, check_trust, parse_trust
from attest.attestation.trust.records import TrustFile
from attest.attestation.trust.signers import Endorsement, n_distinct
from attest.attestation.trust.template import new_trust
from attest.canonical import sha256_hex
from attest.errors import InputError, VerificationError
from authorities import make_house
from small import make_license
from world import World

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
WORLD = World()
ROOTS = make_house().root.pem.decode()


def parse(**changes: Any) -> TrustFile:
    return parse_trust(json.dumps(WORLD.trust_values(**changes)).encode())


def test_yaml_and_json_say_the_same() -> None:
    values = WORLD.trust_values()
    text = yaml.safe_dump(values).replace("'2099-01-01'", "2099-01-01")

    assert parse_trust(text.encode()) == parse()
    assert parse_trust(json.dumps(parse().to_dict()).encode()) == parse()


SIGNERS: dict[str, Any] = WORLD.trust_values()["signers"]
CERTIFICATE = {"roots": ROOTS, "identity": "ci@example.org"}


def grant(**changes: Any) -> dict[str, Any]:
    publisher = {"role": "publisher", "signers": ["publisher"]} | changes
    return {"grants": [{"role": "licensor", "signers": ["lab"]}, publisher]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": "attest-trust/2"}, "version"),
        ({"number": 0}, "number"),
        ({"number": "3.0"}, "number"),
        ({"number": "03"}, "expected 3, found 03"),
        ({"expires": "2026-06-31"}, "expires"),
        ({"surprise": 1}, "surprise"),
        ({"signers": {}}, "signers"),
        ({"grants": []}, "grants"),
        ({"owner": {"keys": []}}, "owner.keys"),
        ({"owner": {"keys": [WORLD.pem("owner")] * 2}}, "a key is named twice"),
        ({"owner": {"keys": [WORLD.pem("owner")], "threshold": 2}}, "cannot be reached by 1"),
        ({"owner": {"keys": [WORLD.pem("owner")], "threshold": 0}}, "threshold"),
        ({"signers": SIGNERS | {"twin": SIGNERS["lab"]}}, "two signers have the same key"),
        (
            {"signers": SIGNERS | {key: {"certificate": CERTIFICATE} for key in ("ci", "twin")}},
            "two signers have the same identity",
        ),
        ({"signers": SIGNERS | {"nobody": {}}}, "either `key` or `certificate`"),
        (
            {"signers": SIGNERS | {"both": {**SIGNERS["lab"], "certificate": CERTIFICATE}}},
            "either `key` or `certificate`",
        ),
        ({"signers": SIGNERS | {"lab": {"key": "PEM"}}}, "expected one PEM block"),
        (
            {"signers": SIGNERS | {"lab": {"key": WORLD.keys["lab"].to_pem(None).decode()}}},
            "found a private key",
        ),
        (
            {"signers": SIGNERS | {"ci": {"certificate": CERTIFICATE | {"roots": "PEM"}}}},
            "certificates in PEM",
        ),
        (
            {"signers": SIGNERS | {"ci": {"certificate": CERTIFICATE | {"identity": ""}}}},
            "identity",
        ),
        (grant(role="king"), "role"),
        (grant(signers=["stranger"]), "names stranger, which is no signer here"),
        (grant(signers=["publisher", "publisher"]), "a signer is named twice"),
        (grant(threshold=2), "cannot be reached by 1 signers"),
        (grant(threshold=0), "threshold"),
        (grant(licenses=[]), "licenses"),
        (grant(licenses=[{}]), "expected `name` or `sha256`"),
        (grant(base_models=[{}]), "expected `name`, `checkpoint` or `weights`"),
        ({"grants": [{"role": "licensor", "signers": ["lab"]}]}, "nobody is an evaluator"),
        ({"grants": [{"role": "publisher", "signers": ["lab"]}]}, "nobody is a licensor"),
        (
            grant() | {"requires": {"assurance": "third_party"}},
            "required, and nobody is an evaluator",
        ),
        ({"requires": {"timestamp": True}}, "timestamps are required of no authority"),
        ({"requires": {"log": True}}, "log entries are required of no log"),
        ({"requires": {"log": "no"}}, "expected false, found no"),
        ({"requires": {"level": 5}}, "level"),
        (grant() | {"revocations_by": "hub"}, "signed by hub, which nobody is"),
    ],
)
def test_a_file_that_could_not_be_meant_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(**changes)
    assert words in caught.value.message
    assert caught.value.reason == "schema"


def test_a_duplicate_signer_is_refused() -> None:
    text = json.dumps(WORLD.trust_values())
    twice = text.replace('"signers": {', f'"signers": {{"lab": {json.dumps(SIGNERS["hub"])}, ', 1)

    with pytest.raises(InputError, match="appears twice"):
        parse_trust(twice.encode())


def test_a_first_trust_file_is_complete(tmp_path: Any) -> None:
    lab, publisher = (WORLD.keys[name].public_key for name in ("lab", "publisher"))
    text = new_trust(
        name='A "quoted": name # 1',
        expires=parse().expires,
        owner=[WORLD.keys["owner"].public_key],
        roles={"licensor": {"lab": lab}, "evaluator": {}, "publisher": {"ours": publisher}},
    )
    file = parse_trust(text.encode())

    assert file.name == 'A "quoted": name # 1'
    assert dict(file.keys) == {"lab": lab, "ours": publisher}
    assert [(one.role, one.signers) for one in file.grants] == [
        ("licensor", ("lab",)),
        ("publisher", ("ours",)),
    ]


# Scope


@pytest.mark.parametrize(
    ("models", "scope", "is_covered"),
    [
        (["A"], None, True),
        ([], None, True),
        (["A"], ["A"], True),
        (["A"], ["B"], False),
        (["A", "B"], ["A"], False),
        (["A", "B"], ["B", "A"], True),
        ([], ["A"], False),
    ],
)
def test_a_grant_covers_a_license_over_models_that_are_all_its_own(
    tmp_path: Any, models: list[str], scope: list[str] | None, is_covered: bool
) -> None:
    license = make_license(tmp_path, base_models=[{"name": name} for name in models]).license
    limits = {} if scope is None else {"base_models": [{"name": name} for name in scope]}

    assert parse(**grant(**limits)).grants[1].covers(license) == is_covered


def test_a_base_model_must_fit_in_all_that_is_given(tmp_path: Any) -> None:
    model = {"name": "A", "checkpoint": "1" * 64}
    license = make_license(tmp_path, base_models=[model]).license

    def covers(**ref: str) -> bool:
        return parse(**grant(base_models=[ref])).grants[1].covers(license)

    assert covers(checkpoint="1" * 64)
    assert covers(name="A", checkpoint="1" * 64)
    assert not covers(name="A", checkpoint="2" * 64)
    assert not covers(name="A", weights="1" * 64)


# Counting


KEYS = [generate().public_key for _ in range(3)]


def said(*pairs: tuple[str, int]) -> list[Endorsement]:
    return [Endorsement((name,), KEYS[key]) for name, key in pairs]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], 0),
        ([("a", 0), ("a", 0)], 1),
        ([("a", 0), ("a", 1)], 1),
        ([("a", 0), ("b", 0)], 1),
        ([("a", 0), ("b", 1)], 2),
        ([("a", 0), ("a", 1), ("b", 0)], 2),
        ([("a", 0), ("a", 1), ("a", 2), ("b", 0), ("c", 0)], 2),
        ([("a", 0), ("a", 1), ("b", 0), ("b", 2), ("c", 0)], 3),
        ([("a", 0), ("x", 1)], 1),
    ],
)
def test_neither_a_signer_nor_a_key_counts_twice(
    pairs: list[tuple[str, int]], expected: int
) -> None:
    for order in permutations(said(*pairs)):
        assert n_distinct(order, ("a", "b", "c")) == expected


def test_whoever_is_known_in_two_ways_counts_once() -> None:
    both = Endorsement(("a", "b"), KEYS[0])

    assert n_distinct([both], ("a", "b")) == 1
    assert n_distinct([both, *said(("b", 1))], ("a", "b")) == 2


# Documents


def test_a_document_is_signed_as_what_it_is() -> None:
    statement = state_document(b"terms", "license", name="license.yaml")

    check_document(statement, "license", sha256_hex(b"terms"))
    with pytest.raises(InputError, match="signed over other bytes"):
        check_document(statement, "license", sha256_hex(b"other"))
    with pytest.raises(InputError, match=r"signed as .*license/v1, expected .*trust/v1"):
        check_document(statement, "trust", sha256_hex(b"terms"))


# Rotation


def refusal(trust: SignedDocument[TrustFile], before: SignedDocument[TrustFile] | None) -> str:
    remembered = None if before is None else Remembered.of(before)
    with pytest.raises(VerificationError) as caught:
        check_trust(trust, remembered=remembered, now=NOW)
    assert caught.value.step == 1
    return caught.value.message


def owners(*names: str, threshold: int = 1) -> dict[str, Any]:
    return {"keys": [WORLD.pem(name) for name in names], "threshold": threshold}


def test_rotation_needs_the_threshold_of_both() -> None:
    old_owner, new_owner = owners("owner", "lab", threshold=2), owners("hub", "publisher")
    before = WORLD.trust_file(("owner", "lab"), owner=old_owner)

    def after(*by: str) -> SignedDocument[TrustFile]:
        return WORLD.trust_file(by, owner=new_owner, number=9)

    check_trust(after("owner", "lab", "hub"), remembered=Remembered.of(before), now=NOW)
    assert "1 of version 3's keys, expected 2" in refusal(after("owner", "hub"), before)
    assert "1 of version 3's keys" in refusal(after("owner", "owner", "hub"), before)
    assert "0 of its owner's keys" in refusal(after("owner", "lab"), before)


def test_the_same_file_is_no_step_back_and_needs_no_other_keys() -> None:
    trust = WORLD.trust_file()

    check_trust(trust, remembered=Remembered.of(trust), now=NOW)


def test_a_lost_owner_cannot_come_back() -> None:
    lost = WORLD.trust_file()
    rotated = WORLD.trust_file(("owner", "second-owner"), owner=owners("second-owner"), number=4)
    stolen = WORLD.trust_file(("owner",), number=5)

    check_trust(rotated, remembered=Remembered.of(lost), now=NOW)
    assert "0 of version 4's keys" in refusal(stolen, rotated)


def test_a_file_holds_through_its_last_day() -> None:
    trust = WORLD.trust_file(expires="2026-06-01")

    check_trust(trust, remembered=None, now=datetime(2026, 6, 1, 23, 59, tzinfo=UTC))
    with pytest.raises(VerificationError, match="expired on 2026-06-01"):
        check_trust(trust, remembered=None, now=datetime(2026, 6, 2, tzinfo=UTC))


def test_a_signature_over_the_old_text_does_not_cover_the_new_one() -> None:
    old, new = WORLD.trust_file(), WORLD.trust_file((), number=4)

    assert "0 of its owner's keys" in refusal(
        SignedDocument(new.content, new.sha256, old.signatures), None
    )


def test_an_unreadable_signature_is_passed_over() -> None:
    trust = WORLD.trust_file()
    noisy = (b"{}", b"\xff", *trust.signatures)

    check_trust(SignedDocument(trust.content, trust.sha256, noisy), remembered=None, now=NOW)
