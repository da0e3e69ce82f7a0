"""The local engine: continuations by a model on this machine, with a loop of our own.

Token ids are kept, because text does not always encode back to the ids it came from.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from attest.errors import EvaluationError
from attest.evaluation.engines import Response
from attest.evaluation.engines.gumbel import Draws
from attest.evaluation.engines.model import Model


class LocalEngine:
    """Answers prompts with a loaded model."""

    def __init__(self, model: Model) -> None:
        """Answer with `model`."""
        self._model = model

    @torch.inference_mode()
    def generate(
        self, prompts: Sequence[tuple[int, ...]], draws: Draws | None = None
    ) -> list[Response]:
        """Continuations of `prompts`, in their order.

        Args:
            prompts: token ids.
            draws: of the items of these prompts, in their order; None decodes greedily.

        Raises: EvaluationError if the device has no memory left for this batch.
        """
        try:
            return self._generate(prompts, draws)
        except torch.OutOfMemoryError as error:
            raise EvaluationError(
                f"out of memory with a batch of {len(prompts)}",
                hint="begin again with a smaller --batch-size",
            ) from error

    def _generate(self, prompts: Sequence[tuple[int, ...]], draws: Draws | None) -> list[Response]:
        padded = self._model.left_padded(prompts)
        ids, mask = padded.ids, padded.mask
        cache = self._model.new_cache()
        eos = frozenset(self._model.eos_token_ids)
        tokens: list[list[int]] = [[] for _ in prompts]
        stopped: set[int] = set()
        rows = list(range(len(prompts)))
        """Which prompt each row of the shrinking batch belongs to."""
        for position in range(self._model.max_new_tokens):
            scores = self._model.forward(ids, mask, cache, logits_to_keep=1)[:, -1, :]
            if draws is not None:
                scores = draws.perturbed(scores, rows, position)
            best = scores.argmax(dim=-1)
            for row, token in zip(rows, best.tolist(), strict=True):
                if row in stopped:
                    continue
                if token in eos:
                    stopped.add(row)
                else:
                    tokens[row].append(token)
            if len(stopped) == len(prompts):
                break
            keep = [place for place, row in enumerate(rows) if row not in stopped]
            if 2 * len(keep) <= len(rows):
                chosen = torch.tensor(keep, device=best.device)
                cache.batch_select_indices(chosen)
                mask, best = mask[chosen], best[chosen]
                rows = [rows[place] for place in keep]
            ids = best[:, None]
            mask = torch.cat([mask, mask.new_ones((len(rows), 1))], dim=1)
        return [
            Response(tokens=tuple(found), stop="eos" if row in stopped else "length")
            for row, found in enumerate(tokens)
        ]
