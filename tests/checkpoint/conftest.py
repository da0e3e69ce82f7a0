"""Small checkpoints, written byte by byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Tensors = dict[str, tuple[str, list[int], bytes]]
Pack = Callable[[Tensors], bytes]

WEIGHTS: Tensors = {
    "embed.weight": ("F32", [2, 3], bytes(range(24))),
    "head.weight": ("BF16", [4], bytes(range(100, 108))),
}


def _pack(tensors: Tensors) -> bytes:
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        offsets = [len(data), len(data) + len(raw)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


@pytest.fixture
def pack() -> Pack:
    """Builds the bytes of a safetensors file, tensors in the order given."""
    return _pack


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder with one weights file, as a publisher would release it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text('{"architectures": ["TinyForCausalLM"]}')
    (folder / "tokenizer.json").write_text('{"model": {"vocab": {"auto_map": 0}}}')
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "Tiny"}')
    (folder / "README.md").write_text("# tiny\n")
    (folder / "model.safetensors").write_bytes(_pack(WEIGHTS))
    return folder


@pytest.fixture
def sharded(model: Path) -> Path:
    """The same checkpoint as `model`, in two shards."""
    (model / "model.safetensors").unlink()
    weight_map = {}
    for number, name in enumerate(WEIGHTS, start=1):
        shard = f"model-{number:05d}-of-00002.safetensors"
        (model / shard).write_bytes(_pack({name: WEIGHTS[name]}))
        weight_map[name] = shard
    index = {"metadata": {"total_size": 32}, "weight_map": weight_map}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    return model
