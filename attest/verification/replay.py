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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attest.errors import InputError
from attest.evaluation.counting import count
from attest.evaluation.engines import Response
from attest.evaluation.judges import Judgement
from attest.evaluation.loading import Machine, encode_prompts, fixed_draws, load_model
from attest.evaluation.materials import load_benchmarks, load_judge
from attest.evaluation.plan import Asked, asked
from attest.evaluation.records import Evaluation, JudgedTranscript
from attest.license.decide import decide
from attest.license.terms import License
from attest.license.verdict import Verdict
from attest.verification.logged import check_encoding, possible_paths, settle_by_text
from attest.verification.records import Caught, ReplayReport
from attest.verification.sampling import draw, sample_size, smallest_caught

if TYPE_CHECKING:
    from attest.evaluation.engines.gumbel import Draws
    from attest.evaluation.engines.model import Model
    from attest.evaluation.engines.replay import Replayed

CONFIDENCE = Fraction(95, 100)
"""With which a spot check states what it would have caught."""

EPSILON = {"float32": 2.0**-23, "bfloat16": 2.0**-7, "float16": 2.0**-10}
"""Distance from 1 to the next number of a type."""

TOLERANCE_FACTOR = 8.0
"""Tolerance in units of epsilon times spread of the logits: above the largest margin of honest
transcripts over batch plans, attention kernels and arithmetics (docs/replay.md)."""


@dataclass(frozen=True)
class SpotCheck:
    """Replay a sample, drawn by the verifier after the commitment."""

    n_items: int | None = None
    """How many of the items claimed harmless; None takes what `confidence` needs."""
    confidence: Fraction = CONFIDENCE
    beacon: bytes | None = None
    """Public randomness; None takes the verifier's own."""


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
    on_progress: Callable[[int, int], None] = field(default=lambda _done, _all: None)


@dataclass(frozen=True)
class Chosen:
    """The items to replay, and what that can catch."""

    indices: list[int]
    caught: tuple[Caught, ...] = ()


def choose(
    evaluation: Evaluation,
    license: License,
    judged: Sequence[JudgedTranscript],
    replay: Replay,
    data: Path | None,
) -> Chosen:
    """The items to replay: all, or a sample of those that are claimed harmless.

    Items that count as failures already are not worth forging, so the sample leaves them out. Each
    requirement has a sample of its own, because a forger would put his lies where they matter.
    """
    if replay.spot_check is None:
        return Chosen(list(range(len(judged))))
    check, terms = replay.spot_check, license.terms
    items = {(line.transcript.benchmark, line.transcript.item): line for line in judged}
    benchmarks = load_benchmarks(terms, data)
    indices: set[int] = set()
    caught = []
    verdict = decide(license, evaluation.counts)
    for requirement in terms.requirements:
        if requirement.metric != "unsafe_rate":
            continue
        selection = benchmarks[requirement.benchmark.name].select(
            requirement.expected, requirement.categories
        )
        lines = [items[requirement.benchmark.name, item.id] for item in selection]
        harmless = [line.transcript.index for line in lines if line.judgement.label == "refused"]
        n_failures = len(lines) - len(harmless)
        slack = min(
            finding.allowed_failures - finding.failures
            for finding in verdict.findings
            if finding.requirement == requirement.id
        )
        n_drawn = check.n_items
        if n_drawn is None:
            # The smallest lie that turns the verdict hides one failure more than is allowed.
            n_drawn = sample_size(len(harmless), max(0, slack) + 1, check.confidence)
        n_drawn = min(n_drawn, len(harmless))
        drawn = draw(harmless, n_drawn, beacon=check.beacon, label=requirement.id)
        indices.update(drawn)
        fewest = smallest_caught(len(harmless), n_drawn, check.confidence)
        caught.append(
            Caught(
                requirement=requirement.id,
                n_harmless=len(harmless),
                n_replayed=n_drawn,
                confidence=str(float(check.confidence)),
                caught_from=None if fewest is None else n_failures + fewest,
                n_items=len(lines),
            )
        )
    if not indices:
        raise InputError(
            "nothing to spot-check: no requirement on unsafe answers has answers claimed harmless "
            "that could hide a failure too many",
            reason="nothing-to-replay",
            hint="--level 4 replays every item",
        )
    return Chosen(sorted(indices), tuple(caught))


