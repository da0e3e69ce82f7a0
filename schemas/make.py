"""Write the JSON Schema of every record that leaves this package.

Run `python schemas/make.py` after changing a record; a test fails while they differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attest.attestation.documents import DocumentStatement
from attest.attestation.revocation import RevocationList
from attest.attestation.statement import Statement
from attest.attestation.summary import SummaryStatement
from attest.attestation.trust.ownership import Remembered
from attest.attestation.trust.records import TrustFile
from attest.checkpoint.manifest import Manifest
from attest.evaluation.opening import Opening, VerdictsOpening
from attest.evaluation.records import Evaluation, JudgedTranscript
from attest.evaluation.stopped import EarlyEvaluation
from attest.hub.policy import PolicyFile
from attest.hub.service.wire import VerifyAnswer, VerifyRequest
from attest.license.calibration import Calibration
from attest.license.terms import Terms
from attest.license.verdict import Verdict
from attest.record import Record
from attest.verification.audit import AuditResult, AuditSample
from attest.verification.listings import ListingVerdict
from attest.verification.oms import OmsVerification
from attest.verification.records import Verification
from attest.verification.summaries import SummaryVerification

HERE = Path(__file__).resolve().parent

RECORDS: dict[str, type[Record]] = {
    "audit": AuditResult,
    "audit-sample": AuditSample,
    "calibration": Calibration,
    "document-statement": DocumentStatement,
    "early-evaluation": EarlyEvaluation,
    "evaluation": Evaluation,
    "hub-policy": PolicyFile,
    "hub-verify-answer": VerifyAnswer,
    "hub-verify-request": VerifyRequest,
    "license": Terms,
    "listing-verdict": ListingVerdict,
    "manifest": Manifest,
    "oms-verification": OmsVerification,
    "opening": Opening,
    "remembered": Remembered,
    "revocations": RevocationList,
    "statement": Statement,
    "summary": SummaryStatement,
    "summary-verification": SummaryVerification,
    "transcript": JudgedTranscript,
    "trust": TrustFile,
    "verdict": Verdict,
    "verdicts-opening": VerdictsOpening,
    "verification": Verification,
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one record, with the names that its JSON has."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"https://w3id.org/attest-weights/schemas/{name}/v1",
        **RECORDS[name].model_json_schema(by_alias=True),
    }


def text(name: str) -> str:
    """The very content of `NAME.schema.json`."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in RECORDS:
        (HERE / f"{name}.schema.json").write_text(text(name), encoding="utf-8")
