"""What a verification is given, and what its steps have found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from attest.attestation.statement import Statement
from attest.attestation.trust.signers import Endorsement
from attest.checkpoint.folder import Checkpoint
from attest.license.duties import DutyFinding
from attest.license.terms import License
from attest.license.verdict import Verdict
from attest.verification.listing import Listing
from attest.verification.records import Level, ReplayReport, Verification
from attest.verification.trusting import SignedTrust, Standing, Trust

if TYPE_CHECKING:
    from attest.evaluation.materials import JudgeSources


@dataclass(frozen=True)
class Subjects:
    """What the attestation is held against: the files of now, by their hashes."""

    listing: Listing
    checkpoint: Checkpoint | None = None
    """The folder that the listing was computed from; None if somebody else listed the hashes."""


@dataclass(frozen=True)
class Evidence:
    """What level 2 needs: the folder of the run, and where benchmark files and judges are."""

    folder: Path
    data: Path | None = None
    judges: JudgeSources | None = None
    """None where the license needs no model to judge."""
    on_judged: Callable[[int, int], None] = field(default=lambda _done, _total: None)
    """Called with how many judgements there are, and with how many there will be."""


@dataclass(frozen=True)
class Beside:
    """What lies beside an attestation: the other papers of a folder."""

    bundles: tuple[bytes, ...] = ()
    """Bundles; those over the same statement are further signatures of it, others mean nothing."""
    results: tuple[Verification, ...] = ()
    """What was found of other attestations; one that is newer may replace this one."""


@dataclass(frozen=True)
class Case:
    """What the caller gave, apart from files and evidence."""

    bundle: bytes
    trust: Trust | SignedTrust
    license: License
    beside: Beside
    asked: Level
    now: datetime


@dataclass
class Found:
    """What the steps have established, filled as they pass."""

    payload: bytes = b""
    """The statement, byte for byte."""
    statement: Statement | None = None
    bundles: tuple[bytes, ...] = ()
    """All that are over it, this one first."""
    licensors: tuple[Endorsement, ...] = ()
    """Who signed the license; only a trust file asks."""
    endorsements: tuple[Endorsement, ...] = ()
    """Who signed the statement, whoever signed this bundle first."""
    standing: Standing | None = None
    level: Level | None = None
    verdict: Verdict | None = None
    duties: tuple[DutyFinding, ...] = ()
    replay: ReplayReport | None = None
