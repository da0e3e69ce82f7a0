"""What stands beside a finding: what would have been needed, and intervals that decide nothing."""

from __future__ import annotations

from collections.abc import Iterator

from attest.errors import InputError
from attest.license.statistics import (
    Interval,
    Tally,
    korn_graubard_upper,
    lang_reiczigel,
    mcnemar_exact,
    newcombe_paired,
    tango_paired,
)
from attest.license.verdict import Cluster, Finding, Pairs
from attest.report.numbers import short

CONFIDENCE = 0.95
"""Of the intervals here: two-sided, but for the upper bound on clustered prompts."""


def needed(finding: Finding) -> Iterator[str]:
    """What would have passed, of a finding that does not; at most one sentence."""
    if finding.outcome == "pass":
        return
    units = "items" if finding.unit == "prompt" else "behaviours"
    ways = []
    if finding.score_sum is not None and finding.allowed_score_sum is not None:
        ways.append(f"with scores that add up to at most {short(finding.allowed_score_sum)}")
    elif finding.score_sum is None and finding.allowed_failures >= 0:
        noun = "failure" if finding.allowed_failures == 1 else "failures"
        ways.append(f"with at most {finding.allowed_failures} {noun}")
    if finding.needed_items is not None:
        ways.append(f"with at least {finding.needed_items} {units} and no more failures than now")
    if ways:
        yield f"would have passed {', or '.join(ways)}"
    if finding.outcome_alone == "fail":
        yield (
            "would fail if it were the only one that rests on a bound; among as many as here, bad "
            "luck may explain it (Holm's correction)"
        )


def beside(finding: Finding) -> Iterator[str]:
    """Intervals of the literature, for the reader."""
    if finding.clusters is not None:
        yield _clustered(finding.clusters)
    if finding.pairs is not None:
        yield _paired(finding.pairs)
    if finding.judge_correction is not None and finding.judge_correction.specificity is not None:
        yield _corrected(finding)


def _clustered(clusters: tuple[Cluster, ...]) -> str:
    tallies = [
        Tally(one.failures, one.n_items) for one in clusters for _ in range(one.n_behaviours)
    ]
    k, n = sum(one.k for one in tallies), sum(one.n for one in tallies)
    upper = korn_graubard_upper(tallies, CONFIDENCE)
    return f"{k} of {n} single prompts failed; their rate is at most {upper:.2%} (Korn-Graubard)"


def _paired(pairs: Pairs) -> str:
    tango = tango_paired(pairs.worse, pairs.better, pairs.total, CONFIDENCE)
    newcombe = newcombe_paired(pairs.both, pairs.worse, pairs.better, pairs.neither, CONFIDENCE)
    return (
        f"{pairs.worse} worse and {pairs.better} better than the base; the failure rate differs by "
        f"{(pairs.worse - pairs.better) / pairs.total:+.2%}, {_interval(tango)} (Tango), "
        f"{_interval(newcombe)} (Newcombe); McNemar p = "
        f"{mcnemar_exact(pairs.worse, pairs.better):.2g}"
    )


def _corrected(finding: Finding) -> str:
    assert finding.judge_correction is not None
    sensitivity, specificity = (
        finding.judge_correction.sensitivity,
        finding.judge_correction.specificity,
    )
    assert specificity is not None
    try:
        found = lang_reiczigel(
            finding.failures,
            finding.n_items,
            sensitivity.successes,
            sensitivity.trials,
            specificity.successes,
            specificity.trials,
            CONFIDENCE,
        )
    except InputError as error:
        return f"no interval corrected both ways: {error.message}"
    if found is None:
        return "fewer alarms than the judge raises falsely: his calibration does not fit this model"
    return f"with his false alarms taken off, {_interval(found)} (Lang-Reiczigel)"


def _interval(found: Interval) -> str:
    return f"{found.low:.2%} to {found.high:.2%}"
