"""When a signature existed, by the word of a time-stamping authority that the caller trusts.

A timestamp covers the raw bytes of the signature, as Sigstore bundles have it. The rules of
RFC 3161 are the work of `rfc3161_client`, which the extra `timestamps` installs; it is imported
only when there is a timestamp to check or to ask for.

Source: RFC 3161; RFC 5816; sigstore/protobuf-specs, sigstore_bundle.proto.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING

from attest.attestation.bundle import Bundle
from attest.attestation.material import MAX_TIMESTAMP_BYTES
from attest.errors import HubError, InputError, VerificationError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

TIME_STEP = 5
"""The step of `verify` at which a timestamp is checked."""

CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future a timestamp may lie."""

REQUEST_TIMEOUT_S = 30.0
"""How long an authority may take to answer."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def trusted_time(bundle: Bundle, authorities: Sequence[bytes], *, now: datetime) -> datetime | None:
    """The earliest time at which the signature is known to have existed.

    Args:
        bundle: its timestamps are checked, its signature is not.
        authorities: the caller's certificates of time-stamping authorities in DER: the roots,
            and whatever else of their chains timestamps may leave out.
        now: the caller's clock, with a time zone.

    Returns: None if the bundle carries no timestamp; otherwise a time in UTC, and every
        timestamp of the bundle verifies.
    Raises: VerificationError at step 5 if one does not verify or lies in the future; InputError
        with reason `extra-missing` or `certificate`.
    """
    stamps = bundle.verification_material.timestamps
    if not stamps:
        return None
    if not authorities:
        raise VerificationError(
            "the bundle carries a timestamp, and no time-stamping authority is trusted",
            step=TIME_STEP,
            hint="put the authority's root certificate into the trust file",
        )
    trusted = [_certificate(der) for der in authorities]
    times = [_verified_time(stamp, bundle.signature, trusted) for stamp in stamps]
    if max(times) > now + CLOCK_SKEW:
        raise VerificationError(
            f"the signature is stamped {max(times).isoformat()}, which is in the future",
            step=TIME_STEP,
            hint="check the clock of this machine",
        )
    return min(times)


def _certificate(der: bytes) -> Certificate:
    from cryptography import x509

    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise InputError(
            "expected a certificate in DER", reason="certificate", where="time-stamping authority"
        ) from error


def _verified_time(stamp: bytes, signature: bytes, trusted: Sequence[Certificate]) -> datetime:
    from cryptography import x509

    client = _client()
    # A timestamp carries certificates and names that nobody signed, and reading them can fail in
    # any of these ways; a KeyError is a name of a kind that ASN.1 does not have.
    unreadable = (
        *(ValueError, KeyError, x509.InvalidVersion, x509.DuplicateExtension),
        x509.UnsupportedGeneralNameType,
    )
    try:
        response = client.decode_timestamp_response(stamp)
        # The library takes the signer from a timestamp that carries certificates; one that
        # carries none, as those of Sigstore, needs the signer picked from the caller's.
        verifier = client.VerifierBuilder(
            roots=list(trusted), tsa_certificate=_signer(response, trusted)
        ).build()
        verifier.verify_message(response, signature)
        stamped: datetime = response.tst_info.gen_time
    except (*unreadable, client.VerificationError) as error:
        raise VerificationError(
            f"a timestamp of the bundle does not verify: {error}",
            step=TIME_STEP,
            hint="it is of another signature, or of an authority that is not trusted",
        ) from error
    return stamped


def _signer(response: TimeStampResponse, trusted: Sequence[Certificate]) -> Certificate | None:
    signers = [(one.issuer, one.serial_number) for one in response.signed_data.signer_infos]
    return next((one for one in trusted if (one.issuer, one.serial_number) in signers), None)


def request_timestamp(signature: bytes, url: str) -> bytes:
    """A timestamp over `signature` by the authority at `url`, as the response in DER.

    The response is what was asked for; whether the authority is to be trusted is for verifiers.

    Args:
        signature: the raw bytes of the signature.
        url: https, or http on this machine.

    Raises: InputError with reason `url` or `extra-missing`; HubError if the authority does not
        answer as it should within 30 seconds.
    """
    check_authority(url)
    client = _client()
    request = client.TimestampRequestBuilder(
        data=signature, hash_algorithm=client.HashAlgorithm.SHA256
    ).build()
    answer = _post(url, request.as_bytes())
    try:
        response = client.decode_timestamp_response(answer)
        is_granted = response.status == client.PKIStatus.GRANTED
        info = response.tst_info if is_granted else None
    except ValueError as error:
        raise HubError(f"{url} answered with something else than a timestamp") from error
    if info is None:
        raise HubError(f"{url} refused to stamp, with status {response.status}")
    if (
        info.message_imprint.message != request.message_imprint.message
        or info.nonce != request.nonce
    ):
        raise HubError(f"{url} stamped something else than the signature")
    return answer


def check_authority(url: str) -> None:
    """Ensure that a timestamp can be asked for at `url`, without asking.

    Raises: InputError with reason `url` or `extra-missing`.
    """
    from urllib.parse import urlsplit

    _client()

    try:
        parts = urlsplit(url)
        is_safe = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        is_safe = False
    if not is_safe:
        raise InputError(
            f"expected an https URL of a time-stamping authority, found {url!r:.200}", reason="url"
        )


def _post(url: str, body: bytes) -> bytes:
    import urllib.error
    import urllib.request
    from http.client import HTTPException, HTTPResponse

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        """Lets no answer send the request elsewhere, where another scheme may wait."""

        def redirect_request(self, *_arguments: object) -> None:
            """No request in place of the first."""

    deadline = time.monotonic() + REQUEST_TIMEOUT_S
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked
        url, data=body, headers={"Content-Type": "application/timestamp-query"}
    )
    answer = b""
    try:
        opener = urllib.request.build_opener(NoRedirect)
        with opener.open(request, timeout=REQUEST_TIMEOUT_S) as response:
            assert isinstance(response, HTTPResponse)
            while chunk := response.read1(MAX_TIMESTAMP_BYTES):
                answer += chunk
                if len(answer) > MAX_TIMESTAMP_BYTES or time.monotonic() > deadline:
                    raise HubError(f"{url} sends too much or too slowly")
    except urllib.error.HTTPError as error:
        raise HubError(f"{url} answered with status {error.code}") from error
    except (OSError, HTTPException) as error:
        raise HubError(f"{url} cannot be reached: {error}") from error
    return answer


def _client() -> ModuleType:
    try:
        import rfc3161_client
    except ImportError as error:
        raise InputError(
            "timestamps need a package that is not installed",
            reason="extra-missing",
            hint="pip install 'attest-weights[timestamps]'",
        ) from error
    return rfc3161_client
