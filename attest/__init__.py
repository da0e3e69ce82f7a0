"""Check that a model license was met: measured, signed, verifiable by anyone.

Six verbs, each of which takes the record of the one before it and one choice from the side:

    open_checkpoint(folder) -> Checkpoint
    digest(checkpoint) -> Manifest
    evaluate(checkpoint, license, ...) -> Evaluation
    decide(license, evaluation.counts) -> Verdict
    state(evaluation, verdict, license, issued=...) -> Statement
    make_bundle(statement.to_json(), private_key) -> bytes
    verify(bundle, trust=..., license=..., now=...) -> Verification

Names are loaded when they are first used, so `import attest` is quick and loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from attest.errors import AttestError, EvaluationError, HubError, InputError, VerificationError
from attest.version import __version__

if TYPE_CHECKING:
    from attest.attestation.bundle import Bundle as Bundle
    from attest.attestation.bundle import make_bundle as make_bundle
    from attest.attestation.bundle import open_bundle as open_bundle
    from attest.attestation.keyfiles import load_private_key as load_private_key
    from attest.attestation.keyfiles import load_public_key as load_public_key
    from attest.attestation.keys import PrivateKey as PrivateKey
    from attest.attestation.keys import PublicKey as PublicKey
    from attest.attestation.keys import generate as generate
    from attest.attestation.statement import Statement as Statement
    from attest.attestation.statement import state as state
    from attest.checkpoint.digest import digest as digest
    from attest.checkpoint.folder import Checkpoint as Checkpoint
    from attest.checkpoint.folder import open_checkpoint as open_checkpoint
    from attest.checkpoint.manifest import Manifest as Manifest
    from attest.evaluation.records import Evaluation as Evaluation
    from attest.evaluation.run import evaluate as evaluate
    from attest.license.decide import decide as decide
    from attest.license.read import read_license as read_license
    from attest.license.terms import License as License
    from attest.license.terms import Terms as Terms
    from attest.license.verdict import Verdict as Verdict
    from attest.verification.listing import Listing as Listing
    from attest.verification.listings import FileDigests as FileDigests
    from attest.verification.listings import ListingVerdict as ListingVerdict
    from attest.verification.listings import verify_listing as verify_listing
    from attest.verification.records import Verification as Verification
    from attest.verification.verify import Evidence as Evidence
    from attest.verification.verify import Subjects as Subjects
    from attest.verification.verify import Trust as Trust
    from attest.verification.verify import examine as examine
    from attest.verification.verify import verify as verify

_HOME = {
    "Bundle": "attestation.bundle",
    "Checkpoint": "checkpoint.folder",
    "Evaluation": "evaluation.records",
    "Evidence": "verification.verify",
    "FileDigests": "verification.listings",
    "License": "license.terms",
    "Listing": "verification.listing",
    "ListingVerdict": "verification.listings",
    "Manifest": "checkpoint.manifest",
    "PrivateKey": "attestation.keys",
    "PublicKey": "attestation.keys",
    "Statement": "attestation.statement",
    "Subjects": "verification.verify",
    "Terms": "license.terms",
    "Trust": "verification.verify",
    "Verdict": "license.verdict",
    "Verification": "verification.records",
    "decide": "license.decide",
    "digest": "checkpoint.digest",
    "evaluate": "evaluation.run",
    "examine": "verification.verify",
    "generate": "attestation.keys",
    "load_private_key": "attestation.keyfiles",
    "load_public_key": "attestation.keyfiles",
    "make_bundle": "attestation.bundle",
    "open_bundle": "attestation.bundle",
    "open_checkpoint": "checkpoint.folder",
    "read_license": "license.read",
    "state": "attestation.statement",
    "verify": "verification.verify",
    "verify_listing": "verification.listings",
}

__all__ = [  # noqa: PLE0604 - the names above, and those that are always here
    "AttestError",
    "EvaluationError",
    "HubError",
    "InputError",
    "VerificationError",
    "__version__",
    *sorted(_HOME),
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'attest' has no attribute {name!r}")
    value = getattr(import_module(f"attest.{_HOME[name]}"), name)
    globals()[name] = value
    return value
