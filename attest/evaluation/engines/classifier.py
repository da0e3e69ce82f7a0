"""Sequence classifiers: a text in, the name of its class out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from attest.errors import EvaluationError, InputError
from attest.evaluation.engines.model import device_called, first_line, silence_transformers

MAX_TOKENS = 4096
"""Read of one text where the model names no limit."""
COUNT_FROM_PADDING = frozenset({"roberta", "longformer"})
"""Architectures whose positions begin after the number of the padding token."""


class Classifier:
    """A loaded sequence classifier."""

    def __init__(self, folder: Path, *, dtype: str, device: str) -> None:
        """Load weights and tokenizer from `folder`, and from nowhere else.

        Raises: InputError with reason `cannot-load`.
        """
        silence_transformers()
        try:
            config = AutoConfig.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
            model: Any = AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=config,
                dtype="auto" if dtype == "checkpoint" else getattr(torch, dtype),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
            self._tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, ImportError, RuntimeError) as error:
            raise InputError(
                f"transformers {transformers.__version__} cannot load the classifier: "
                f"{first_line(error)}",
                reason="cannot-load",
                where=folder.name,
            ) from error
        self._device = device_called(device)
        self._model = model.to(self._device).eval()
        self._names: dict[int, str] = self._model.config.id2label
        positions = getattr(config, "max_position_embeddings", MAX_TOKENS)
        if config.model_type in COUNT_FROM_PADDING:
            positions -= config.pad_token_id + 1
        self._max_tokens = min(MAX_TOKENS, self._tokenizer.model_max_length, positions)

    @torch.inference_mode()
    def classify(self, texts: Sequence[str]) -> list[str]:
        """The name of the likeliest class of each text, of which the beginning is read.

        All of them share a forward pass.

        Raises: EvaluationError if the device has no memory left for this batch.
        """
        batch = self._tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=self._max_tokens,
            return_tensors="pt",
        ).to(self._device)
        try:
            logits = self._model(**batch).logits
        except torch.OutOfMemoryError as error:
            raise EvaluationError(
                f"out of memory with a batch of {len(texts)}",
                hint="go on with a smaller --batch-size",
            ) from error
        return [self._names[index] for index in logits.argmax(dim=-1).tolist()]
