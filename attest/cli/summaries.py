"""`attest verify --believe`: somebody's summary in the place of an attestation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attest.cli.console import emit_json, say, show
from attest.errors import ExitCode, InputError
from attest.files import read_file

if TYPE_CHECKING:
    from attest.license.terms import License
    from attest.verification.records import Level
    from attest.verification.verify import SignedTrust, Subjects, Trust


def verify_summary(
    summary: Path,
    trust: Trust | SignedTrust,
    license: License,
    *,
    subjects: Callable[[], Subjects],
    level: Level,
    now: datetime,
    as_json: bool,
) -> ExitCode:
    """Show whether a summary is by somebody who is believed, and about these files.

    Raises: InputError without a trust file, or at level 0.
    """
    from attest.attestation.bundle import MAX_BUNDLE_BYTES
    from attest.verification.summaries import examine_summary
    from attest.verification.verify import SignedTrust

    if not isinstance(trust, SignedTrust) or level < 1:
        raise InputError(
            "a summary is believed by a trust file, from level 1 on",
            reason="usage",
            hint="--trust FILE, in which whoever signed it has the role hub or evaluator",
        )
    result = examine_summary(
        read_file(summary, MAX_BUNDLE_BYTES),
        trust=trust,
        license=license,
        subjects=subjects,
        level=level,
        now=now,
    )
    if as_json:
        emit_json(result.to_dict())
    else:
        from attest.report.summary import believed_screen

        say(f"summary {summary}")
        show(believed_screen(result))
    failed = result.failed_step
    if failed is None:
        return ExitCode.MET if result.is_met else ExitCode.NOT_MET
    if failed.hint is not None:
        say(f"hint: {failed.hint}")
    return ExitCode.NOT_VERIFIED