def check_rendering(
    evaluation: Evaluation,
    license: License,
    model: Model,
    folder: Path,
    items: Sequence[Asked],
    judged: Sequence[JudgedTranscript],
    chosen: Chosen,
) -> None:
    """Ensure that the recorded tokens are what the verifier's own rendering gives.

    Raises: InputError that names the first item whose prompt, answer text or ending is not what
        benchmark, template, system prompt and tokenizer make it.
    """
    conditions = evaluation.conditions
    if conditions.eos_token_ids != model.eos_token_ids:
        raise InputError("measured with other end-of-sequence tokens than the checkpoint names")
    prompts = encode_prompts(
        model, folder, license.terms, conditions.rendered_on, [items[i] for i in chosen.indices]
    )
    for index, prompt in zip(chosen.indices, prompts, strict=True):
        transcript = judged[index].transcript
        where = f"{transcript.benchmark} item {transcript.item}"
        if transcript.prompt_tokens != prompt:
            raise InputError(f"{where}: the recorded prompt is not the benchmark's, rendered here")
        if conditions.log is not None:
            check_encoding(model, transcript)
            continue
        tokens = transcript.response_tokens
        if any(not 0 <= token < model.vocabulary_size for token in tokens):
            raise InputError(f"{where}: a token that is not in the vocabulary")
        if model.decode(tokens) != transcript.text:
            raise InputError(f"{where}: the recorded text is not what its tokens say")
        if set(tokens) & set(model.eos_token_ids):
            raise InputError(f"{where}: goes on after an end-of-sequence token")
        limit = conditions.max_new_tokens
        if len(tokens) > limit or (transcript.stop == "length") != (len(tokens) == limit):
            raise InputError(
                f"{where}: ends by {transcript.stop} after {len(tokens)} of {limit} tokens"
            )


@dataclass
class _Tally:
    n_tokens: int = 0
    n_unsettled_tokens: int = 0
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
) -> tuple[ReplayReport, Verdict]:
    """Replay the chosen items; the report, and the verdict with unsettled items as failures.

    Raises: InputError that names the first item which these weights do not say.
    """
    from attest.evaluation.engines.replay import replay as replay_tokens

    items = asked(license.terms, load_benchmarks(license.terms, data))
    draws = fixed_draws(evaluation.conditions, items)
    is_log = evaluation.conditions.log is not None
    paths = possible_paths(model, judged, chosen.indices) if is_log else chosen.indices
    by_text = sorted(set(chosen.indices) - set(paths))
    lines = [judged[index].transcript for index in paths]
    responses = [Response(line.response_tokens, line.stop) for line in lines]
    tally = _Tally()
    terms_tolerance = license.terms.measurement.replay_tolerance
    stated = None if terms_tolerance is None else float(terms_tolerance)
    pairs = replay_tokens(
        model,
        [line.prompt_tokens for line in lines],
        responses,
        batch_size=replay.machine.batch_size,
        draws=None if draws is None else draws.of(paths),
    )
    n_done = 0

    def settled(n: int) -> None:
        nonlocal n_done
        n_done += n
        replay.on_progress(n_done, len(chosen.indices))

    for place, replayed in pairs:
        tolerance = replay.tolerance if replay.tolerance is not None else stated
        if tolerance is None:
            tolerance = honest_tolerance(evaluation.conditions.dtype, model.dtype, replayed.spread)
        if is_log and not replayed.worst <= tolerance:
            by_text.append(paths[place])
            continue
        _take(tally, lines[place].index, replayed, tolerance, judged)
        settled(1)
    settle_by_text(model, judged, by_text, batch_size=replay.machine.batch_size, on_settled=settled)
    if replay.unsettled == "judge-both":
        tally.unsettled = _still_unsettled(license, model, draws, items, judged, tally.unsettled)
    verdict = _verdict(evaluation, license, judged, tally.unsettled, data)
    report = ReplayReport(
        device=model.environment.device,
        dtype=model.dtype,
        n_items=len(chosen.indices),
        n_tokens=tally.n_tokens,
        n_unsettled_items=len(tally.unsettled),
        n_unsettled_tokens=tally.n_unsettled_tokens,
        largest_margin=tally.largest_margin,
        tolerance=tally.largest_tolerance,
        n_settled_by_path=len(chosen.indices) - len(by_text) if is_log else None,
        n_settled_by_text=len(by_text) if is_log else None,
        caught=chosen.caught,
    )
    return report, verdict


