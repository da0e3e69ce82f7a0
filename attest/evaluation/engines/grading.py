"""How likely a model's next token is each of a few words: grades, read without generating."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch

from attest.errors import InputError
from attest.evaluation.engines.model import Model


@torch.inference_mode()
def next_token_probabilities(
    model: Model, prompts: Sequence[tuple[int, ...]], words: Sequence[str]
) -> list[list[float]]:
    """For each prompt the probability of each word as the next token.

    Args:
        model: a loaded checkpoint.
        prompts: token ids; all of them share a forward pass.
        words: each a single token of this tokenizer.

    Returns: rows of probabilities in the order of the words; they need not add up to 1.
    Raises: InputError with reason `cannot-load` if a word is not a single token.
    """
    ids = [model.encode_answer(word) for word in words]
    if any(len(tokens) != 1 for tokens in ids):
        raise InputError(
            f"the tokenizer splits one of {', '.join(words)}",
            reason="cannot-load",
            hint="this is no model of the format that the terms name",
        )
    wanted = torch.tensor([tokens[0] for tokens in ids], device=model.device)
    padded = model.left_padded(prompts)
    logits = model.forward(padded.ids, padded.mask, model.new_cache(), logits_to_keep=1)
    probabilities = logits[:, -1, :].double().softmax(dim=-1)
    return cast("list[list[float]]", probabilities[:, wanted].tolist())
