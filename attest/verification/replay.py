"""Steps 15 and 16: the released weights say these answers themselves.

A signature vouches for a number; this makes it checkable. The verifier renders every prompt again,
reads prompt and claimed answer through the weights once, and asks of each token whether it is the
arg-max, and of each ending whether it is real. In a sampled run the arg-max is that of the logits
with the draws added, which the verifier makes again from the seed. A token within the tolerance of
the arg-max is *unsettled*: two honest computations may differ there, so its item counts as a
failure for the verdict, or is generated again and judged if the caller asks for that. Anything
beyond the tolerance is no answer of these weights.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attest.benchmark.items import Benchmark
from attest.benchmark.probes import PLAIN
from attest.checkpoint.folder import Checkpoint
from attest.errors import InputError
from attest.evaluation.counting import count
from attest.evaluation.engines import Response
from attest.evaluation.judges import Judgement, agrees
from attest.evaluation.judging import Panel, judge_all
from attest.evaluation.loading import Machine, groups, load_model
from attest.evaluation.materials import (
    NO_SOURCES,
    JudgeSources,
    load_benchmarks,
    load_same_panel,
)
from attest.evaluation.plan import Asked, asked, compares_with_base
from attest.evaluation.reasoning import judged_part
from attest.evaluation.records import (
    Conditions,
    Evaluation,
    JudgedTranscript,
    Subject,
    Transcript,
)
from attest.license.decide import decide
from attest.license.metrics import is_failure
from attest.license.terms import License, Terms
from attest.license.verdict import Verdict, VerdictLabel
from attest.record import Slug
from attest.verification.choice import Chosen, SpotCheck
from attest.verification.logged import possible_paths, settle_by_text
from attest.verification.records import ReplayReport

if TYPE_CHECKING:
    from attest.evaluation.engines.gumbel import Draws
    from attest.evaluation.engines.model import Model
    from attest.evaluation.engines.replay import Replayed

EPSILON = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}
"""Distance from 1 to the next number of a type."""

TOLERANCE_FACTOR = 32.0
"""Tolerance in units of epsilon times spread of the logits: several times the largest margin of
honest transcripts over batch plans, attention kernels and arithmetics, 8.7 (docs/replay.md). A wide
one gains a forger nothing, since what is within it counts as a failure."""


@dataclass(frozen=True)
class Replay:
    """How to replay: everything, or a spot check."""

    machine: Machine = Machine()
    spot_check: SpotCheck | None = None
    """None replays every item (level 4)."""
    tolerance: float | None = None
    """In units of logits, over the temperature if sampled; None takes the honest spread of the
    arithmetic."""
    unsettled: Literal["failure", "judge-both"] = "failure"
    base: Checkpoint | None = None
    """The base, where the license compares with one; None leaves its answers unreplayed."""
    on_progress: Callable[[int, int], None] = field(default=lambda _done, _all: None)


@dataclass
class _Tally:
    n_done: int = 0
    n_tokens: int = 0
    n_unsettled_tokens: int = 0
    n_by_text: int = 0
    largest_margin: float = 0.0
    largest_tolerance: float = 0.0
    unsettled: list[int] = field(default_factory=list)


def run_replay(
    evaluation: Evaluation,
    license: License,
    model: Model,
    judged: Sequence[JudgedTranscript],
    chosen: Chosen,
    replay: Replay,
    data: Path | None,
    judges: JudgeSources = NO_SOURCES,
) -> tuple[ReplayReport, Verdict]:
    """Replay the chosen answers; the report, and the verdict with unsettled ones as failures.

    Raises: InputError that names the first answer which these weights do not say.
    """
    terms = license.terms
    benchmarks = load_benchmarks(terms, data)
    run = _Run(
        terms,
        asked(terms, benchmarks),
        judged,
        replay,
        len(chosen.indices),
        benchmarks,
        load_same_panel(terms, judges, evaluation.judges)
        if replay.unsettled == "judge-both"
        else None,
    )
    run.settle(model, evaluation.conditions, chosen.of_checkpoint, subject="checkpoint")
    if evaluation.base is not None and chosen.base is not None:
        base = load_base(chosen.base, license, model)
        run.settle(base, evaluation.base.conditions, chosen.of_base, subject="base")
    tally = run.tally
    verdict = _verdict(evaluation, license, judged, tally.unsettled, benchmarks)
    is_log = evaluation.conditions.log is not None
    report = ReplayReport(
        device=model.environment.device,
        dtype=model.dtype,
        n_items=len(chosen.indices),
        n_tokens=tally.n_tokens,
        n_unsettled_items=len(tally.unsettled),
        n_unsettled_tokens=tally.n_unsettled_tokens,
        largest_margin=tally.largest_margin,
        tolerance=tally.largest_tolerance,
        n_settled_by_path=len(chosen.indices) - tally.n_by_text if is_log else None,
        n_settled_by_text=tally.n_by_text if is_log else None,
        n_base_items=None if evaluation.base is None else len(chosen.of_base),
        caught=chosen.caught,
    )
    return report, verdict


@dataclass
class _Run:
    """The replay of one run: of the checkpoint's answers, then of the base's."""

    terms: Terms
    items: Sequence[Asked]
    judged: Sequence[JudgedTranscript]
    replay: Replay
    n_chosen: int
    benchmarks: Mapping[str, Benchmark]
    panel: Panel | None
    """Judges of what unsettled answers might have been; None counts all of them as failures."""
    tally: _Tally = field(default_factory=_Tally)

    def settle(
        self, model: Model, conditions: Conditions, indices: Sequence[int], *, subject: Subject
    ) -> None:
        """Replay the answers of one model.

        Raises: InputError that names the first answer which its weights do not say.
        """
        chosen = set(indices)
        for group in groups(self.terms, conditions, self.items, subject=subject):
            at = [at for at, place in enumerate(group.places) if place in chosen]
            places = [group.places[one] for one in at]
            draws = None if group.draws is None else group.draws.of(at)
            before = len(self.tally.unsettled)
            self._settle_group(model, conditions, places, draws)
            unsettled = self.tally.unsettled[before:]
            if self.panel is not None:
                left = self._still_unsettled(self.panel, model, places, draws, unsettled)
                self.tally.unsettled[before:] = left

    def _settle_group(
        self, model: Model, conditions: Conditions, places: list[int], draws: Draws | None
    ) -> None:
        from attest.evaluation.engines.replay import replay as replay_tokens

        batch_size = self.replay.machine.batch_size
        is_log = conditions.log is not None
        paths = possible_paths(model, self.judged, places) if is_log else places
        by_text = sorted(set(places) - set(paths))
        lines = [self.judged[index].transcript for index in paths]
        pairs = replay_tokens(
            model,
            [line.prompt_tokens for line in lines],
            [Response(line.response_tokens, line.stop) for line in lines],
            batch_size=batch_size,
            draws=draws,
        )
        for place, replayed in pairs:
            tolerance = self._tolerance(conditions, model, replayed)
            if is_log and not replayed.worst <= tolerance:
                by_text.append(paths[place])
                continue
            _take(self.tally, lines[place], replayed, tolerance)
            self._on_settled(1)
        settle_by_text(
            model, self.judged, by_text, batch_size=batch_size, on_settled=self._on_settled
        )
        self.tally.n_by_text += len(by_text)

    def _tolerance(self, conditions: Conditions, model: Model, replayed: Replayed) -> float:
        if self.replay.tolerance is not None:
            return self.replay.tolerance
        stated = self.terms.measurement.replay_tolerance
        if stated is not None:
            return float(stated)
        return honest_tolerance(conditions.dtype, model.dtype, replayed.spread)

    def _on_settled(self, n: int) -> None:
        self.tally.n_done += n
        self.replay.on_progress(self.tally.n_done, self.n_chosen)

    def _still_unsettled(
        self,
        panel: Panel,
        model: Model,
        places: Sequence[int],
        draws: Draws | None,
        unsettled: list[int],
    ) -> list[int]:
        """The unsettled answers whose other branch, generated here, is judged differently."""
        from attest.evaluation.engines.local import LocalEngine

        if panel.absent:
            # Nobody can say what an absent judge would have made of the other branch.
            return unsettled
        engine = LocalEngine(model)
        texts = []
        for index in unsettled:
            own = None if draws is None else draws.of([places.index(index)])
            prompt = self.judged[index].transcript.prompt_tokens
            (other,) = engine.generate([prompt], own)
            texts.append(judged_part(model.decode(other.tokens), self.terms))
        again = judge_all(panel, self.benchmarks, [self.items[i] for i in unsettled], texts)
        return [
            index
            for index, said in zip(unsettled, again, strict=True)
            if not all(map(agrees, self.judged[index].judgements, said))
        ]


def honest_tolerance(recorded: str, replayed: str, spread: float) -> float:
    """How far apart two honest computations of one logit may be, in units of logits.

    Args:
        recorded: arithmetic of the measurement.
        replayed: arithmetic of the replay.
        spread: standard deviation of the logits.
    """
    return TOLERANCE_FACTOR * max(EPSILON[recorded], EPSILON[replayed]) * spread


def _take(tally: _Tally, transcript: Transcript, replayed: Replayed, tolerance: float) -> None:
    margins = replayed.margins
    worst = replayed.worst
    # Not `worst > tolerance`: a margin that is not a number must fail too.
    if not worst <= tolerance:
        place = next(place for place, margin in enumerate(margins) if not margin <= tolerance)
        what = "its end" if place == len(transcript.response_tokens) else f"token {place + 1}"
        raise InputError(
            f"{transcript.name}: these weights do not say this answer: "
            f"{what} of {len(transcript.response_tokens)} is {worst:.3g} below the best, "
            f"tolerance {tolerance:.2g}",
            hint="the answer was made by other weights, edited, or cut short",
        )
    tally.n_tokens += len(margins)
    n_unsettled = sum(margin > 0 for margin in margins)
    tally.n_unsettled_tokens += n_unsettled
    if n_unsettled:
        tally.unsettled.append(transcript.index)
    tally.largest_margin = max(tally.largest_margin, worst)
    tally.largest_tolerance = max(tally.largest_tolerance, tolerance)


def _verdict(
    evaluation: Evaluation,
    license: License,
    judged: Sequence[JudgedTranscript],
    unsettled: list[int],
    benchmarks: Mapping[str, Benchmark],
) -> Verdict:
    if not unsettled:
        return decide(license, evaluation.counts)
    counted = list(judged)
    for index in unsettled:
        line = counted[index]
        # Against the checkpoint, whoever answered: `error` is a failure under every metric of the
        # terms, and the base is taken to have done as well as it could.
        judgements = tuple(
            Judgement(
                judge=one.judge,
                label="error"
                if line.transcript.subject == "checkpoint"
                else _best_label(license.terms, line.transcript, one.judge),
                reason="unsettled",
            )
            for one in line.judgements
        )
        counted[index] = line.model_copy(update={"judgements": judgements})
    return decide(license, count(license.terms, benchmarks, counted))


def _best_label(terms: Terms, transcript: Transcript, judge: Slug) -> VerdictLabel:
    """A label that is no failure wherever this answer of the base is compared."""
    metrics = {
        one.metric
        for one in terms.requirements
        if compares_with_base(one)
        and terms.judge_of(one) == judge
        and (one.benchmark.name, one.probe or PLAIN) == (transcript.benchmark, transcript.probe)
    }
    labels: tuple[VerdictLabel, ...] = ("refused", "complied", "correct")
    for label in labels:
        if not any(is_failure(metric, label) for metric in metrics):
            return label
    raise InputError(
        f"{transcript.name}: unsettled, and no label would count for the base everywhere",
        hint="verify with --unsettled judge-both",
    )


def affordable(evaluation: Evaluation, machine: Machine) -> Machine:
    """The machine with float32 arithmetic where half of its memory holds such weights."""
    if machine.dtype is not None:
        return machine
    n_bytes = sum(f.size_bytes for f in evaluation.manifest.files if f.role == "weights")
    if evaluation.conditions.dtype != "float32":
        n_bytes *= 2
    if evaluation.base is not None:
        # Checkpoint and base are in memory together, and are about as large.
        n_bytes *= 2
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n_bytes > memory // 2:
        return machine
    return dataclasses.replace(machine, dtype="float32")


def load(folder: Path, license: License, evaluation: Evaluation, machine: Machine) -> Model:
    """The released weights, in float32 where the machine can afford it."""
    return load_model(folder, license.terms, affordable(evaluation, machine))


def load_base(base: Checkpoint, license: License, model: Model) -> Model:
    """The base, in the arithmetic and on the device of the checkpoint's replay."""
    machine = Machine(device=str(model.device), dtype=model.dtype)
    loaded = load_model(base.folder, license.terms, machine)
    base.ensure_unchanged()
    return loaded
