"""The hub's own word: a signed statement about a verdict, for those who trust the hub."""

from __future__ import annotations

from attest.attestation.bundle import make_bundle, open_bundle
from attest.attestation.keys import Signer
from attest.hub.judgement import Judgement
from attest.hub.store.verdicts import SignedSummary
from attest.verification.summarizing import summarize
from attest.version import __version__


def sign_summary(
    judgement: Judgement, bundle: bytes | None, *, hub_url: str, signer: Signer
) -> SignedSummary | None:
    """The hub's statement about a verdict, signed; None where nothing was found to hold.

    The statement follows from the verdict alone, its time included, so that there is one.

    Args:
        judgement: what was found.
        bundle: the attestation that it went by; None if there was none.
        hub_url: names the hub.
        signer: of the hub.
    """
    verdict = judgement.verdict
    if verdict.state not in ("passed", "below-threshold"):
        return None
    assert bundle is not None, "an attestation verified"
    assert verdict.verification is not None, "an attestation verified"
    statement = summarize(
        verdict.verification,
        open_bundle(bundle).dsse_envelope.payload,
        verifier=f"{hub_url.rstrip('/')}#attest-{__version__}",
        is_from_bytes=verdict.checked != "listed-hash",
    )
    return SignedSummary(make_bundle(statement.to_json(), signer), signer.public_key.hint)
