"""Teacher-forced replay: is a response what this model says, whoever wrote it down?

Greedy decoding has one path, and so has sampling with draws that are fixed beforehand. If every
token of a response has the best score after one forward pass over prompt and response, then the
response is that path, and no generation is needed to know it. The margin of a token is how far the
best score is above its own: 0 on the path, small where two computations of one model may differ,
large anywhere else. A score is a logit, or, for a sampled response, a logit over the temperature
plus its Gumbel number.

Source: Token-DiFR (arXiv:2511.20621) for the margin, also under fixed draws; the replay of TOPLOC
(arXiv:2501.16007) is a prefill as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from attest.errors import EvaluationError
from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws
from attest.evaluation.engines.model import Model
from attest.evaluation.engines.nucleus import nucleus_margin

MAX_LOGIT_BYTES = 256 * 1024 * 1024
"""Logits held at once, in bytes of float32: longer responses are read in slices. Draws take a few
columns more."""

TOKENS_AT_ONCE = 1024
"""Read in one pass on a CPU, which gains nothing from more: few rows of nearly one length, so that
little is padding, whose activations stay in the cache."""


@dataclass(frozen=True)
class Replayed:
    """How far one response is from the path of the model."""

    margins: tuple[float, ...]
    """Best score minus its own score for each response token, and, for a response that ended by
    itself, for the end-of-sequence token after it. 0 for the arg-max only: who ties with it and
    comes later has the least number above 0. In units of logits, over the temperature if there is
    one."""
    spread: float
    """Mean standard deviation of the logits over the vocabulary, without draws and in the units of
    the margins: their scale."""

    @property
    def worst(self) -> float:
        """The largest margin; not a number if any margin is none, 0 if there are none."""
        # max() passes over a NaN that comes after a number, and so would let it through.
        if any(margin != margin for margin in self.margins):  # noqa: PLR0124 - only NaN differs
            return float("nan")
        return max(self.margins, default=0.0)


def replay(
    model: Model,
    prompts: Sequence[tuple[int, ...]],
    responses: Sequence[Response],
    *,
    batch_size: int,
    draws: Draws | None = None,
    max_logit_bytes: int = MAX_LOGIT_BYTES,
) -> Iterator[tuple[int, Replayed]]:
    """Each index with its replay, the longest first.

    Args:
        model: the released weights.
        prompts: token ids, as the verifier rendered them.
        responses: what is claimed, in the order of the prompts.
        batch_size: most prompts per forward pass.
        draws: of the items of these prompts, in their order; None for greedy answers.
        max_logit_bytes: bound on the logits held at once.

    Raises: EvaluationError if the device has no memory left for a batch.
    """
    lengths = [len(p) + len(r.tokens) for p, r in zip(prompts, responses, strict=True)]
    order = sorted(range(len(prompts)), key=lambda index: (-lengths[index], index))
    start = 0
    while start < len(order):
        n_rows = batch_size
        if model.device.type == "cpu":
            n_rows = min(batch_size, TOKENS_AT_ONCE // max(1, lengths[order[start]])) or 1
        batch = order[start : start + n_rows]
        start += n_rows
        try:
            found = _replay_batch(
                model,
                [prompts[index] for index in batch],
                [responses[index] for index in batch],
                None if draws is None else draws.of(batch),
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
    draws: Draws | None,
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
        own = wanted[:, start:end]
        if draws is None:
            below = _below_best(logits, own, eos)
        else:
            below = _below_best_drawn(logits, own, eos, draws, responses, start)
        margins.append(below.token.cpu())
        stop_margins.append(below.stop.cpu())
        spreads.append(logits.std(dim=-1).cpu())
    margin, stop_margin, spread = (
        torch.cat(parts, 1) for parts in (margins, stop_margins, spreads)
    )
    temperature = 1.0 if draws is None else draws.temperature
    replayed = []
    for row, response in enumerate(responses):
        n = len(response.tokens)
        found = margin[row, :n].tolist()
        if response.stop == "eos":
            found.append(float(stop_margin[row, n]))
        read_columns = spread[row, : max(len(found), 1)]
        replayed.append(Replayed(tuple(found), float(read_columns.mean()) / temperature))
    return replayed


@dataclass(frozen=True)
class _Margins:
    """How far below the best score, for every row and column."""

    token: torch.Tensor
    """(rows, columns): the token that is claimed."""
    stop: torch.Tensor
    """(rows, columns): the best end-of-sequence token."""


def _below_best(scores: torch.Tensor, own: torch.Tensor, eos: torch.Tensor) -> _Margins:
    best, first = scores.amax(dim=-1), scores.argmax(dim=-1)
    token = best - scores.gather(-1, own[..., None]).squeeze(-1)
    stop = best - scores[..., eos].amax(dim=-1)
    # Scores of 16 bits tie, and the path takes the first of equals. Another one of them is no path.
    least = torch.finfo(scores.dtype).tiny
    return _Margins(
        token.masked_fill((token == 0) & (own != first), least),
        stop.masked_fill((stop == 0) & ~torch.isin(first, eos), least),
    )


def _below_best_drawn(
    logits: torch.Tensor,
    own: torch.Tensor,
    eos: torch.Tensor,
    draws: Draws,
    responses: Sequence[Response],
    start: int,
) -> _Margins:
    # Column by column, so that draws and sums in float64 are never held for a whole slice; and
    # only for rows that claim something there.
    claimed = [len(response.tokens) + (response.stop == "eos") for response in responses]
    token = torch.zeros(own.shape, dtype=torch.float64, device=logits.device)
    stop = torch.zeros_like(token)
    for column in range(own.shape[1]):
        position = start + column
        rows = [row for row, n in enumerate(claimed) if position < n]
        if not rows:
            break
        scores = draws.perturbed(logits[rows, column], rows, position)
        below = _below_best(scores, own[rows, column], eos)
        token[rows, column], stop[rows, column] = below.token, below.stop
        if draws.top_p is None:
            continue
        for row in rows:
            n_tokens = len(responses[row].tokens)
            found = token if position < n_tokens else stop
            if found[row, column] > 0:
                choices = [int(own[row, column])] if position < n_tokens else eos.tolist()
                scored = draws.of([row]), logits[row, column], position
                found[row, column] = min(_from_nucleus(*scored, choice) for choice in choices)
    return _Margins(token, stop)


def _from_nucleus(draws: Draws, logits: torch.Tensor, position: int, token: int) -> float:
    """How far a token is from the draw of one row, the edge of its nucleus taken into account."""
    assert draws.top_p is not None
    (scores,) = replace(draws, top_p=None).perturbed(logits[None], [0], position)
    return nucleus_margin(logits.double() / draws.temperature, scores, token, draws.top_p)
