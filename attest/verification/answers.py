"""Steps 13 to 16: the answers are the committed ones, judged again and replayed.

Only here are benchmarks, judges and engines needed, so this is imported when evidence was given.
"""

from __future__ import annotations

from attest.checkpoint.folder import Checkpoint
from attest.evaluation.judging import endpoint_judges
from attest.evaluation.materials import NO_SOURCES, load_benchmarks
from attest.evaluation.plan import asked
from attest.evaluation.records import JudgedTranscript
from attest.license.terms import License
from attest.verification.case import Evidence, Found
from attest.verification.choice import choose
from attest.verification.evidence import check_evidence, judge_again
from attest.verification.rendering import check_rendering
from attest.verification.replay import Replay, run_replay
from attest.verification.replay import load as load_released
from attest.verification.walk import Walk


def check_answers(
    walk: Walk, found: Found, license: License, evidence: Evidence
) -> list[JudgedTranscript]:
    """Take steps 13 and 14, and hand on the transcripts that were committed to."""
    assert found.statement is not None
    evaluation = found.statement.predicate.evaluation
    # 13. evidence
    n_leaves = evaluation.evidence.n_leaves
    with walk.step("evidence", f"{n_leaves} transcripts hash to the signed root"):
        judged = check_evidence(evaluation, evidence.folder)
    # 14. judge
    taken = endpoint_judges(license.terms)
    names = ", ".join(use.name for use in evaluation.judges if use.name not in taken)
    detail = f"{n_leaves} answers judged again by {names or 'nobody'}"
    if taken:
        detail += f"; the verdicts of {', '.join(taken)} cannot be made again and were taken"
    with walk.step("judge", detail):
        judge_again(
            evaluation,
            license,
            judged,
            evidence.data,
            evidence.judges or NO_SOURCES,
            evidence.on_judged,
        )
    if taken:
        walk.warnings.append(
            f"level 1 at most: {', '.join(taken)} ran behind an endpoint, so nobody can make its "
            "verdicts again"
        )
        return judged
    found.level = 2
    return judged


def check_replay(
    walk: Walk,
    found: Found,
    license: License,
    checkpoint: Checkpoint,
    evidence: Evidence,
    judged: list[JudgedTranscript],
    replay: Replay,
) -> None:
    """Take steps 15 and 16; the verdict after the replay is kept in `found`."""
    assert found.statement is not None
    evaluation = found.statement.predicate.evaluation
    # 15. rendering
    with walk.step("rendering", "prompts, texts and endings made again here"):
        chosen = choose(
            evaluation,
            license,
            judged,
            spot_check=replay.spot_check,
            base=replay.base,
            data=evidence.data,
        )
        model = load_released(checkpoint.folder, license, evaluation, replay.machine)
        checkpoint.ensure_unchanged()
        items = asked(license.terms, load_benchmarks(license.terms, evidence.data))
        check_rendering(evaluation, license, model, checkpoint.folder, items, judged, chosen)
    # 16. replay
    with walk.step(
        "replay", f"{len(chosen.indices)} of {len(judged)} answers are the weights' own"
    ):
        found.replay, found.verdict = run_replay(
            evaluation,
            license,
            model,
            judged,
            chosen,
            replay,
            evidence.data,
            evidence.judges or NO_SOURCES,
        )
    # The answers are the weights' own; what was said of them may still be beyond checking.
    if chosen.n_left_out:
        walk.warnings.append(
            f"level 2 at most: {chosen.n_left_out} answers of the base were not replayed, because "
            "no base was given (--base BASE)"
        )
    elif found.level == 2:
        found.level = 4 if replay.spot_check is None else 3