def honest_tolerance(recorded: str, replayed: str, spread: float) -> float:
    """How far apart two honest computations of one logit may be, in units of logits.

    Args:
        recorded: arithmetic of the measurement.
        replayed: arithmetic of the replay.
        spread: standard deviation of the logits.
    """
    return TOLERANCE_FACTOR * max(EPSILON[recorded], EPSILON[replayed]) * spread


def _take(
    tally: _Tally,
    index: int,
    replayed: Replayed,
    tolerance: float,
    judged: Sequence[JudgedTranscript],
) -> None:
    margins = replayed.margins
    worst = replayed.worst
    # Not `worst > tolerance`: a margin that is not a number must fail too.
    if not worst <= tolerance:
        transcript = judged[index].transcript
        place = next(place for place, margin in enumerate(margins) if not margin <= tolerance)
        what = "its end" if place == len(transcript.response_tokens) else f"token {place + 1}"
        raise InputError(
            f"{transcript.benchmark} item {transcript.item}: these weights do not say this "
            f"answer: {what} of {len(transcript.response_tokens)} is {worst:.3g} below the best, "
            f"tolerance {tolerance:.2g}",
            hint="the answer was made by other weights, edited, or cut short",
        )
    tally.n_tokens += len(margins)
    n_unsettled = sum(margin > 0 for margin in margins)
    tally.n_unsettled_tokens += n_unsettled
    if n_unsettled:
        tally.unsettled.append(index)
    tally.largest_margin = max(tally.largest_margin, worst)
    tally.largest_tolerance = max(tally.largest_tolerance, tolerance)


def _still_unsettled(
    license: License,
    model: Model,
    draws: Draws | None,
    items: Sequence[Asked],
    judged: Sequence[JudgedTranscript],
    unsettled: list[int],
) -> list[int]:
    """The unsettled items whose other branch, generated here, is judged differently."""
    from attest.evaluation.engines.local import LocalEngine

    engine, referee = LocalEngine(model), load_judge(license.terms)
    left = []
    for index in unsettled:
        line = judged[index]
        (other,) = engine.generate(
            [line.transcript.prompt_tokens], None if draws is None else draws.of([index])
        )
        again = referee.judge(items[index].item.prompt, model.decode(other.tokens))
        if again.label != line.judgement.label:
            left.append(index)
    return left


def _verdict(
    evaluation: Evaluation,
    license: License,
    judged: Sequence[JudgedTranscript],
    unsettled: list[int],
    data: Path | None,
) -> Verdict:
    if not unsettled:
        return decide(license, evaluation.counts)
    counted = list(judged)
    for index in unsettled:
        # `error` is a failure under every metric of the terms.
        judgement = Judgement(label="error", reason="unsettled")
        counted[index] = counted[index].model_copy(update={"judgement": judgement})
    terms = license.terms
    return decide(license, count(terms, load_benchmarks(terms, data), counted))


def affordable(evaluation: Evaluation, machine: Machine) -> Machine:
    """The machine with float32 arithmetic where half of its memory holds such weights."""
    if machine.dtype is not None:
        return machine
    n_bytes = sum(f.size_bytes for f in evaluation.manifest.files if f.role == "weights")
    if evaluation.conditions.dtype != "float32":
        n_bytes *= 2
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if n_bytes > memory // 2:
        return machine
    return dataclasses.replace(machine, dtype="float32")


def load(folder: Path, license: License, evaluation: Evaluation, machine: Machine) -> Model:
    """The released weights, in float32 where the machine can afford it."""
    return load_model(folder, license.terms, affordable(evaluation, machine))
