"""Signing by a program: hardware tokens, key services, whatever a few lines of shell can reach.

`--key 'exec:PROGRAM ARGUMENT…'` names one. It is started twice, without a shell:

    PROGRAM ARGUMENT… public-key    writes the public key to stdout, as PEM
    PROGRAM ARGUMENT… sign          reads the bytes to sign from stdin until they end, and writes
                                    their signature to stdout, as base64

ECDSA signatures are ASN.1 DER over the hash of the curve (P-256 SHA-256, P-384 SHA-384, P-521
SHA-512), Ed25519 signatures 64 bytes over the bytes themselves; a program whose key service takes
only a digest hashes what it reads. Exit status 0 says that it worked; anything else, that stderr
says why. stderr and the terminal are those of the caller, so a program can ask for a PIN.

The secret never enters this process, and nothing that the program says is believed: the signature
must verify with the public key before anything is written.
"""

from __future__ import annotations

import os
import select
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from attest.attestation.dsse import MAX_SIGNATURE_BYTES, decode_base64
from attest.attestation.keyfiles import MAX_KEY_FILE_BYTES, load_private_key, parse_public_key
from attest.attestation.keys import PublicKey, Signer, verify_signature
from attest.errors import InputError, VerificationError

PREFIX = "exec:"
"""What begins the name of a key that a program holds."""

TIMEOUT_S = 120.0
"""How long a program may take, with the person who types a PIN or touches a token."""

MAX_OUTPUT_BYTES = MAX_KEY_FILE_BYTES
"""Most bytes read from a program."""

_CHUNK_BYTES = 4096


def load_signer(key: str, passphrase: Callable[[], bytes] | None = None) -> Signer:
    """The signer that `key` names: a key file, or after `exec:` a program and its arguments.

    Args:
        key: a path, or `exec:` with words that are split and quoted as in a shell.
        passphrase: asked once, and only if a key file is encrypted.

    Raises: InputError of `load_private_key` or `open_command`.
    """
    if key.startswith(PREFIX):
        return open_command(key.removeprefix(PREFIX))
    return load_private_key(Path(key), passphrase)


@dataclass(frozen=True)
class CommandSigner:
    """A key that a program holds."""

    command: tuple[str, ...]
    """The program and its arguments."""
    public_key: PublicKey
    """What it said its key is."""
    timeout_s: float = TIMEOUT_S

    def sign(self, data: bytes) -> bytes:
        """A signature over `data` that verifies with the public key.

        Raises: InputError with reason `signer-missing`, `signer-failed`, `signer-timeout` or
            `signer-output`.
        """
        output = _run(self.command, "sign", data, self.timeout_s)
        try:
            # Programs end a line with a newline, and some break it: `openssl base64` does.
            signature = decode_base64(b"".join(output.split()).decode("ascii"))
            if len(signature) > MAX_SIGNATURE_BYTES:
                raise ValueError(f"{len(signature)} bytes are too long for a signature")
            verify_signature(self.public_key, signature, data)
        except (ValueError, VerificationError) as error:
            raise InputError(
                f"gave no signature by its own {self.public_key.kind} key: {error}",
                reason="signer-output",
                where=self.command[0],
                hint="ECDSA is DER over the hash of the curve; see docs/signers.md",
            ) from error
        return signature


def open_command(words: str, *, timeout_s: float = TIMEOUT_S) -> CommandSigner:
    """The signer behind a program, after asking it for its public key.

    Args:
        words: the program and its arguments, split and quoted as in a shell; no shell runs.
        timeout_s: how long each start of the program may take, in seconds.

    Raises: InputError with reason `signer-command`, `signer-missing`, `signer-failed`,
        `signer-timeout`, `signer-output`, or one of `parse_public_key`.
    """
    try:
        command = tuple(shlex.split(words))
    except ValueError as error:
        raise InputError(f"{words!r}: {error}", reason="signer-command") from error
    if not command:
        raise InputError(
            "expected a program after exec:, found none",
            reason="signer-command",
            hint="--key 'exec:./signer ARGUMENT'",
        )
    output = _run(command, "public-key", b"", timeout_s)
    return CommandSigner(command, parse_public_key(output, what=command[0]), timeout_s)


def _run(command: Sequence[str], verb: str, data: bytes, timeout_s: float) -> bytes:
    """What a program writes to stdout, if it ends well, in time and with few words."""
    deadline = time.monotonic() + timeout_s
    # Input from a file cannot block, so that only the output has to be waited for.
    with tempfile.TemporaryFile() as stdin:
        stdin.write(data)
        stdin.seek(0)
        try:
            process = subprocess.Popen(  # noqa: S603 - the caller chose the program; no shell
                [*command, verb], stdin=stdin, stdout=subprocess.PIPE
            )
        except OSError as error:
            raise InputError(
                f"cannot be started: {error.strerror}",
                reason="signer-missing",
                where=command[0],
                hint="name a program in PATH, or by its path, and make it executable",
            ) from error
    with process:
        try:
            assert process.stdout is not None
            output = _read(process.stdout, deadline, where=command[0])
            status = process.wait(max(0.0, deadline - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise InputError(
                f"gave no answer to {verb} within {timeout_s:g} seconds",
                reason="signer-timeout",
                where=command[0],
            ) from error
        finally:
            process.kill()
    if status != 0:
        raise InputError(
            f"ended {verb} with exit status {status}",
            reason="signer-failed",
            where=command[0],
            hint="it says why above, if it says so at all",
        )
    return output


def _read(stdout: IO[bytes], deadline: float, *, where: str) -> bytes:
    output = b""
    while True:
        ready, _, _ = select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = os.read(stdout.fileno(), _CHUNK_BYTES)
        if not chunk:
            return output
        output += chunk
        if len(output) > MAX_OUTPUT_BYTES:
            raise InputError(
                f"expected at most {MAX_OUTPUT_BYTES} bytes of output, found more",
                reason="signer-output",
                where=where,
            )
