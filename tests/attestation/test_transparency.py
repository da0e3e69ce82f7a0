"""A small real log: what its proofs show, and every way to forge one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.keys import Kind, PrivateKey, PublicKey, generate
from attest.attestation.transparency import Inclusion, Log, check_inclusion
from attest.canonical import canonical_bytes
from attest.errors import VerificationError
from attest.evaluation.commitment import inclusion_proof, merkle_root
from instance import CODE_SIGNING, SmallLog, b64, log_body, make_root, spki

KEY = generate()
OTHER_KEY = generate()
STATEMENT = b'{"_type": "https://in-toto.io/Statement/v1"}'
SIGNED = make_bundle(STATEMENT, KEY)

GO_CHECKSUM_DATABASE = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"

Fields = dict[str, Any]
Change = Callable[[Fields], object]


def known(log: SmallLog) -> Log:
    return Log(log.origin, log.key.public_key)


def logged(
    log: SmallLog,
    *,
    data: bytes = SIGNED,
    key: PrivateKey = KEY,
    certificate: bytes | None = None,
    body: Change | None = None,
    entry: Change | None = None,
) -> bytes:
    """A bundle with its log entry; `body` may change what is logged, `entry` what is shown."""
    content = log_body(open_bundle(data), key.public_key, certificate)
    if body is not None:
        body(content)
    shown = log.add(content)
    if entry is not None:
        entry(shown)
    fields = json.loads(data)
    fields["verificationMaterial"]["tlogEntries"] = [shown]
    return json.dumps(fields).encode()


def check(data: bytes, *logs: Log, key: PublicKey = KEY.public_key) -> Inclusion:
    return check_inclusion(open_bundle(data), key, logs)


def why_not(data: bytes, *logs: Log, key: PublicKey = KEY.public_key) -> str:
    """What step 6 says against a bundle."""
    with pytest.raises(VerificationError) as refused:
        check(data, *logs, key=key)
    assert refused.value.step == 6
    return refused.value.message


# Honest entries


@pytest.mark.parametrize("log_kind", ["ed25519", "p256", "p384"])
@pytest.mark.parametrize("kind", ["p256", "p384", "p521"])
def test_finds_a_signature_in_the_log(log_kind: Kind, kind: Kind) -> None:
    log, key = SmallLog(key=generate(log_kind)), generate(kind)
    data = logged(log, data=make_bundle(STATEMENT, key), key=key)
    found = check(data, known(SmallLog("other.example")), known(log), key=key.public_key)
    assert found == Inclusion("log.example/2026", 5, 7, merkle_root(log.leaves).hex())


@pytest.mark.parametrize("n_before", range(9))
def test_finds_it_at_every_place(n_before: int) -> None:
    log = SmallLog(leaves=[b"%d" % number for number in range(n_before)])
    assert check(logged(log), known(log)).index == n_before


def test_finds_a_signature_by_the_key_of_a_certificate() -> None:
    root, log = make_root("root"), SmallLog()
    leaf = root.sign(root.builder(KEY.public_key).add_extension(CODE_SIGNING, critical=False))
    other = root.sign(root.builder(KEY.public_key).add_extension(CODE_SIGNING, critical=False))
    data = make_bundle(STATEMENT, KEY, chain=[leaf])
    assert check(logged(log, data=data, certificate=leaf), known(log)).index == 5
    assert check(logged(log, data=data), known(log)).index == 7
    assert "another certificate" in why_not(logged(log, data=data, certificate=other), known(log))
    assert "another certificate" in why_not(logged(log, certificate=leaf), known(log))
    assert "another key" in why_not(
        logged(log, data=data, certificate=leaf), known(log), key=OTHER_KEY.public_key
    )


def test_key_ids_are_those_of_the_note_format() -> None:
    # The verifier key of the checksum database of Go: name, key id, signature type and key.
    name, key_id, encoded = GO_CHECKSUM_DATABASE.split("+", 2)
    key = base64.b64decode(encoded)
    assert key[0] == 1
    public = PublicKey(Ed25519PublicKey.from_public_bytes(key[1:]))
    assert Log(name, public).key_id.hex() == key_id


def test_witnesses_may_sign_along() -> None:
    log, witness = SmallLog(), SmallLog("witness.example")
    # A stranger may even take the name of the log: without its key id he is unknown.
    namesake = SmallLog(key=generate("ed25519"))

    def cosign(entry: Fields) -> None:
        head = entry["inclusionProof"]["checkpoint"]
        text = head["envelope"].split("\n\n")[0] + "\n"
        head["envelope"] += witness.signature_line(text) + namesake.signature_line(text)

    assert check(logged(log, entry=cosign), known(log)).index == 5


def test_a_log_may_have_two_keys() -> None:
    old, new = SmallLog(), SmallLog()
    assert check(logged(old), known(new), known(old)).origin == old.origin


# Forgeries of the bundle


def test_refuses_a_signature_that_is_not_logged() -> None:
    log = SmallLog()
    assert why_not(SIGNED, known(log)) == "expected one log entry, found 0"
    fields = json.loads(logged(log))
    fields["verificationMaterial"]["tlogEntries"] *= 2
    assert why_not(json.dumps(fields).encode(), known(log)) == "expected one log entry, found 2"


def test_refuses_a_log_that_the_caller_does_not_know() -> None:
    log = SmallLog()
    assert "none of those" in why_not(logged(log))
    assert "none of those" in why_not(logged(log), known(SmallLog("other.example")))
    assert "no signature by a known key" in why_not(logged(log), known(SmallLog()))


def test_refuses_the_entry_of_another_signature() -> None:
    """Variants of CVE-2022-36056: a true entry, moved to another bundle."""
    log = SmallLog()
    entry = json.loads(logged(log))["verificationMaterial"]["tlogEntries"]
    again = make_bundle(STATEMENT, KEY)
    other_key = make_bundle(STATEMENT, OTHER_KEY)
    for data, key in ((again, KEY), (other_key, OTHER_KEY)):
        fields = json.loads(data)
        fields["verificationMaterial"]["tlogEntries"] = entry
        moved = json.dumps(fields).encode()
        assert "another signature" in why_not(moved, known(log), key=key.public_key)


def test_refuses_an_ed25519_signature_because_none_can_be_logged() -> None:
    log, key = SmallLog(), generate("ed25519")
    fields = json.loads(logged(log))
    signed = json.loads(make_bundle(STATEMENT, key))
    signed["verificationMaterial"]["tlogEntries"] = fields["verificationMaterial"]["tlogEntries"]
    said = why_not(json.dumps(signed).encode(), known(log), key=key.public_key)
    assert "cannot be logged" in said


def spec(body: Fields) -> Fields:
    found: Fields = body["spec"]["hashedRekordV002"]
    return found


def verifier(body: Fields) -> Fields:
    found: Fields = spec(body)["signature"]["verifier"]
    return found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            lambda b: spec(b)["signature"].update(content=b64(OTHER_KEY.sign(STATEMENT))),
            "another signature",
            id="signature",
        ),
        pytest.param(
            lambda b: spec(b)["data"].update(digest=b64(b"\0" * 32)), "another statement", id="hash"
        ),
        pytest.param(
            lambda b: spec(b)["data"].update(algorithm="SHA2_512"), "algorithm", id="algorithm"
        ),
        pytest.param(
            lambda b: verifier(b).update(keyDetails="PKIX_ED25519"), "algorithm", id="details"
        ),
        pytest.param(
            lambda b: verifier(b)["publicKey"].update(rawBytes=b64(spki(OTHER_KEY.public_key))),
            "another key",
            id="key",
        ),
        pytest.param(
            lambda b: verifier(b)["publicKey"].update(rawBytes=b64(b"key")),
            "another key",
            id="none",
        ),
        pytest.param(lambda b: verifier(b).pop("publicKey"), "another key", id="no key"),
        pytest.param(
            lambda b: verifier(b).update(x509Certificate={"rawBytes": "AAAA"}),
            "another key",
            id="key and certificate",
        ),
        pytest.param(lambda b: b.update(kind="dsse"), "cannot be read", id="kind"),
        pytest.param(lambda b: b.update(apiVersion="0.0.1"), "cannot be read", id="version"),
        pytest.param(lambda b: b.update(also="this"), "cannot be read", id="unknown field"),
        pytest.param(lambda b: spec(b).pop("data"), "cannot be read", id="no digest"),
    ],
)
def test_refuses_an_entry_about_something_else(change: Change, said: str) -> None:
    log = SmallLog()
    assert said in why_not(logged(log, body=change), known(log))


def test_refuses_a_body_with_two_readings() -> None:
    log = SmallLog()

    def twice(entry: Fields) -> None:
        text = base64.b64decode(entry["canonicalizedBody"])
        log.leaves[5] = text.replace(b'"kind":', b'"kind":"dsse","kind":')
        entry.update(log_entry_at(log, 5))

    assert "appears twice" in why_not(logged(log, entry=twice), known(log))


def log_entry_at(log: SmallLog, index: int) -> Fields:
    """The proof of what the log now holds at a place."""
    return {
        "canonicalizedBody": b64(log.leaves[index]),
        "inclusionProof": {
            "logIndex": str(index),
            "rootHash": b64(merkle_root(log.leaves)),
            "treeSize": str(len(log.leaves)),
            "hashes": [b64(one) for one in inclusion_proof(log.leaves, index)],
            "checkpoint": {"envelope": log.tree_head()},
        },
    }


@pytest.mark.parametrize(
    ("kind", "version"), [("dsse", "0.0.1"), ("hashedrekord", "0.0.1"), ("intoto", "0.0.2")]
)
def test_refuses_entries_of_other_kinds(kind: str, version: str) -> None:
    log = SmallLog()
    data = logged(log, entry=lambda e: e.update(kindVersion={"kind": kind, "version": version}))
    assert "expected a log entry hashedrekord 0.0.2" in why_not(data, known(log))


# Forgeries of the proof


def proof(entry: Fields) -> Fields:
    found: Fields = entry["inclusionProof"]
    return found


def reverse(entry: Fields) -> None:
    proof(entry)["hashes"].reverse()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda e: e.update(logIndex="4"), "its proof 5", id="index"),
        pytest.param(
            lambda e: (e.update(logIndex="4"), proof(e).update(logIndex="4")),
            "does not lead to the root",
            id="both indices",
        ),
        pytest.param(
            lambda e: (e.update(logIndex="7"), proof(e).update(logIndex="7")),
            "below 7",
            id="beyond the log",
        ),
        pytest.param(lambda e: proof(e).update(treeSize="8"), "not those of the", id="size"),
        pytest.param(
            lambda e: proof(e).update(rootHash=b64(b"\0" * 32)), "not those of the", id="root"
        ),
        pytest.param(reverse, "does not lead to the root", id="order"),
        pytest.param(lambda e: proof(e)["hashes"].pop(), "do not lead", id="too short"),
        pytest.param(
            lambda e: proof(e)["hashes"].append(b64(b"\0" * 32)), "do not lead", id="too long"
        ),
        pytest.param(lambda e: proof(e).update(hashes=[]), "do not lead", id="none"),
    ],
)
def test_refuses_a_proof_that_does_not_hold(change: Change, said: str) -> None:
    log = SmallLog()
    assert said in why_not(logged(log, entry=change), known(log))


def test_refuses_a_body_that_was_never_logged() -> None:
    log = SmallLog()

    def swap(entry: Fields) -> None:
        entry["canonicalizedBody"] = b64(base64.b64decode(entry["canonicalizedBody"]) + b" ")

    assert "does not lead to the root" in why_not(logged(log, entry=swap), known(log))


def test_refuses_an_inner_node_in_the_place_of_a_leaf() -> None:
    log = SmallLog(leaves=[])
    body = log_body(open_bundle(SIGNED), KEY.public_key)
    log.add(body)
    entry = log.add(body)
    entry["canonicalizedBody"] = b64(b"\x01" + canonical_bytes(body))
    fields = json.loads(SIGNED)
    fields["verificationMaterial"]["tlogEntries"] = [entry]
    assert "does not lead to the root" in why_not(json.dumps(fields).encode(), known(log))


# Forgeries of the tree head


def head(change: Callable[[str], str]) -> Change:
    """A change of the tree head as it is shown."""

    def apply(entry: Fields) -> None:
        shown = proof(entry)["checkpoint"]
        shown["envelope"] = change(shown["envelope"])

    return apply


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            lambda text: "log.example/2026\n7\n" + b64(b"\0" * 32) + text[text.index("\n\n") :],
            "is not signed by log.example/2026",
            id="another root",
        ),
        pytest.param(
            lambda text: text.replace("\n7\n", "\n8\n"), "is not signed by", id="another size"
        ),
        pytest.param(
            lambda text: text.replace("\n\n", "\nextension\n\n"),
            "is not signed by",
            id="a line more",
        ),
        pytest.param(
            lambda text: f"{text.partition(chr(10) * 2)[0]}\n\n{SmallLog().signature_line(text)}",
            "no signature by a known key",
            id="another key",
        ),
        pytest.param(
            lambda text: text.replace("\u2014 log.", "\u2014 the.log."),
            "no signature by a known key",
            id="another name",
        ),
    ],
)
def test_refuses_a_tree_head_that_the_log_did_not_sign(
    change: Callable[[str], str], said: str
) -> None:
    log = SmallLog()
    assert said in why_not(logged(log, entry=head(change)), known(log))


def test_one_bad_signature_of_a_known_key_spoils_the_tree_head() -> None:
    log = SmallLog()
    change = head(lambda text: text + log.signature_line("something else"))
    assert "is not signed by" in why_not(logged(log, entry=change), known(log))


def test_refuses_the_tree_head_of_another_log_of_the_same_key() -> None:
    log = SmallLog(key=KEY)
    other = SmallLog("other.example", key=KEY)
    change = head(lambda _: other.signed(f"{other.origin}\n7\n{b64(merkle_root(log.leaves))}\n"))
    assert "none of those" in why_not(logged(log, entry=change), known(log))
    # Known under its own name, it must still be the tree of the entry.
    assert "not those of the signed tree head" in why_not(
        logged(log, entry=change), known(log), known(other)
    )


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("log.example/2026\n7\n", id="no root"),
        pytest.param("log.example/2026\n07\nROOT\n", id="leading zero"),
        pytest.param("log.example/2026\n+7\nROOT\n", id="plus sign"),
        pytest.param("log.example/2026\n7 \nROOT\n", id="space"),
        pytest.param("log.example/2026\n\u0667\nROOT\n", id="another script"),
        pytest.param("log.example/2026\n7\nROOT=\n", id="surplus padding"),
        pytest.param("log.example/2026\n7\n \n", id="blank root"),
        pytest.param("log.example/2026\n7\n" + "_" * 43 + "=\n", id="URL-safe root"),
        pytest.param("log.example/2026\n7\n\nROOT\n", id="empty line"),
        pytest.param("log.example/2026\r\n7\r\nROOT\r\n", id="carriage returns"),
    ],
)
def test_refuses_a_tree_head_that_is_signed_and_malformed(text: str) -> None:
    log = SmallLog()
    root = b64(merkle_root(log.leaves))
    change = head(lambda _: log.signed(text.replace("ROOT", root)))
    said = why_not(logged(log, entry=change), known(log))
    assert "cannot be read" in said or "none of those" in said


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: text[:-1], id="no last newline"),
        pytest.param(lambda text: text.replace("\n\n", "\n"), id="no blank line"),
        pytest.param(lambda text: text.replace("\u2014", "-"), id="hyphen for the dash"),
        pytest.param(lambda text: text + "and more\n", id="words behind"),
        pytest.param(lambda text: text + text.splitlines()[-1] * 2 + "\n", id="glued lines"),
        pytest.param(lambda text: text + "\u2014 a+b AAAAAAAA\n", id="plus in a name"),
        pytest.param(lambda text: text + "\u2014 a AAAAAAA_\n", id="URL-safe base64"),
        pytest.param(lambda text: text + "\u2014 a AAAAAAAA\n" * 64, id="endless signatures"),
    ],
)
def test_refuses_signature_lines_of_another_form(change: Callable[[str], str]) -> None:
    log = SmallLog()
    assert "cannot be read" in why_not(logged(log, entry=head(change)), known(log))
