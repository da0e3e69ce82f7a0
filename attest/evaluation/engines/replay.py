"""Teacher-forced replay: is a response what this model says, whoever wrote it down?

Greedy decoding has one path. If every token of a response is the arg-max of one forward pass over
prompt and response, then the response is that path, and no generation is needed to know it. The
margin of a token is how far the best logit is above its own: 0 on the path, small where two
computations of one model may differ, large anywhere else.

Source: Token-DiFR (arXiv:2511.20621) for the margin; the replay of TOPLOC (arXiv:2501.16007) is a
prefill as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from attest.errors import EvaluationError
from attest.evaluation.engines import Response
from attest.evaluation.engines.model import Model

MAX_LOGIT_BYTES = 256 * 1024 * 1024
"""Logits held at once, in bytes of float32: longer responses are read in slices."""


@dataclass(frozen=True)
class Replayed:
    """How far one response is from the path of the model."""

    margins: tuple[float, ...]
    """Best logit minus its own logit for each response token, and, for a response that ended by
    itself, for the end-of-sequence token after it. At least 0, in units of logits."""
    spread: float
    """Mean standard deviation of the logits over the vocabulary: the scale of a margin."""


def replay(
    model: Model,
    prompts: Sequence[tuple[int, ...]],
    responses: Sequence[Response],
    *,
    batch_size: int,
    max_logit_bytes: int = MAX_LOGIT_BYTES,
) -> Iterator[tuple[int, Replayed]]:
    """Each index with its replay, the longest first.

    Args:
        model: the released weights.
        prompts: token ids, as the verifier rendered them.
        responses: what is claimed, in the order of the prompts.
        batch_size: prompts per forward pass.
        max_logit_bytes: bound on the logits held at once.

    Raises: EvaluationError if the device has no memory left for a batch.
    """
    lengths = [len(p) + len(r.tokens) for p, r in zip(prompts, responses, strict=True)]
    order = sorted(range(len(prompts)), key=lambda index: (-lengths[index], index))
    for start in range(0, len(order), batch_size):
        batch = order[start : start + batch_size]
        try:
            found = _replay_batch(
                model,
                [prompts[index] for index in batch],
                [responses[index] for index in batch],
                max_logit_bytes,
            )
        except torch.OutOfMemoryError as error:
            raise EvaluationError(
                f"out of memory with a batch of {len(batch)}",
                hint="verify again with a smaller --batch-size",
            ) from error
        yield from zip(batch, found, strict=True)


@torch.inference_mode()
def _replay_batch(
    model: Model,
    prompts: Sequence[tuple[int, ...]],
    responses: Sequence[Response],
    max_logit_bytes: int,
) -> list[Replayed]:
    padded = model.left_padded(prompts)
    n_rows, prompt_width = padded.ids.shape
    width = max(len(response.tokens) for response in responses)
    tokens = torch.full((n_rows, width), model.pad, dtype=torch.long)
    present = torch.zeros((n_rows, width), dtype=torch.long)
    for row, response in enumerate(responses):
        tokens[row, : len(response.tokens)] = torch.tensor(response.tokens, dtype=torch.long)
        present[row, : len(response.tokens)] = 1
    tokens, present = tokens.to(model.device), present.to(model.device)
    ids = torch.cat([padded.ids, tokens], dim=1)
    mask = torch.cat([padded.mask, present], dim=1)
    # Column `t` of these is about the t-th response token; one more column is about the stop.
    wanted = torch.cat([tokens, tokens.new_full((n_rows, 1), model.pad)], dim=1)

    slices = max(1, max_logit_bytes // (4 * n_rows * model.vocabulary_size))
    cache = model.new_cache()
    eos = torch.tensor(model.eos_token_ids, device=model.device)
    margins, stop_margins, spreads = [], [], []
    read = 0
    for start in range(0, width + 1, slices):
        end = min(start + slices, width + 1)
        until = prompt_width - 1 + end
        logits = model.forward(
            ids[:, read:until], mask[:, :until], cache, logits_to_keep=end - start
        ).float()
        read = until
        best = logits.amax(dim=-1)
        own = logits.gather(-1, wanted[:, start:end, None]).squeeze(-1)
        margins.append((best - own).cpu())
        stop_margins.append((best - logits[:, :, eos].amax(dim=-1)).cpu())
        spreads.append(logits.std(dim=-1).cpu())
    margin, stop_margin, spread = (
        torch.cat(parts, 1) for parts in (margins, stop_margins, spreads)
    )
    replayed = []
    for row, response in enumerate(responses):
        n = len(response.tokens)
        found = margin[row, :n].tolist()
        if response.stop == "eos":
            found.append(float(stop_margin[row, n]))
        read_columns = spread[row, : max(len(found), 1)]
        replayed.append(Replayed(tuple(found), float(read_columns.mean())))
    return replayed
