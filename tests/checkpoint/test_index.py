"""The index, the files and the headers must name the same tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from attest.checkpoint.folder import open_checkpoint
from attest.checkpoint.index import INDEX_NAME, check_shard_files, read_index
from attest.checkpoint.loadable import check_loadable
from attest.errors import InputError

FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def refusal(folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        check_loadable(open_checkpoint(folder))
    assert caught.value.hint or caught.value.reason in ("duplicate-key", "not-json")
    return caught.value


def edit(folder: Path, **changes: Any) -> None:
    index = json.loads((folder / INDEX_NAME).read_text()) | changes
    (folder / INDEX_NAME).write_text(json.dumps(index))


def test_accepts_a_consistent_index(sharded: Path) -> None:
    headers = check_loadable(open_checkpoint(sharded))
    assert list(headers) == [FIRST, SECOND]
    assert sum(header.data_bytes for header in headers.values()) == 32


def test_accepts_shards_without_numbers() -> None:
    index = read_index(b'{"metadata":{"total_size":1},"weight_map":{"a":"x.safetensors"}}')
    check_shard_files(index, ["x.safetensors"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not-json"),
        ("[]", "index-not-object"),
        ('{"weight_map":{"a":"x.safetensors"}}', "metadata-missing"),
        ('{"metadata":null,"weight_map":{"a":"x.safetensors"}}', "metadata-missing"),
        ('{"metadata":{},"weight_map":{"a":"x.safetensors"}}', "total-size-missing"),
        ('{"metadata":{"total_size":1.0},"weight_map":{}}', "total-size-missing"),
        ('{"metadata":{"total_size":true},"weight_map":{}}', "total-size-missing"),
        ('{"metadata":{"total_size":-1},"weight_map":{}}', "total-size-missing"),
        ('{"metadata":{"total_size":1}}', "weight-map-missing"),
        ('{"metadata":{"total_size":1},"weight_map":{}}', "weight-map-missing"),
        ('{"metadata":{"total_size":1},"weight_map":{"a":1}}', "shard-not-string"),
        (
            '{"metadata":{"total_size":1},"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}',
            "duplicate-key",
        ),
        ('{"metadata":{},"metadata":{"total_size":1},"weight_map":{}}', "duplicate-key"),
    ],
)
def test_rejects_malformed_indexes(text: str, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        read_index(text.encode())
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("shard", "reason"),
    [
        ("../x.safetensors", "shard-name-parent"),
        ("sub/../../x.safetensors", "shard-name-parent"),
        ("/abs/x.safetensors", "shard-name-absolute"),
        ("..\\x.safetensors", "shard-name-backslash"),
        ("C:x.safetensors", "shard-name-drive"),
        ("x.safetensors\0", "shard-name-control"),
        ("\u202ex.safetensors", "shard-name-control"),
        ("sub/x.safetensors", "shard-name-folder"),
        ("x.bin", "shard-not-safetensors"),
        ("", "shard-not-safetensors"),
    ],
)
def test_rejects_shard_names_that_lead_elsewhere(shard: str, reason: str) -> None:
    index = {"metadata": {"total_size": 1}, "weight_map": {"layer.w": shard}}
    with pytest.raises(InputError) as caught:
        read_index(json.dumps(index).encode())
    assert caught.value.reason == reason
    assert caught.value.where == f"{INDEX_NAME}: tensor 'layer.w'"


def test_rejects_a_missing_shard(sharded: Path) -> None:
    (sharded / SECOND).unlink()
    error = refusal(sharded)
    assert error.reason == "shard-missing"
    assert SECOND in error.message


def test_rejects_a_shard_that_the_index_does_not_name(sharded: Path) -> None:
    (sharded / "model-extra.safetensors").write_bytes((sharded / SECOND).read_bytes())
    error = refusal(sharded)
    assert (error.reason, error.where) == ("unreferenced-shard", "model-extra.safetensors")


def test_rejects_weights_in_a_folder_beside_the_shards(sharded: Path) -> None:
    (sharded / "sub").mkdir()
    (sharded / "sub" / FIRST).write_bytes((sharded / FIRST).read_bytes())
    assert refusal(sharded).where == f"sub/{FIRST}"


@pytest.mark.parametrize(
    "names",
    [
        ("model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors"),
        ("model-00001-of-00002.safetensors", "other-00002-of-00002.safetensors"),
        ("model-00001-of-00002.safetensors", "model.safetensors"),
        ("model-00000-of-00002.safetensors", "model-00001-of-00002.safetensors"),
        ("model-00001-of-99999.safetensors",),
    ],
)
def test_rejects_incomplete_numbering(names: tuple[str, ...]) -> None:
    weight_map = {f"t{i}": name for i, name in enumerate(names)}
    index = read_index(
        json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}).encode()
    )
    with pytest.raises(InputError) as caught:
        check_shard_files(index, names)
    assert caught.value.reason == "shards-incomplete"


def test_rejects_a_tensor_in_two_shards(sharded: Path) -> None:
    (sharded / SECOND).write_bytes((sharded / FIRST).read_bytes())
    error = refusal(sharded)
    assert error.reason == "tensor-in-two-shards"
    assert error.where == f"{SECOND}: tensor 'embed.weight'"
    assert FIRST in error.message


def test_rejects_a_tensor_that_the_index_hides(sharded: Path) -> None:
    weight_map = json.loads((sharded / INDEX_NAME).read_text())["weight_map"]
    renamed = {"other.weight": SECOND, **weight_map}
    del renamed["head.weight"]
    edit(sharded, weight_map=renamed)
    error = refusal(sharded)
    assert error.reason == "tensor-not-in-index"
    assert error.where == f"{SECOND}: tensor 'head.weight'"


def test_rejects_a_tensor_placed_in_the_other_shard(sharded: Path) -> None:
    edit(sharded, weight_map={"embed.weight": SECOND, "head.weight": FIRST})
    error = refusal(sharded)
    assert error.reason == "tensor-in-other-shard"
    assert error.where == f"{FIRST}: tensor 'embed.weight'"


def test_rejects_a_tensor_that_no_shard_holds(sharded: Path) -> None:
    weight_map = json.loads((sharded / INDEX_NAME).read_text())["weight_map"]
    edit(sharded, weight_map=weight_map | {"ghost": FIRST})
    error = refusal(sharded)
    assert error.reason == "tensor-not-in-shard"
    assert error.where == f"{INDEX_NAME}: tensor 'ghost'"


def test_rejects_a_wrong_total_size(sharded: Path) -> None:
    edit(sharded, metadata={"total_size": 31})
    assert refusal(sharded).reason == "total-size-wrong"
