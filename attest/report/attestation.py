"""What an attestation says, for a person who has not verified it yet."""

from __future__ import annotations

from datetime import datetime

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from attest.attestation.statement import Statement
from attest.evaluation.records import Conditions, Environment, Evaluation
from attest.report.verdict import verdict_screen


def _decoding(conditions: Conditions) -> str:
    if conditions.temperature is None or conditions.seed is None:
        return conditions.decoding
    return (
        f"{conditions.decoding} at temperature {conditions.temperature} "
        f"(seed {conditions.seed[:16]}…)"
    )


def _origin(conditions: Conditions, environment: Environment) -> str:
    if conditions.batch_plan is not None:
        return f"batches of {conditions.batch_plan.size}, on {environment.device}"
    version = "" if conditions.log is None else f" {conditions.log.harness_version}"
    return f"by {conditions.engine}{version}, taken from its log"


def _moment(time: datetime) -> str:
    """A time as it is stated, in the zone that it is stated in."""
    return f"{time:%Y-%m-%d %H:%M %Z}".rstrip()


def _further(evaluation: Evaluation) -> dict[str, str]:
    """Probes, reasoning and base, where there are any."""
    conditions, base = evaluation.conditions, evaluation.base
    rows = {}
    if conditions.probes is not None:
        rows["probes"] = ", ".join(probe.name for probe in conditions.probes)
    if conditions.reasoning is not None:
        rows["judged"] = f"{conditions.reasoning.judged} of a model that thinks"
    if base is not None:
        rows["compared"] = f"with base sha256:{base.checkpoint}, {base.conditions.architecture}"
    return rows


def attestation_screen(statement: Statement) -> RenderableType:
    """Who says what of which files, under which conditions."""
    predicate = statement.predicate
    evaluation = predicate.evaluation
    manifest = evaluation.manifest
    conditions, environment = evaluation.conditions, evaluation.environment
    license = f"{evaluation.license.name} {evaluation.license.license_version}"
    table = Table(box=SIMPLE, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    rows = {
        "checkpoint": f"sha256:{manifest.digest()} ({len(manifest.files)} files)",
        "license": f"{license}, sha256:{evaluation.license.sha256}",
        "measured by": predicate.assurance_level.replace("_", " "),
        # Signing an old run again renews the attestation, never the measurement.
        "measured": f"{_moment(evaluation.started)} to {_moment(evaluation.finished)}",
        "issued": f"{_moment(predicate.issued)}, until {predicate.expires:%Y-%m-%d}",
        "benchmarks": ", ".join(f"{use.name} ({use.n_items})" for use in evaluation.benchmarks),
        "judges": "; ".join(f"{use.name}, sha256:{use.sha256[:16]}…" for use in evaluation.judges),
        "asked": f"{_decoding(conditions)}, at most {conditions.max_new_tokens} new tokens, "
        f"{'no system prompt' if conditions.system_prompt is None else 'with a system prompt'}, "
        f"template of {conditions.template.source}",
        **_further(evaluation),
        "computed": f"{conditions.architecture}, {conditions.dtype}, {conditions.attention}, "
        f"{_origin(conditions, environment)}",
        "evidence": f"{evaluation.evidence.n_leaves} transcripts, root "
        f"{evaluation.evidence.root[:16]}…",
    }
    for label, value in rows.items():
        table.add_row(label, value)
    return Group(
        Text("claimed, not verified: `attest verify` checks it", style="yellow"),
        table,
        verdict_screen(predicate.verdict.findings, predicate.verdict.outcome, license_name=license),
    )
