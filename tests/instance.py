"""A Sigstore of our own: identities, timestamps and a transparency log, with real signatures.

Stamping is done by openssl; the rest by the libraries that are tested against it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from attest.attestation.bundle import Bundle
from attest.attestation.keys import Kind, PrivateKey, PublicKey, generate
from attest.canonical import canonical_bytes
from attest.evaluation.commitment import inclusion_proof, merkle_root

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")

DAY = timedelta(days=1)
IDENTITY = "https://ci.example/lab/release"
ISSUER = "https://issuer.example"

ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.8")
PROMISES_OID = ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
CODE_SIGNING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
TIME_STAMPING = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])

REGISTRY: dict[Kind, tuple[str, str, str]] = {
    "p256": ("PKIX_ECDSA_P256_SHA_256", "SHA2_256", "sha256"),
    "p384": ("PKIX_ECDSA_P384_SHA_384", "SHA2_384", "sha384"),
    "p521": ("PKIX_ECDSA_P521_SHA_512", "SHA2_512", "sha512"),
}
"""Key details, hash algorithm and its common name, by kind of key."""


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def spki(key: PublicKey) -> bytes:
    return key.key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def key_usage(*uses: str) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: name in uses for name in names})


# Certificates


@dataclass(frozen=True)
class Root:
    """An authority that certifies keys itself."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def builder(
        self,
        key: PublicKey,
        *,
        name: str = "",
        first: datetime | None = None,
        last: datetime | None = None,
        serial: int | None = None,
    ) -> x509.CertificateBuilder:
        """A certificate for signing, whatever for, that is valid now."""
        now = datetime.now(UTC)
        issued_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(self.certificate.subject)
            .public_key(key.key)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(first or now - DAY)
            .not_valid_after(last or now + DAY)
            .add_extension(issued_by, critical=False)
            .add_extension(key_usage("digital_signature"), critical=True)
        )

    def sign(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.DER)


def make_root(name: str) -> Root:
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 100 * DAY)
        .not_valid_after(now + 100 * DAY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(key_usage("key_cert_sign"), critical=True)
        .add_extension(identifier, critical=False)
    )
    return Root(key, builder.sign(key, hashes.SHA256()))


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


# Timestamps


