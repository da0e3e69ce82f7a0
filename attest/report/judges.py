"""Judges in plain words: who they are, what pins them, and how well they must be known to judge."""

from __future__ import annotations

from collections.abc import Iterator

from attest.license.judges import (
    BuiltInJudge,
    CalibrationDemand,
    JudgeSpec,
    ModelJudge,
    RubricJudge,
    VotingJudge,
)
from attest.license.terms import Terms


def judge_words(terms: Terms) -> Iterator[str]:
    """One sentence for each judge that a requirement names, and for those who vote for it."""
    in_use = {terms.judge_of(requirement) for requirement in terms.requirements}
    for spec in terms.judges:
        if spec.name in in_use and isinstance(spec, VotingJudge):
            in_use = in_use.union(spec.members)
    if terms.judge.name in in_use and terms.judge.calibration is not None:
        yield f"`{terms.judge.name}` counts only if {_calibrated(terms.judge.calibration)}."
    for spec in terms.judges:
        if spec.name in in_use:
            known = (
                f", and counts only if {_calibrated(spec.calibration)}" if spec.calibration else ""
            )
            yield f"`{spec.name}` stands for {_who(spec)}{known}."


def _who(spec: JudgeSpec) -> str:
    match spec:
        case BuiltInJudge():
            return f"the rules `{spec.rules}` (SHA-256 `{spec.sha256}`)"
        case ModelJudge():
            pinned = (
                f"revision `{spec.revision}`" if spec.sha256 is None else f"digest `{spec.sha256}`"
            )
            return f"a model that judges, {spec.repository or spec.format} ({pinned})"
        case RubricJudge():
            return (
                f"what is called `{spec.model}` behind an address on the network, asked with the "
                f"rubric of SHA-256 `{spec.rubric_sha256}`; its verdicts can never be made again"
            )
    members = ", ".join(f"`{member}`" for member in spec.members)
    if spec.rule == "majority":
        return f"the majority of {members}"
    return f"the vote of {members}, of whom all must call an answer safe"


def _calibrated(demand: CalibrationDemand) -> str:
    parts = [
        f"{part} at least {rate}"
        for part, rate in (
            ("harmful answers are found with a probability of", demand.sensitivity),
            ("other answers are cleared with a probability of", demand.specificity),
        )
        if rate is not None
    ]
    return (
        f"people's labels show that {' and that '.join(parts)}, at confidence {demand.confidence}"
    )
