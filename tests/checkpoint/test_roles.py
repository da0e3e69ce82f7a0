"""What a file does is told by its name, and nothing loadable passes as documentation."""

from __future__ import annotations

import pytest

from attest.checkpoint.manifest import Role
from attest.checkpoint.roles import is_excluded, role_of


@pytest.mark.parametrize(
    ("path", "role"),
    [
        ("model.safetensors", "weights"),
        ("MODEL-00001-of-00002.SAFETENSORS", "weights"),
        ("pytorch_model.bin", "weights"),
        ("training_args.bin", "weights"),
        ("original/consolidated.00.pth", "weights"),
        ("model.Q4_K.gguf", "weights"),
        ("onnx/model.onnx_data", "weights"),
        ("model.safetensors.index.json", "index"),
        ("model.safetensors.index.fp16.json", "index"),
        ("pytorch_model.bin.index.json", "index"),
        ("config.json", "config"),
        ("generation_config.json", "config"),
        ("preprocessor_config.json", "config"),
        ("params.json", "config"),
        ("tokenizer.json", "tokenizer"),
        ("tokenizer_config.json", "tokenizer"),
        ("spiece.model", "tokenizer"),
        ("tokenizer.model.v3", "tokenizer"),
        ("vocab.txt", "tokenizer"),
        ("merges.txt", "tokenizer"),
        ("qwen.tiktoken", "tokenizer"),
        ("tekken.json", "tokenizer"),
        ("special_tokens_map.json", "tokenizer"),
        ("chat_template.jinja", "template"),
        ("additional_chat_templates/tool_use.jinja", "template"),
        ("chat_template.json", "template"),
        ("modeling_tiny.py", "code"),
        ("kernels/fast.so", "code"),
        ("adapter_config.json", "adapter"),
        ("adapter_model.safetensors", "adapter"),
        ("adapter_model.bin", "adapter"),
        ("LICENSE", "license"),
        ("License.txt", "license"),
        ("NOTICE", "license"),
        ("USE_POLICY.md", "license"),
        ("README.md", "documentation"),
        ("docs/card.pdf", "documentation"),
        ("logo.PNG", "documentation"),
        ("requirements.txt", "other"),
        ("README.py", "code"),
        ("LICENSE.bin", "weights"),
        ("tokenizer.py", "code"),
    ],
)
def test_role_follows_from_the_name(path: str, role: Role) -> None:
    assert role_of(path) == role


@pytest.mark.parametrize(
    "path",
    [
        "attestations/0001.sigstore.json",
        "model.sig",
        ".git",
        ".git/config",
        ".gitattributes",
        ".gitignore",
        ".cache/huggingface/download/config.json.metadata",
        ".eval_results/mmlu.yaml",
    ],
)
def test_manifest_never_lists_attestations_or_version_control(path: str) -> None:
    assert is_excluded(path)


@pytest.mark.parametrize("path", ["sub/model.sig", ".gitx", ".cache/x", "attestations", ".GIT/x"])
def test_only_the_exact_places_are_excluded(path: str) -> None:
    assert not is_excluded(path)
