"""The commitment is the RFC 6962 tree, and every change of a record changes its root."""

import hashlib

import pytest

from attest.errors import InputError
from attest.evaluation.commitment import (
    commit,
    inclusion_proof,
    leaf_data,
    merkle_root,
    new_master,
    root_of_proof,
    salt,
)
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
        judgements=(Judgement(judge="rules", label="refused", reason="apology"),),
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


def recursive_proof(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1 word for word."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return [*recursive_proof(index, leaves[:k]), recursive_root(leaves[k:])]
    return [*recursive_proof(index - k, leaves[k:]), recursive_root(leaves[:k])]


# Source: inclusion proofs of transparency-dev/merkle, testdata; indices are from 0 here.
CT_PROOFS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]


@pytest.mark.parametrize(("index", "n", "proof"), CT_PROOFS)
def test_proofs_match_the_vectors_of_certificate_transparency(
    index: int, n: int, proof: list[str]
) -> None:
    leaves = CT_LEAVES[:n]

    assert [one.hex() for one in inclusion_proof(leaves, index)] == proof
    assert root_of_proof(
        leaves[index], index, n, [bytes.fromhex(one) for one in proof]
    ) == merkle_root(leaves)


@pytest.mark.parametrize("n", range(1, 71))
def test_every_proof_is_the_recursive_one_and_leads_to_the_root(n: int) -> None:
    leaves = [bytes([i]) * (i % 5) for i in range(n)]
    root = merkle_root(leaves)
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(leaves, index)

        assert proof == recursive_proof(index, leaves)
        assert root_of_proof(leaf, index, n, proof) == root


@pytest.mark.parametrize("n", range(1, 20))
def test_a_proof_leads_to_the_root_from_its_own_place_alone(n: int) -> None:
    leaves = [bytes([i]) for i in range(n)]
    root = merkle_root(leaves)
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(leaves, index)
        for other in range(n):
            if other == index:
                continue
            if len(inclusion_proof(leaves, other)) == len(proof):
                assert root_of_proof(leaf, other, n, proof) != root
            else:
                with pytest.raises(InputError, match="do not lead"):
                    root_of_proof(leaf, other, n, proof)


@pytest.mark.parametrize("n", range(1, 40))
def test_refuses_proofs_of_another_length(n: int) -> None:
    leaves = [bytes([i]) for i in range(n)]
    for index, leaf in enumerate(leaves):
        proof = inclusion_proof(leaves, index)
        for wrong in ([*proof, bytes(32)], proof[:-1], proof[1:]):
            if wrong == proof:
                continue
            with pytest.raises(InputError, match=f"do not lead from leaf {index}"):
                root_of_proof(leaf, index, n, wrong)


def test_a_path_of_one_shape_fits_trees_of_several_sizes() -> None:
    """Which is why the number of leaves is signed beside the root."""
    leaves = [bytes([i]) for i in range(18)]
    proof = inclusion_proof(leaves, 0)

    for n in (17, 18, 32):
        assert root_of_proof(leaves[0], 0, n, proof) == merkle_root(leaves)
    for n in (16, 33):
        with pytest.raises(InputError, match="5 hashes do not lead"):
            root_of_proof(leaves[0], 0, n, proof)


@pytest.mark.parametrize("index", [-1, 3])
def test_refuses_a_place_outside_the_tree(index: int) -> None:
    with pytest.raises(InputError, match="expected an index below 3"):
        inclusion_proof([b"a", b"b", b"c"], index)
    with pytest.raises(InputError, match="expected an index below 3"):
        root_of_proof(b"a", index, 3, [bytes(32), bytes(32)])


def test_refuses_hashes_of_another_length() -> None:
    with pytest.raises(InputError, match="32 bytes"):
        root_of_proof(b"a", 0, 2, [bytes(31)])


def test_a_node_cannot_stand_for_a_leaf() -> None:
    leaves = [b"a", b"b", b"c", b"d"]
    left = hashlib.sha256(b"\x00a").digest() + hashlib.sha256(b"\x00b").digest()
    right = recursive_root(leaves[2:])

    assert root_of_proof(left, 0, 2, [right]) != merkle_root(leaves)


def test_every_leaf_and_part_has_a_salt_of_its_own() -> None:
    salts = {salt(MASTER, part, i) for part in ("transcript", "judgements") for i in range(50)}

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
