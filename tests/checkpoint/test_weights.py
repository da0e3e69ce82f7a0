"""One digest for the same tensors, however they are packed; another for any other tensors."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from attest.checkpoint.digest import CHUNK_BYTES, digest
from attest.checkpoint.manifest import WeightsDigest
from attest.checkpoint.safetensors import read_header
from attest.checkpoint.weights import TensorDigest, TensorHasher, weights_digest
from attest.errors import InputError

Tensors = dict[str, tuple[str, list[int], bytes]]
Pack = Callable[[Tensors], bytes]


def weights_of(folder: Path) -> WeightsDigest:
    weights = digest(folder, tensors=True).weights
    assert weights is not None
    return weights


@pytest.fixture
def put(model: Path, pack: Pack) -> Callable[[Tensors], WeightsDigest]:
    """Writes tensors as the only weights of `model`, and digests them."""

    def write(tensors: Tensors) -> WeightsDigest:
        (model / "model.safetensors").write_bytes(pack(tensors))
        return weights_of(model)

    return write


def test_digest_is_what_the_format_says(put: Callable[[Tensors], WeightsDigest]) -> None:
    weights = put({"b": ("F32", [1, 2], b"12345678"), "a": ("U8", [], b"x")})
    text = (
        '{"algorithm":"blake3-tensors-v1","tensors":['
        f'{{"blake3":"{blake3(b"x").hexdigest()}","dtype":"U8","name":"a","shape":[]}},'
        f'{{"blake3":"{blake3(b"12345678").hexdigest()}","dtype":"F32","name":"b","shape":[1,2]}}]}}'
    )
    assert weights == WeightsDigest(
        digest=blake3(text.encode()).hexdigest(), n_tensors=2, n_parameters=3
    )


def test_sharding_does_not_change_the_digest(
    sharded: Path, put: Callable[[Tensors], WeightsDigest], tmp_path: Path
) -> None:
    split = weights_of(sharded)
    for shard in sharded.glob("model*"):
        shard.unlink()
    tensors: Tensors = {
        "embed.weight": ("F32", [2, 3], bytes(range(24))),
        "head.weight": ("BF16", [4], bytes(range(100, 108))),
    }
    assert put(tensors) == split
    assert put(dict(reversed(tensors.items()))) == split


@pytest.mark.parametrize(
    "changed",
    [
        {"a": ("F16", [2], b"1234"), "b": ("U8", [1], b"y")},
        {"a": ("BF16", [1, 2], b"1234"), "b": ("U8", [1], b"y")},
        {"a": ("BF16", [2], b"1235"), "b": ("U8", [1], b"y")},
        {"c": ("BF16", [2], b"1234"), "b": ("U8", [1], b"y")},
        {"a": ("BF16", [2], b"1234"), "b": ("U8", [1], b"y"), "c": ("U8", [0], b"")},
        {"a": ("BF16", [2], b"1234")},
    ],
    ids=["dtype", "shape", "bytes", "name", "empty tensor added", "tensor removed"],
)
def test_any_other_tensors_change_the_digest(
    put: Callable[[Tensors], WeightsDigest], changed: Tensors
) -> None:
    first = put({"a": ("BF16", [2], b"1234"), "b": ("U8", [1], b"y")})
    assert put(changed).digest != first.digest


def test_tensors_across_chunks_are_digested_whole(put: Callable[[Tensors], WeightsDigest]) -> None:
    n = CHUNK_BYTES
    sizes = {"a": n - 7, "b": 3 * n + 1, "c": 0, "d": 5, "e": n, "f": 0}
    data = {name: bytes([number]) * size for number, (name, size) in enumerate(sizes.items())}
    found = put({name: ("U8", [len(raw)], raw) for name, raw in data.items()})
    expected = weights_digest(
        TensorDigest(name, "U8", (len(raw),), blake3(raw).hexdigest()) for name, raw in data.items()
    )
    assert found == expected


@pytest.mark.parametrize("step", [1, 2, 3, 8, 1000])
def test_chunks_may_end_anywhere(pack: Pack, step: int) -> None:
    data = {"a": b"", "b": b"123", "c": b"4", "d": b"", "e": b"5678", "f": b""}
    raw = pack({name: ("U8", [len(content)], content) for name, content in data.items()})
    hasher = TensorHasher(read_header(io.BytesIO(raw), size_bytes=len(raw), where="x"))
    for start in range(0, len(raw), step):
        hasher.update(memoryview(raw)[start : start + step])
    found = {tensor.name: tensor.blake3 for tensor in hasher.tensors()}
    assert found == {name: blake3(content).hexdigest() for name, content in data.items()}


def test_rejects_a_tensor_from_two_files() -> None:
    one = TensorDigest("w", "U8", (1,), blake3(b"1").hexdigest())
    with pytest.raises(InputError) as caught:
        weights_digest([one, one])
    assert caught.value.reason == "tensor-in-two-shards"


def test_rejects_weights_without_parameters(put: Callable[[Tensors], WeightsDigest]) -> None:
    with pytest.raises(InputError) as caught:
        put({"a": ("U8", [0], b"")})
    assert caught.value.reason == "no-parameters"


def test_checkpoints_saved_by_transformers_keep_their_digest(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        tie_word_embeddings=True,
    )
    model = transformers.LlamaForCausalLM(config).to(torch.bfloat16)
    digests = set()
    for number, size in enumerate(["1GB", "8KB", "3KB"]):
        folder = tmp_path / str(number)
        model.save_pretrained(folder, max_shard_size=size)
        weights = weights_of(folder)
        digests.add(weights.digest)
        assert weights.n_parameters == sum(p.numel() for p in model.parameters())
    assert (tmp_path / "2" / "model.safetensors.index.json").exists()
    index = json.loads((tmp_path / "2" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 2
    assert len(digests) == 1
