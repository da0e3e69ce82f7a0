"""One model, asked its questions: what was fixed beforehand, and what it said.

The checkpoint and the base are asked in the same way, one after the other: all at once, or in
rounds where what is asked next depends on what was answered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from attest.evaluation.engines import Response
from attest.evaluation.journal import Journal, other_plan
from attest.evaluation.loading import Group, encode_prompts, groups
from attest.evaluation.plan import Asked, batches, probe_uses
from attest.evaluation.records import (
    BatchPlan,
    Conditions,
    Ed25519Signature,
    Subject,
    Transcript,
)
from attest.evaluation.rendering import find_template
from attest.license.terms import Terms
from attest.record import Sha256

if TYPE_CHECKING:
    from attest.evaluation.engines.model import Model


@dataclass(frozen=True)
class Fixed:
    """What is the same for every model of a run."""

    today: date
    """What chat templates are told."""
    seed: Sha256 | None
    suffixes: Ed25519Signature | None
    batch_size: int


def conditions_of(model: Model, folder: Path, terms: Terms, fixed: Fixed) -> Conditions:
    """The conditions under which a model is asked."""
    measurement = terms.measurement
    _, template = find_template(folder, measurement.chat_template)
    return Conditions(
        architecture=model.architecture,
        system_prompt=measurement.system_prompt,
        template=template,
        rendered_on=fixed.today,
        max_new_tokens=measurement.max_new_tokens,
        decoding=measurement.decoding,
        temperature=measurement.temperature,
        seed=fixed.seed,
        probes=probe_uses(terms),
        suffixes=fixed.suffixes,
        reasoning=measurement.reasoning,
        dtype=model.dtype,
        attention=model.attention,
        eos_token_ids=model.eos_token_ids,
        batch_plan=BatchPlan(size=fixed.batch_size),
    )


@dataclass
class Asking:
    """The questions of a run, and how far they have been answered."""

    terms: Terms
    items: Sequence[Asked]
    journal: Journal
    on_answered: Callable[[int], None]
    """Called with the number of answers there are."""
    _kept: list[list[Response]] = field(init=False)
    """Batches that were on disk, in the order in which they come again."""
    _n_batches: int = field(default=0, init=False)
    _n_answered: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._kept = self.journal.answered()

    def batch(self, n: int, generate: Callable[[], list[Response]]) -> list[Response]:
        """The answers to the next batch of `n` prompts: from the disk, or else generated.

        Raises: InputError if another batch is on disk.
        """
        number = self._n_batches
        if number < len(self._kept):
            responses = self._kept[number]
            if len(responses) != n:
                raise other_plan(number)
        else:
            responses = generate()
            self.journal.append(number, responses)
        self._n_batches += 1
        self._n_answered += n
        self.on_answered(self._n_answered)
        return responses


class Interview:
    """A model with the prompts of its questions rendered for it."""

    def __init__(
        self, asking: Asking, model: Model, folder: Path, conditions: Conditions, subject: Subject
    ) -> None:
        """Prepare to ask `model`.

        Raises: InputError if a prompt cannot be put.
        """
        from attest.evaluation.engines.local import LocalEngine

        terms, items = asking.terms, asking.items
        self._asking, self._model, self._engine = asking, model, LocalEngine(model)
        self._size = _size(conditions)
        self._groups = groups(terms, conditions, items, subject=subject)
        self.places = tuple(place for place, one in enumerate(items) if one.subject == subject)
        """Which questions are this model's."""
        encoded = encode_prompts(model, folder, terms, conditions, [items[p] for p in self.places])
        self._prompts = dict(zip(self.places, encoded, strict=True))

    def ask(self, places: Collection[int]) -> list[Transcript]:
        """The answers to these questions, in leaf order; those on disk are not asked for again.

        Raises: EvaluationError if memory or disk run out.
        """
        prompts, answers = self._prompts, dict[int, Response]()
        for group in self._groups:
            inside = [index for index, place in enumerate(group.places) if place in places]
            for batch in batches([prompts[group.places[index]] for index in inside], self._size):
                chosen = [inside[index] for index in batch]

                def generate(group: Group = group, chosen: list[int] = chosen) -> list[Response]:
                    draws = None if group.draws is None else group.draws.of(tuple(chosen))
                    asked = [prompts[group.places[index]] for index in chosen]
                    return self._engine.generate(asked, draws)

                responses = self._asking.batch(len(chosen), generate)
                answers.update(
                    zip((group.places[index] for index in chosen), responses, strict=True)
                )
        return [self._transcript(place, answers[place]) for place in sorted(answers)]

    def _transcript(self, place: int, answer: Response) -> Transcript:
        one = self._asking.items[place]
        return Transcript(
            index=place,
            subject=one.subject,
            probe=one.probe.name,
            attempt=one.attempt,
            benchmark=one.benchmark,
            item=one.item.id,
            prompt_tokens=self._prompts[place],
            response_tokens=answer.tokens,
            stop=answer.stop,
            text=self._model.decode(answer.tokens),
        )


def _size(conditions: Conditions) -> int:
    assert conditions.batch_plan is not None, "only our own engine asks"
    return conditions.batch_plan.size
