"""Whether a trust file is its owner's, in force, and no step back.

The caller names the first trust file that he believes. From then on the owner's keys decide: a
version is signed by the threshold of its own keys, and one that replaces another by the threshold
of the keys of that other too, so whoever lost his keys is gone, and whoever stole them after that
comes too late. What was seen is remembered by the caller, in a file of his; without one, an older
version that has not expired cannot be told from the newest.

Source: The Update Framework, client workflow for the root role: signatures of old and new root,
rollback, freeze.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, NoReturn, Self

from attest.attestation.bundle import open_bundle
from attest.attestation.documents import MAX_SIGNATURES, SignedDocument, check_document
from attest.attestation.revocation import RevocationList
from attest.attestation.trust.records import Number, Owner, TrustFile
from attest.errors import InputError, VerificationError
from attest.license.document import parse_document
from attest.license.fit import fit
from attest.record import Sha256, WireRecord

TRUST_STEP = 1
"""The step of `verify` at which the trust file is checked."""


class Seen(WireRecord):
    """The newest version of a document that was believed."""

    number: Number
    sha256: Sha256


class Remembered(WireRecord):
    """What a verifier knows from last time."""

    version: Literal["attest-remembered/1"] = "attest-remembered/1"
    name: str
    """Of the trust file."""
    trust: Seen
    owner: Owner
    """Whose keys must sign what replaces the trust file."""
    revocations: Seen | None = None

    @classmethod
    def of(
        cls,
        trust: SignedDocument[TrustFile],
        revocations: SignedDocument[RevocationList] | None = None,
        *,
        before: Remembered | None = None,
    ) -> Self:
        """What to remember of documents that were just believed.

        Args:
            trust: the trust file.
            revocations: the list that was believed with it, if there was one.
            before: what was remembered until now; its revocation list stays if there is no newer.
        """
        seen = before.revocations if before is not None else None
        if revocations is not None:
            seen = Seen(number=revocations.content.number, sha256=revocations.sha256)
        return cls(
            name=trust.content.name,
            trust=Seen(number=trust.content.number, sha256=trust.sha256),
            owner=trust.content.owner,
            revocations=seen,
        )


def parse_trust(data: bytes, *, what: str = "trust file") -> TrustFile:
    """The trust file that the YAML or JSON `data` writes.

    Raises: InputError with the reasons of `parse_document`, or with `schema`.
    """
    return fit(parse_document(data, what=what), TrustFile)


def check_trust(
    trust: SignedDocument[TrustFile], *, remembered: Remembered | None, now: datetime
) -> None:
    """Ensure that this is the owner's trust file, in force, and not older than one seen before.

    Raises: VerificationError at step 1.
    """
    file = trust.content
    require_owner(file.owner, trust, whose="its owner's")
    today = now.astimezone(UTC).date()
    if today > file.expires:
        _refuse(
            f"the trust file expired on {file.expires}",
            hint="get its next version from its owner: nobody knows what changed since",
        )
    if remembered is None:
        return
    if file.name != remembered.name:
        _refuse(f"the trust file is of {file.name!r}, remembered is {remembered.name!r}")
    check_number(
        Seen(number=file.number, sha256=trust.sha256),
        remembered.trust,
        what="trust file",
        step=TRUST_STEP,
    )
    if trust.sha256 != remembered.trust.sha256:
        require_owner(remembered.owner, trust, whose=f"version {remembered.trust.number}'s")


def check_number(found: Seen, remembered: Seen, *, what: str, step: int) -> None:
    """Ensure that a document is the remembered version or a later one.

    Raises: VerificationError at `step`.
    """
    if found.number < remembered.number:
        raise VerificationError(
            f"the {what} is version {found.number}, version {remembered.number} was seen before",
            step=step,
            hint=f"get the newest {what} from its owner",
        )
    if found.number == remembered.number and found.sha256 != remembered.sha256:
        raise VerificationError(
            f"another {what} with number {found.number} was seen before",
            step=step,
            hint="a change needs a new number: ask its owner which of the two is right",
        )


def require_owner(owner: Owner, trust: SignedDocument[TrustFile], *, whose: str) -> None:
    """Ensure that so many distinct keys of `owner` signed these bytes as a trust file.

    Args:
        owner: the keys and how many of them are needed.
        trust: the file with the signatures beside it; those that do not hold are passed over.
        whose: whose keys they are, for the message.

    Raises: VerificationError at step 1.
    """
    signed: set[str] = set()
    for data in trust.signatures[:MAX_SIGNATURES]:
        try:
            bundle = open_bundle(data)
        except (InputError, VerificationError):
            continue
        for key in owner.public_keys:
            try:
                check_document(bundle.verify(key), "trust", trust.sha256)
            except (InputError, VerificationError):
                continue
            signed.add(key.hint)
    if len(signed) < owner.threshold:
        _refuse(
            f"the trust file is signed by {len(signed)} of {whose} keys, expected "
            f"{owner.threshold}",
            hint="sign it with `attest trust sign`; signatures lie beside the file",
        )


def _refuse(message: str, *, hint: str | None = None) -> NoReturn:
    raise VerificationError(message, step=TRUST_STEP, hint=hint)
