"""What the terms name, found here and held against its digest: benchmarks and judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attest.benchmark.items import Benchmark
from attest.benchmark.load import load
from attest.errors import InputError
from attest.evaluation.judges import Judge
from attest.evaluation.judges.endpoint import Endpoint
from attest.evaluation.judges.finding import (
    MAX_TEXT_BYTES,
    built_in,
    judge_endpoint,
    judge_folder,
    judge_text,
    rubric,
)
from attest.evaluation.judges.model_judge import JudgingModel
from attest.evaluation.judges.rubric_judge import GradingModel
from attest.evaluation.judging import Bench, Panel, check_uses, judges_in_use, with_voters
from attest.evaluation.loading import Machine
from attest.evaluation.records import JudgeUse
from attest.files import read_file
from attest.license.calibration import Calibration
from attest.license.judges import BuiltInJudge, ModelJudge, RubricJudge, VotingJudge, pin
from attest.license.terms import Terms
from attest.record import Sha256, Slug


@dataclass(frozen=True)
class JudgeSources:
    """What a caller has of the judges that the terms name, by their names in the terms."""

    models: Mapping[Slug, Path] = field(default_factory=dict)
    """Folders of models."""
    texts: Mapping[Slug, Path] = field(default_factory=dict)
    """Files with the prompt, the policy or the rubric that goes with a judge."""
    endpoints: Mapping[Slug, Endpoint] = field(default_factory=dict)
    """Where judges with a rubric answer."""
    calibrations: Mapping[Slug, Path] = field(default_factory=dict)
    """Records that `attest judge --calibration` wrote."""
    machine: Machine = Machine()
    """What judges that are models run on."""


NO_SOURCES = JudgeSources()
"""Nothing: enough for judges that are source code of this package."""


def load_benchmarks(terms: Terms, data: Path | None) -> dict[str, Benchmark]:
    """The benchmarks that the terms name, by name, each checked against its digest."""
    found: dict[str, Benchmark] = {}
    for requirement in terms.requirements:
        wanted = requirement.benchmark
        if wanted.name not in found:
            found[wanted.name] = load(
                wanted.name, sha256=wanted.sha256, layout=wanted.layout, data=data
            )
    return found


def load_panel(terms: Terms, sources: JudgeSources = NO_SOURCES) -> Panel:
    """The judges that the terms name, each held against what pins it, and calibrated.

    Raises: InputError with reason `another-judge` if one is not who the terms name, or
        `calibration` if one is not known to agree with people as well as they demand.
    """
    panel = _load(terms, sources, judges_in_use(terms))
    check_uses(terms, panel.uses)
    return panel


def load_same_panel(terms: Terms, sources: JudgeSources, uses: Sequence[JudgeUse]) -> Panel:
    """The judges who judged before, those behind an endpoint left out.

    Args:
        terms: of the license.
        sources: what the caller has of them.
        uses: who judged, as it was signed.

    Raises: InputError with reason `another-judge` if one is not who judged before.
    """
    panel = _load(terms, sources, judges_in_use(terms), asks_endpoints=False)
    for now, before in zip(panel.uses, uses, strict=True):
        if (now.name, now.sha256) != (before.name, before.sha256):
            raise InputError(
                f"{before.sha256[:12]}… judged, the one given here is {now.sha256[:12]}…",
                reason="another-judge",
                where=f"judge {before.name}",
            )
    return panel


@dataclass(frozen=True)
class OneJudge:
    """A judge by itself, whether or not a requirement names it."""

    judge: Judge
    use: JudgeUse


def load_one_judge(
    terms: Terms,
    sources: JudgeSources,
    name: Slug,
    on_judged: Callable[[int, int], None] = lambda _done, _total: None,
) -> OneJudge:
    """One judge of some terms, to be held against labelled answers.

    Args:
        terms: that name it.
        sources: what the caller has of it, and of those who vote for it.
        name: in the terms.
        on_judged: called with how many judgements there are, and with how many there will be.

    Raises: InputError with reason `unknown-judge`, or as `load_panel` does.
    """
    names = with_voters(terms, {name})
    if not names:
        raise InputError(f"the terms name no judge {name}", reason="unknown-judge")
    panel = _load(terms, sources, names)
    use = next(use for use in panel.uses if use.name == name)
    return OneJudge(Bench(panel, name, on_judged), use)


def _load(
    terms: Terms,
    sources: JudgeSources,
    in_use: Sequence[Slug],
    *,
    asks_endpoints: bool = True,
) -> Panel:
    judges: dict[Slug, Judge] = {}
    uses: dict[Slug, JudgeUse] = {}
    if terms.judge.name in in_use:
        name, sha256 = terms.judge.name, terms.judge.sha256
        judges[name] = built_in(name, sha256, called=name)
        uses[name] = JudgeUse(name=name, sha256=sha256)
    # Who votes comes last: its digest is made of theirs.
    for spec in sorted(terms.judges, key=lambda one: isinstance(one, VotingJudge)):
        if spec.name not in in_use:
            continue
        checkpoint: Sha256 | None = None
        match spec:
            case BuiltInJudge():
                judges[spec.name] = built_in(spec.rules, spec.sha256, called=spec.name)
            case ModelJudge():
                folder = judge_folder(spec, sources.models)
                checkpoint = folder.checkpoint
                judges[spec.name] = JudgingModel(
                    spec,
                    folder.path,
                    text=judge_text(spec, sources.texts),
                    today=terms.issued,
                    machine=sources.machine,
                )
            case RubricJudge() if asks_endpoints:
                judges[spec.name] = GradingModel(
                    spec, judge_endpoint(spec, sources.endpoints), rubric(spec, sources.texts)
                )
        members = {name: use.sha256 for name, use in uses.items()}
        uses[spec.name] = JudgeUse(
            name=spec.name,
            sha256=pin(spec, checkpoint=checkpoint, members=members),
            checkpoint=checkpoint,
        )
    for name, file in sources.calibrations.items():
        if name in uses:
            calibration = Calibration.from_json(read_file(file, MAX_TEXT_BYTES), what=file.name)
            uses[name] = uses[name].model_copy(update={"calibration": calibration})
    return Panel(terms, judges, tuple(uses[name] for name in in_use))
