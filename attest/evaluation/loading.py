"""A checkpoint ready to be asked: its model loaded, and the prompts as it will read them.

Whoever measures and whoever replays come through here, so both ask the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attest.errors import InputError
from attest.evaluation.plan import Asked
from attest.evaluation.records import Conditions
from attest.evaluation.rendering import Render, find_template, renderer
from attest.license.terms import Terms

if TYPE_CHECKING:
    from attest.evaluation.engines.gumbel import Draws
    from attest.evaluation.engines.model import Model

DEFAULT_BATCH_SIZE = 32
"""More is a loss on most processors; a large accelerator gains from more."""


@dataclass(frozen=True)
class Machine:
    """What the caller may choose: how to run, never what is asked."""

    device: str = "auto"
    threads: int | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """Arithmetic of a replay; a measurement takes what the terms say, with None."""


def load_model(folder: Path, terms: Terms, machine: Machine) -> Model:
    """The model of a checkpoint, as the terms ask for it.

    Raises: InputError with reason `missing-extra` where torch is not installed, or one of `Model`.
    """
    try:
        from attest.evaluation.engines.model import Model, ModelOptions
    except ImportError as error:
        raise InputError(
            f"running a checkpoint here needs {error.name}",
            reason="missing-extra",
            hint="pip install 'attest-weights[local]'",
        ) from error
    options = ModelOptions(
        max_new_tokens=terms.measurement.max_new_tokens,
        dtype=machine.dtype or terms.measurement.dtype,
        device=machine.device,
        threads=machine.threads,
    )
    return Model(folder, options)


def encode_prompts(
    model: Model, folder: Path, terms: Terms, today: date, items: Sequence[Asked]
) -> list[tuple[int, ...]]:
    """The token ids of every item, rendered as the terms ask."""
    render = prompt_renderer(model, folder, terms, today)
    return [model.encode(render(one.item.prompt)) for one in items]


def prompt_renderer(model: Model, folder: Path, terms: Terms, today: date) -> Render:
    """A function from a prompt to the very text that the model reads under these terms."""
    text, _ = find_template(folder, terms.measurement.chat_template)
    return renderer(
        text,
        system_prompt=terms.measurement.system_prompt,
        special_tokens=model.special_tokens,
        today=today,
    )


def fixed_draws(conditions: Conditions, items: Sequence[Asked]) -> Draws | None:
    """The draws of these items under sampled decoding; None under greedy decoding."""
    if conditions.seed is None or conditions.temperature is None:
        return None
    from attest.evaluation.engines.gumbel import Draws, ItemKey

    return Draws(
        seed=bytes.fromhex(conditions.seed),
        temperature=float(conditions.temperature),
        items=tuple(ItemKey(one.benchmark, one.item.id) for one in items),
    )
