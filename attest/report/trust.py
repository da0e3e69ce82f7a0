"""A trust file for a person: who may say what, and what is asked of everybody."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from attest.attestation.documents import SignedDocument
from attest.attestation.trust.records import Grant, Rules, TrustedSigner, TrustFile


def trust_screen(trust: SignedDocument[TrustFile]) -> RenderableType:
    """Owner, roles, signers and requirements, in lines."""
    file = trust.content
    n_keys, owner = len(file.owner.keys), file.owner.threshold
    head = Text(f"{file.name} version {file.number}, until {file.expires}", style="bold")
    parts: list[RenderableType] = [
        head,
        Text(f"  signed by its owner: {owner} of {n_keys} keys needed, SHA-256 {trust.sha256}"),
        *(Text(f"  {line}") for grant in file.grants for line in _grant_lines(grant)),
        *(Text(f"  {name}: {_signer(signer)}") for name, signer in file.signers.items()),
        *(Text(f"  {line}") for line in _requirement_lines(file)),
    ]
    return Group(*parts)


def _grant_lines(grant: Grant) -> list[str]:
    needed = f"{grant.threshold} of " if len(grant.signers) > 1 else ""
    lines = [f"{grant.role}: {needed}{', '.join(grant.signers)}"]
    if grant.valid_from is not None or grant.valid_until is not None:
        first, last = grant.valid_from or "the beginning", grant.valid_until or "further notice"
        lines.append(f"  from {first} until {last}")
    for what, refs in (("licenses", grant.licenses), ("base models", grant.base_models)):
        if refs is not None:
            named = ", ".join(" ".join(map(str, ref.to_dict().values())) for ref in refs)
            lines.append(f"  only for {what} {named}")
    return lines


def _signer(signer: TrustedSigner) -> str:
    certificate = signer.certificate
    if certificate is None:
        return "a key"
    issuer = f" by {certificate.issuer}" if certificate.issuer is not None else ""
    return f"certificate of {certificate.identity}{issuer}"


def _requirement_lines(rules: Rules) -> list[str]:
    requires = rules.requires
    whose = {
        "self_attested": "a publisher's own measurement counts",
        "third_party": "only an evaluator's measurement counts",
    }[requires.assurance]
    lines = [f"asks for level {requires.level} at least; {whose}"]
    if requires.max_age_days is not None:
        lines.append(f"asks for attestations of at most {requires.max_age_days} days")
    if requires.timestamp:
        lines.append("asks for a timestamp of each signature")
    if requires.log:
        lines.append("asks for each signature to be in a transparency log")
    if rules.revocations_by is not None:
        lines.append(f"asks for the revocation list of its {rules.revocations_by}")
    return lines
