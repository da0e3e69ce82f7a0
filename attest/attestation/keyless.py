"""Signing as somebody, without a key to keep: Sigstore, by its own library.

Whoever runs this has proved an identity to an OpenID Connect issuer, as a CI job does; an
authority certifies a key of this moment for it, and the signature is time-stamped and logged.
A verifier names the identity and the issuer that he expects and brings the trusted root, so that
he needs no network.

The library `sigstore` comes with the extra of this name and is imported only here, when it is
used. Our own strict reader goes first, and what it read must be what the library has verified.

Source: sigstore/architecture-docs, client-spec.md; the trusted root is of sigstore_trustroot.proto.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from attest.attestation.bundle import PAYLOAD_TYPE, open_bundle
from attest.attestation.keys import SIGNATURE_STEP
from attest.errors import HubError, InputError, VerificationError

if TYPE_CHECKING:
    from sigstore.models import TrustedRoot


def verify_keyless(data: bytes, *, identity: str, issuer: str, trusted_root: Path) -> bytes:
    """The statement that `identity` signed, as the bytes that verified.

    Certificate, its transparency, timestamp, log entry and signature are checked, offline.

    Args:
        data: bytes of a bundle.
        identity: e-mail address or URI that the certificate must name.
        issuer: URL of the OpenID Connect issuer that must have vouched for it.
        trusted_root: JSON with the authorities and logs that the caller trusts, such as the one
            that the public instance of Sigstore distributes.

    Raises: VerificationError at step 3 if any of it does not hold; InputError with reason
        `extra-missing`, `trusted-root`, `no-certificate`, or one of `open_bundle`.
    """
    if not identity or not issuer:
        raise InputError("expected an identity and its issuer, found an empty one", reason="usage")
    _require_extra()
    bundle = open_bundle(data)
    if not bundle.chain:
        raise InputError(
            "expected a bundle with a certificate, found one with a bare key",
            reason="no-certificate",
            where="bundle",
            hint="verify it with the key of the signer",
        )
    return _verified(data, bundle.dsse_envelope.payload, identity, issuer, _root(trusted_root))


def sign_keyless(statement: bytes, *, trust_config: Path | None = None) -> bytes:
    """A bundle with `statement` signed as the identity that this process has.

    The identity and the digest of the statement become public, in a log that forgets nothing.

    Args:
        statement: the bytes of an in-toto statement.
        trust_config: JSON that names another instance of Sigstore than the public one.

    Raises: InputError with reason `no-identity`, `extra-missing` or `trusted-root`; HubError if
        a service of Sigstore does not answer as it should.
    """
    _require_extra()
    # The library raises these two from public functions, and names them nowhere else.
    from sigstore._internal.fulcio.client import FulcioClientError
    from sigstore._internal.rekor import RekorClientError
    from sigstore.dsse import Statement
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import ExpiredIdentity, IdentityToken
    from sigstore.sign import SigningContext

    raw_token = ambient_identity()
    try:
        token = IdentityToken(raw_token)
        config = (
            ClientTrustConfig.production()
            if trust_config is None
            else ClientTrustConfig.from_json(trust_config.read_text("utf-8"))
        )
        with SigningContext.from_trust_config(config).signer(token) as signer:
            bundle = signer.sign_dsse(Statement(statement))
    except (
        *(Error, ExpiredIdentity, FulcioClientError, RekorClientError),
        *(OSError, ValueError),
    ) as error:
        raise HubError(f"Sigstore did not sign: {error}") from error
    data = open_bundle(bundle.to_json().encode("utf-8")).to_json()
    # Whoever answered in the place of Sigstore, nothing is written that would not verify.
    _verified(data, statement, token.identity, token.issuer, config.trusted_root)
    return data


def ambient_identity() -> str:
    """The token of the identity that this process has by where it runs; a secret.

    Raises: InputError with reason `no-identity` or `extra-missing`.
    """
    _require_extra()
    from sigstore.oidc import IdentityError, detect_credential

    try:
        token = detect_credential()
    except IdentityError as error:
        raise _no_identity(str(error)) from error
    if token is None:
        raise _no_identity("found none")
    return token


def _verified(data: bytes, payload: bytes, identity: str, issuer: str, root: TrustedRoot) -> bytes:
    from cryptography.x509 import ExtensionNotFound
    from sigstore.errors import Error
    from sigstore.models import Bundle
    from sigstore.verify import Verifier, policy

    expected = policy.AllOf(
        [
            policy.Identity(identity=identity),
            policy.AnyOf([policy.OIDCIssuerV2(issuer), policy.OIDCIssuer(issuer)]),
        ]
    )
    try:
        found_type, found = Verifier(trusted_root=root).verify_dsse(
            Bundle.from_json(data), expected
        )
    except (Error, ValueError, ExtensionNotFound) as error:
        raise _refused(f"the signature is not one by {identity} of {issuer}: {error}") from error
    if found_type != PAYLOAD_TYPE or found != payload:
        raise _refused("two readers of the bundle found different statements in it")
    return found


def _root(path: Path) -> TrustedRoot:
    from sigstore.errors import Error
    from sigstore.models import TrustedRoot

    try:
        return TrustedRoot.from_file(str(path))
    except (Error, OSError, ValueError) as error:
        raise InputError(
            "expected a trusted root of Sigstore as JSON",
            reason="trusted-root",
            where=str(path),
            hint="`cosign trusted-root create` writes one",
        ) from error


def _require_extra() -> None:
    try:
        import sigstore  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise InputError(
            "signing without a key needs a package that is not installed",
            reason="extra-missing",
            hint="pip install 'attest-weights[sigstore]'",
        ) from error


def _no_identity(found: str) -> InputError:
    return InputError(
        f"expected an identity that this process has by where it runs, {found}",
        reason="no-identity",
        hint="run it in a CI job that may ask for one: on GitHub, `permissions: id-token: write`",
    )


def _refused(message: str) -> VerificationError:
    return VerificationError(message, step=SIGNATURE_STEP)
