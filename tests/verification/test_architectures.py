"""Checkpoints of real architectures are measured, signed, verified and replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from attest.evaluation.loading import Machine
from attest.verification.replay import Replay
from release import make_release

RENDERED_BY_TERMS = {
    "max_new_tokens": 12,
    "chat_template": {"source": "terms", "jinja": "Q: {{ messages[0].content }}\nA:"},
}

CHECKPOINTS: dict[str, dict[str, Any]] = {
    "llama": {"architecture": "llama"},
    "qwen": {"architecture": "qwen2"},
    "mistral": {"architecture": "mistral"},
    "gemma": {"architecture": "gemma2"},
    "gpt2": {"architecture": "gpt2"},
    "llama in bfloat16": {"architecture": "llama", "dtype": torch.bfloat16},
    "qwen in bfloat16": {"architecture": "qwen2", "dtype": torch.bfloat16},
    "tied embeddings": {"architecture": "llama", "tied": True},
    "sharded": {"architecture": "llama", "shard_size": "20KB"},
    "sharded and tied": {"architecture": "gemma2", "shard_size": "20KB", "tied": True},
    "no chat template": {"template": None, "measurement": RENDERED_BY_TERMS},
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_is_attested_and_replayed(name: str, tmp_path: Path) -> None:
    release = make_release(tmp_path, **CHECKPOINTS[name])

    result = release.examine(
        evidence=release.evidence, replay=Replay(machine=Machine(device="cpu"))
    )

    assert result.failed_step is None
    assert result.level == 4
    assert result.outcome in ("pass", "fail")  # unsettled answers of 16-bit arithmetic may fail
    assert result.checkpoint == release.evaluation.manifest.digest()
