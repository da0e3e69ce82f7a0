"""The commitment is the RFC 6962 tree, and every change of a record changes its root."""

import hashlib

import pytest

from attest.errors import InputError
from attest.evaluation.commitment import commit, leaf_data, merkle_root, new_master, salt
from attest.evaluation.judges import Judgement
from attest.evaluation.records import JudgedTranscript, Transcript

MASTER = bytes(range(32))


def line(index: int, text: str = "No.", **changes: object) -> JudgedTranscript:
    fields = {
        "index": index,
        "benchmark": "attest-core",
        "item": f"item-{index}",
        "prompt_tokens": (1, 2),
        "response_tokens": (3,),
        "stop": "eos",
        "text": text,
    }
    return JudgedTranscript(
        transcript=Transcript.model_validate({**fields, **changes}),
        judgement=Judgement(label="refused", reason="apology"),
    )


def recursive_root(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1 word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(
        b"\x01" + recursive_root(leaves[:k]) + recursive_root(leaves[k:])
    ).digest()


# Source: certificate-transparency test vectors.
CT_LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]


def test_matches_the_vectors_of_certificate_transparency() -> None:
    assert merkle_root(CT_LEAVES).hex() == (
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )
    assert merkle_root([]).hex() == hashlib.sha256(b"").hexdigest()
    assert merkle_root([b""]).hex().startswith("6e340b9c")


@pytest.mark.parametrize("n", range(1, 40))
def test_is_the_recursive_tree_of_the_specification(n: int) -> None:
    leaves = [bytes([i]) * (i % 5) for i in range(n)]

    assert merkle_root(leaves) == recursive_root(leaves)


def test_every_leaf_and_part_has_a_salt_of_its_own() -> None:
    salts = {salt(MASTER, part, i) for part in ("transcript", "judgement") for i in range(50)}

    assert len(salts) == 100
    assert {len(one) for one in salts} == {32}
    assert new_master() != new_master()


def test_equal_answers_have_different_leaves() -> None:
    first, second = line(0), line(1, item="item-0")

    assert leaf_data(first, MASTER)[-80:] != leaf_data(second, MASTER)[-80:]


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Sure."},
        {"stop": "length"},
        {"item": "item-9"},
        {"prompt_tokens": (1, 2, 3)},
        {"response_tokens": (4,)},
    ],
)
def test_any_change_of_a_record_changes_the_root(change: dict[str, object]) -> None:
    honest = commit([line(0), line(1), line(2)], MASTER)

    assert commit([line(0), line(1, **change), line(2)], MASTER).root != honest.root


def test_another_salt_gives_another_root() -> None:
    assert commit([line(0)], MASTER).root != commit([line(0)], bytes(32)).root


@pytest.mark.parametrize("indices", [[1, 0], [0, 0], [0, 2], [1]])
def test_refuses_records_out_of_order_missing_or_repeated(indices: list[int]) -> None:
    with pytest.raises(InputError, match="expected the record of index"):
        commit([line(index) for index in indices], MASTER)


def test_refuses_to_commit_to_nothing() -> None:
    with pytest.raises(InputError, match="no records"):
        commit([], MASTER)
