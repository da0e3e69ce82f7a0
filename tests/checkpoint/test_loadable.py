"""The attested set is the only loadable set: each way around it is refused with its remedy."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from attest.checkpoint.folder import open_checkpoint
from attest.checkpoint.loadable import check_loadable, check_names
from attest.errors import InputError


def refusal(folder: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        check_loadable(open_checkpoint(folder))
    return caught.value


def add(folder: Path, path: str, content: str = "") -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text(content)


def test_accepts_an_ordinary_checkpoint(model: Path) -> None:
    assert list(check_loadable(open_checkpoint(model))) == ["model.safetensors"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("pytorch_model.bin", "pickle-weights"),
        ("model.pt", "pickle-weights"),
        ("original/weights.00.pth", "pickle-weights"),
        ("last.ckpt", "pickle-weights"),
        ("arrays.npz", "pickle-weights"),
        ("training_args.bin", "pickle-weights"),
        ("optimizer.pt", "pickle-weights"),
        ("PYTORCH_MODEL.BIN", "pickle-weights"),
        ("flax_model.msgpack", "other-weights-format"),
        ("tf_model.h5", "other-weights-format"),
        ("onnx/model.onnx", "other-weights-format"),
        ("model.Q4_K_M.gguf", "other-weights-format"),
        ("consolidated.safetensors", "consolidated-weights"),
        ("consolidated.00.pth", "consolidated-weights"),
        ("consolidated.safetensors.index.json", "consolidated-weights"),
        ("adapter_config.json", "adapter-beside-model"),
        ("adapter_model.safetensors", "adapter-beside-model"),
        ("sub/adapter_config.json", "adapter-beside-model"),
        ("fast.so", "compiled-code"),
        ("modeling.pyc", "compiled-code"),
        ("custom_generate/generate.py", "custom-generate"),
        ("pytorch_model.bin.index.json", "other-index"),
        ("model.safetensors.index.fp16.json", "other-index"),
        ("sub/model.safetensors.index.json", "other-index"),
        ("model.safetensors.index.json", "two-weight-sets"),
        ("model.fp16.safetensors", "weights-outside-model"),
        ("input_scales.safetensors", "weights-outside-model"),
        ("unet/model.safetensors", "weights-outside-model"),
        ("attestations/model.safetensors", "loadable-in-excluded-folder"),
        ("attestations/modeling.py", "loadable-in-excluded-folder"),
        (".git/x/adapter_config.json", "loadable-in-excluded-folder"),
        (".cache/huggingface/pytorch_model.bin", "loadable-in-excluded-folder"),
    ],
)
def test_rejects_anything_else_that_could_be_loaded(model: Path, path: str, reason: str) -> None:
    add(model, path)
    error = refusal(model)
    assert error.reason == reason
    assert error.where is not None
    assert error.hint


def test_names_the_added_file(model: Path) -> None:
    add(model, "sub/pytorch_model.bin")
    assert refusal(model).where == "sub/pytorch_model.bin"


def test_rejects_an_adapter_without_its_base(model: Path) -> None:
    for path in list(model.iterdir()):
        path.unlink()
    add(model, "adapter_config.json", '{"base_model_name_or_path": "org/base"}')
    add(model, "adapter_model.safetensors")
    assert refusal(model).reason == "adapter-without-base"


def test_rejects_a_folder_without_weights(model: Path) -> None:
    (model / "model.safetensors").unlink()
    assert refusal(model).reason == "no-weights"


def test_rejects_weights_without_configuration(model: Path) -> None:
    (model / "config.json").unlink()
    assert refusal(model).reason == "config-missing"


@pytest.mark.parametrize("name", ["weights.safetensors", "Model.safetensors"])
def test_rejects_weights_under_a_name_that_nobody_loads(model: Path, name: str) -> None:
    (model / "model.safetensors").rename(model / name)
    assert refusal(model).reason == "weights-without-index"


def test_rejects_shards_whose_index_is_missing(sharded: Path) -> None:
    (sharded / "model.safetensors.index.json").unlink()
    assert refusal(sharded).reason == "weights-without-index"


def test_names_alone_can_be_checked_from_a_listing() -> None:
    check_names(["config.json", "model.safetensors", "README.md"])
    with pytest.raises(InputError):
        check_names(["config.json", "model.safetensors", "model.bin"])


def test_rejects_a_broken_header(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"\x80\x04pickle")
    error = refusal(model)
    assert error.where == "model.safetensors"
    assert error.reason == "header-too-large"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"transformers_weights": "other.safetensors"}, "weights-redirect"),
        ({"configuration_files": ["config.4.0.json"]}, "config-redirect"),
        ({"_attn_implementation_internal": "org/kernel"}, "internal-implementation"),
        ({"_experts_implementation_internal": "eager"}, "internal-implementation"),
        ({"model_file": "evil.py"}, "model-file"),
        ({"audio_tokenizer_name_or_path": "org/audio"}, "other-repository"),
        ({"auto_map": {"AutoModel": "org/other--modeling.Tiny"}}, "code-from-elsewhere"),
        ({"auto_map": {"impl": "", "A": "org/other--modeling.Tiny"}}, "code-reference"),
        ({"auto_map": {"AutoTokenizer": [None, "org/o--tok.Tiny"]}}, "code-from-elsewhere"),
        ({"auto_map": {"AutoModel": "absent.Tiny"}}, "code-missing"),
        ({"auto_map": {"AutoModel": "../modeling.Tiny"}}, "code-reference"),
        ({"auto_map": "modeling"}, "code-reference"),
        ({"custom_pipelines": {"x": {"impl": "org/o--pipe.P"}}}, "code-from-elsewhere"),
        ({"attn_implementation": "org/kernel"}, "kernel-from-elsewhere"),
        ({"_attn_implementation": {"text_config": "org/k:f"}}, "kernel-from-elsewhere"),
        ({"trust_remote_code": True}, "trusts-remote-code"),
        ({"fast_tokenizer_files": ["tokenizer.9.0.json"]}, "tokenizer-file-missing"),
    ],
)
@pytest.mark.parametrize(
    "path", ["config.json", "tokenizer_config.json", "sub/processor_config.json"]
)
def test_rejects_settings_that_lead_elsewhere(
    model: Path, path: str, setting: dict[str, Any], reason: str
) -> None:
    add(model, path, json.dumps({"text_config": [{"deep": setting}]}))
    error = refusal(model)
    assert error.reason == reason
    assert error.where == f"{path}: {next(iter(setting))}"


@pytest.mark.parametrize(
    "setting",
    [
        {"transformers_weights": None},
        {"auto_map": {"AutoModel": "modeling_tiny.Tiny", "AutoTokenizer": [None, "tok.Tok"]}},
        {"custom_pipelines": {"x": {"impl": "tok.Pipe", "pt": ["AutoModelForCausalLM"]}}},
        {"custom_pipelines": []},
        {"attn_implementation": "sdpa"},
        {"trust_remote_code": False},
        {"fast_tokenizer_files": ["tokenizer.json"]},
        {"auto_map": 5},
    ],
)
def test_accepts_settings_that_stay_in_the_folder(model: Path, setting: dict[str, Any]) -> None:
    add(model, "modeling_tiny.py")
    add(model, "tok.py")
    add(model, "config.json", json.dumps(setting))
    check_loadable(open_checkpoint(model))


@pytest.mark.parametrize(
    "path", ["config.json", "tokenizer.json", "generation_config.json", "chat_template.json"]
)
def test_rejects_configuration_with_two_meanings(model: Path, path: str) -> None:
    add(model, path, '{"a": 1, "a": 2}')
    error = refusal(model)
    assert (error.reason, error.where) == ("duplicate-key", path)


def test_tokens_named_like_settings_are_only_tokens(model: Path) -> None:
    add(model, "vocab.json", '{"transformers_weights": 1, "model_file": 2}')
    check_loadable(open_checkpoint(model))


def test_other_json_is_not_parsed(model: Path) -> None:
    add(model, "notes.json", "not json")
    check_loadable(open_checkpoint(model))


def test_copying_links_away_mends_the_folder(model: Path, tmp_path: Path) -> None:
    (model / "config.json").rename(tmp_path / "config.json")
    (model / "config.json").symlink_to(tmp_path / "config.json")
    assert refusal(model).reason == "symlink-leaves-folder"
    shutil.copytree(model, tmp_path / "copy", symlinks=False)
    check_loadable(open_checkpoint(tmp_path / "copy"))