_SETTINGS = """
[tsa]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha1, sha256, sha384, sha512
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Timestamper:
    """A time-stamping authority: openssl, with a certificate for this purpose."""

    root: Root
    certificate: bytes
    folder: Path

    def answer(self, query: bytes) -> bytes:
        """The response to a request, both in DER."""
        (self.folder / "query").write_bytes(query)
        self._openssl(
            *("-reply", "-queryfile", "query", "-out", "answer"),
            *("-config", "tsa.cnf", "-section", "tsa"),
        )
        return (self.folder / "answer").read_bytes()

    def stamp(
        self, signature: bytes, *, digest: str = "sha256", with_certificate: bool = True
    ) -> bytes:
        """A timestamp over the bytes of a signature, made now."""
        (self.folder / "data").write_bytes(signature)
        options = ("-cert",) if with_certificate else ()
        self._openssl("-query", "-data", "data", f"-{digest}", *options, "-out", "query")
        return self.answer((self.folder / "query").read_bytes())

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", "ts", *words], cwd=self.folder, check=True, capture_output=True)


def make_timestamper(
    folder: Path, *, first: datetime | None = None, last: datetime | None = None
) -> Timestamper:
    folder.mkdir(parents=True)
    root, key = make_root(f"time {folder.name}"), generate()
    builder = root.builder(key.public_key, name="stamper", first=first, last=last)
    certificate = root.sign(builder.add_extension(TIME_STAMPING, critical=True))
    (folder / "tsa.key").write_bytes(key.to_pem(None))
    (folder / "tsa.pem").write_bytes(
        x509.load_der_x509_certificate(certificate).public_bytes(Encoding.PEM)
    )
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_SETTINGS.format(folder=folder))
    return Timestamper(root, certificate, folder)


# A transparency log


def log_body(bundle: Bundle, key: PublicKey, certificate: bytes | None = None) -> dict[str, Any]:
    """What Rekor v2 writes into the log about a signature."""
    details, algorithm, name = REGISTRY[key.kind]
    held: dict[str, Any] = (
        {"publicKey": {"rawBytes": b64(spki(key))}}
        if certificate is None
        else {"x509Certificate": {"rawBytes": b64(certificate)}}
    )
    digest = hashlib.new(name, bundle.dsse_envelope.signed_bytes()).digest()
    return log_body_of(
        digest=b64(digest),
        algorithm=algorithm,
        content=b64(bundle.signature),
        verifier={"keyDetails": details, **held},
    )


def log_body_of(
    *, digest: str, algorithm: str, content: str, verifier: dict[str, Any]
) -> dict[str, Any]:
    return {
        "apiVersion": "0.0.2",
        "kind": "hashedrekord",
        "spec": {
            "hashedRekordV002": {
                "data": {"algorithm": algorithm, "digest": digest},
                "signature": {"content": content, "verifier": verifier},
            }
        },
    }


@dataclass
class SmallLog:
    """A log of a few entries that signs its tree heads."""

    origin: str = "log.example/2026"
    key: PrivateKey = field(default_factory=lambda: generate("ed25519"))
    leaves: list[bytes] = field(default_factory=lambda: [b"another %d" % n for n in range(5)])

    @property
    def key_id(self) -> bytes:
        """The whole key id, of which signatures carry the first four bytes."""
        key = self.key.public_key.key
        if isinstance(key, ed25519.Ed25519PublicKey):
            named = self.origin.encode() + b"\n\x01" + key.public_bytes_raw()
            return hashlib.sha256(named).digest()
        return hashlib.sha256(spki(self.key.public_key)).digest()

    def tree_head(self) -> str:
        text = f"{self.origin}\n{len(self.leaves)}\n{b64(merkle_root(self.leaves))}\n"
        return self.signed(text)

    def signed(self, text: str) -> str:
        """Any text as a signed note of this log."""
        return f"{text}\n{self.signature_line(text)}"

    def signature_line(self, text: str) -> str:
        return f"\u2014 {self.origin} {b64(self.key_id[:4] + self.key.sign(text.encode()))}\n"

    def add(self, body: dict[str, Any]) -> dict[str, Any]:
        """Log an entry, and one more after it; gives back what a bundle carries."""
        index = len(self.leaves)
        self.leaves += [canonical_bytes(body), b"a later one"]
        return {
            "logIndex": str(index),
            "logId": {"keyId": b64(self.key_id)},
            "kindVersion": {"kind": "hashedrekord", "version": "0.0.2"},
            "inclusionProof": {
                "logIndex": str(index),
                "rootHash": b64(merkle_root(self.leaves)),
                "treeSize": str(len(self.leaves)),
                "hashes": [b64(one) for one in inclusion_proof(self.leaves, index)],
                "checkpoint": {"envelope": self.tree_head()},
            },
            "canonicalizedBody": b64(self.leaves[index]),
        }


# All of it


@dataclass(frozen=True)
class Instance:
    """An authority for identities with its certificate log, a stamper, and a log."""

    identities: Root
    certificate_log: PrivateKey
    timestamper: Timestamper
    log: SmallLog

    def certify(self, key: PublicKey, identity: str = IDENTITY, issuer: str = ISSUER) -> bytes:
        """A certificate for an identity, with the promise of the certificate log inside."""
        vouched = x509.UnrecognizedExtension(ISSUER_OID, b"\x0c" + _with_length(issuer.encode()))
        name = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)])
        builder = (
            self.identities.builder(key)
            .add_extension(CODE_SIGNING, critical=False)
            .add_extension(name, critical=True)
            .add_extension(vouched, critical=False)
        )
        # RFC 6962 §3.2: the log signs the certificate as it is without the promise.
        before = builder.sign(self.identities.key, hashes.SHA256()).tbs_certificate_bytes
        promise = self._promise(before)
        listed = struct.pack(">H", len(promise)) + promise
        value = b"\x04" + _with_length(struct.pack(">H", len(listed)) + listed)
        promised = x509.UnrecognizedExtension(PROMISES_OID, value)
        return self.identities.sign(builder.add_extension(promised, critical=False))

    def _promise(self, certificate: bytes) -> bytes:
        log_key = spki(self.certificate_log.public_key)
        issuer_key = spki(PublicKey(self.identities.key.public_key()))
        milliseconds = struct.pack(">Q", int(datetime.now(UTC).timestamp() * 1000))
        signature = self.certificate_log.sign(
            b"\x00\x00"
            + milliseconds
            + b"\x00\x01"
            + hashlib.sha256(issuer_key).digest()
            + len(certificate).to_bytes(3, "big")
            + certificate
            + b"\x00\x00"
        )
        return (
            b"\x00"
            + hashlib.sha256(log_key).digest()
            + milliseconds
            + b"\x00\x00\x04\x03"
            + struct.pack(">H", len(signature))
            + signature
        )

    def trusted_root(self) -> dict[str, Any]:
        """What the operator of this instance would publish."""
        start = {"start": "2020-01-01T00:00:00Z"}

        def authority(*chain: bytes) -> dict[str, Any]:
            return {
                "subject": {"organization": "Example", "commonName": "example"},
                "uri": "https://example",
                "certChain": {"certificates": [{"rawBytes": b64(one)} for one in chain]},
                "validFor": start,
            }

        def log(key: PublicKey, key_id: bytes, details: str) -> dict[str, Any]:
            return {
                "baseUrl": "https://example",
                "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": b64(spki(key)), "keyDetails": details, "validFor": start},
                "logId": {"keyId": b64(key_id)},
            }

        promising = self.certificate_log.public_key
        promising_id = hashlib.sha256(spki(promising)).digest()
        stamper = self.timestamper
        return {
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.log.key.public_key, self.log.key_id, "PKIX_ED25519")],
            "certificateAuthorities": [authority(self.identities.der)],
            "ctlogs": [log(promising, promising_id, REGISTRY["p256"][0])],
            "timestampAuthorities": [authority(stamper.certificate, stamper.root.der)],
        }

    def write_trusted_root(self, path: Path) -> Path:
        path.write_text(json.dumps(self.trusted_root()))
        return path


def _with_length(content: bytes) -> bytes:
    """A DER length, and the content that has it."""
    if len(content) < 0x80:
        return bytes([len(content)]) + content
    return b"\x82" + struct.pack(">H", len(content)) + content


# Services


Answer = Callable[[str, bytes], bytes]
"""What a service says to the body of a request, by the path that it went to."""


@contextmanager
def serving(answer: Answer, *, status: int = 200, **headers: str) -> Iterator[str]:
    """A server on this machine, by its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = answer(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(BrokenPipeError):  # The client may have heard enough.
                self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def services(instance: Instance, identity: str = IDENTITY, issuer: str = ISSUER) -> Answer:
    """What the services of an instance answer; they certify whoever comes as `identity`."""

    def answer(path: str, body: bytes) -> bytes:
        if path == "/stamp":
            return instance.timestamper.answer(body)
        request = json.loads(body)
        if path == "/api/v2/log/entries":
            wanted = request["hashedRekordRequestV002"]
            signature = wanted["signature"]
            details = signature["verifier"]["keyDetails"]
            (algorithm,) = (one for key, one, _ in REGISTRY.values() if key == details)
            logged = log_body_of(
                digest=wanted["digest"],
                algorithm=algorithm,
                content=signature["content"],
                verifier=signature["verifier"],
            )
            return json.dumps(instance.log.add(logged)).encode()
        assert path == "/api/v2/signingCert"
        pem = base64.b64decode(request["certificateSigningRequest"])
        key = x509.load_pem_x509_csr(pem).public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        leaf = instance.certify(PublicKey(key), identity, issuer)
        chain = [x509.load_der_x509_certificate(leaf), instance.identities.certificate]
        written = [one.public_bytes(Encoding.PEM).decode() for one in chain]
        return json.dumps(
            {"signedCertificateEmbeddedSct": {"chain": {"certificates": written}}}
        ).encode()

    return answer


def trust_config(instance: Instance, url: str) -> dict[str, Any]:
    """What clients of the instance at `url` are given."""

    def service(path: str = "", version: int = 1) -> list[dict[str, Any]]:
        return [
            {
                "url": url + path,
                "majorApiVersion": version,
                "validFor": {"start": "2020-01-01T00:00:00Z"},
                "operator": "example",
            }
        ]

    return {
        "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
        "trustedRoot": instance.trusted_root(),
        "signingConfig": {
            "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
            "caUrls": service(),
            "oidcUrls": service(),
            "rekorTlogUrls": service(version=2),
            "rekorTlogConfig": {"selector": "ANY"},
            "tsaUrls": service("/stamp"),
            "tsaConfig": {"selector": "ANY"},
        },
    }


# Who runs this


def be_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the CI job that may run these tests, with an identity of its own."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)


def be_a_ci_job(monkeypatch: pytest.MonkeyPatch, **claims: object) -> str:
    """Make this process look like a job of GitLab, which finds its token in the environment."""
    import jwt

    now = datetime.now(UTC)
    token = jwt.encode(
        {
            "aud": "sigstore",
            "iss": ISSUER,
            "sub": IDENTITY,
            "iat": now,
            "exp": now + timedelta(minutes=5),
            **claims,
        },
        "a secret of the issuer, who alone would check it",
    )
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("SIGSTORE_ID_TOKEN", token)
    return token


def make_instance(folder: Path) -> Instance:
    return Instance(
        make_root("identities"), generate(), make_timestamper(folder / "stamper"), SmallLog()
    )
