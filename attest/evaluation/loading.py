"""A checkpoint ready to be asked: its model loaded, and the prompts as it will read them.

Whoever measures and whoever replays come through here, so both ask the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attest.benchmark.probes import PLAIN_PROBE, Prefill, Probe, Setting
from attest.errors import InputError
from attest.evaluation.plan import Asked, by_setting
from attest.evaluation.records import Conditions, Subject
from attest.evaluation.rendering import Render, find_template, renderer, system_prompt_of
from attest.evaluation.suffixes import suffix
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
        keeps_special_tokens=terms.measurement.reasoning is not None,
        dtype=machine.dtype or terms.measurement.dtype,
        device=machine.device,
        threads=machine.threads,
    )
    return Model(folder, options)


def encode_prompts(
    model: Model,
    folder: Path,
    terms: Terms,
    conditions: Conditions,
    items: Sequence[Asked],
) -> list[tuple[int, ...]]:
    """The token ids that the model reads of every item: prompt and prefill, as its probe puts it.

    Raises: InputError with reason `short-prefill` if the text of a prefill has fewer tokens than
        it should give.
    """
    renders: dict[str, Render] = {}
    prefills: dict[str, tuple[int, ...]] = {}
    found = []
    for one in items:
        name = one.probe.name
        if name not in renders:
            today = conditions.rendered_on
            renders[name] = prompt_renderer(model, folder, terms, today, one.probe)
            prefills[name] = _prefill(model, one.probe.prefill)
        prompt = one.item.prompt
        if one.probe.suffix is not None:
            prompt = f"{prompt} {_suffix(conditions, one)}"
        found.append(model.encode(renders[name](prompt), prefills[name]))
    return found


def _suffix(conditions: Conditions, one: Asked) -> str:
    assert conditions.suffixes is not None, "whoever asks has made sure of them"
    return suffix(
        conditions.suffixes, probe=one.probe.name, benchmark=one.benchmark, item=one.item.id
    )


def _prefill(model: Model, prefill: Prefill | None) -> tuple[int, ...]:
    if prefill is None:
        return ()
    tokens = model.encode_answer(prefill.text)
    if len(tokens) < prefill.n_tokens:
        raise InputError(
            f"the prefill has {len(tokens)} tokens here, the probe gives {prefill.n_tokens}",
            reason="short-prefill",
            hint="the licensor should take a probe with a longer text",
        )
    return tokens[: prefill.n_tokens]


def prompt_renderer(
    model: Model, folder: Path, terms: Terms, today: date, probe: Probe = PLAIN_PROBE
) -> Render:
    """A function from a prompt to the very text that the model reads under these terms."""
    text, _ = find_template(folder, terms.measurement.chat_template)
    return renderer(
        text,
        system_prompt=system_prompt_of(probe, folder, terms.measurement.system_prompt),
        special_tokens=model.special_tokens,
        today=today,
        conversation=probe.messages,
    )


@dataclass(frozen=True)
class Group:
    """Questions to one model whose tokens are chosen in one way: what may share a batch."""

    places: tuple[int, ...]
    """Where they are among all questions of the run."""
    draws: Draws | None
    """In the order of the places; None decodes greedily."""


def groups(
    terms: Terms, conditions: Conditions, items: Sequence[Asked], *, subject: Subject
) -> list[Group]:
    """The questions to one model with their draws, grouped as `by_setting` groups them."""
    return [
        Group(places, _draws(conditions, setting, [items[place] for place in places]))
        for setting, places in by_setting(terms, items, subject).items()
    ]


def _draws(conditions: Conditions, setting: Setting, items: Sequence[Asked]) -> Draws | None:
    if setting.temperature is None or conditions.seed is None:
        return None
    from attest.evaluation.engines.gumbel import Draws, ItemKey

    return Draws(
        seed=bytes.fromhex(conditions.seed),
        temperature=float(setting.temperature),
        items=tuple(
            ItemKey(one.benchmark, one.item.id, one.probe.name, one.attempt) for one in items
        ),
        top_p=None if setting.top_p is None else float(setting.top_p),
    )
