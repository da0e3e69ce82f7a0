"""The OpenSSF Model Signing statement: which files a publisher packed, each with its digest.

It says who vouches for the bytes and nothing of how the model behaves. Its root digest covers the
digests of the files in order and neither their names nor their sizes, so it stands for the list
only together with the list, which is signed as well.

Only the part that every implementation shares is written and read: whole files by SHA-256. Where
the released tool differs from the specification, we follow the specification (docs/adr/0007).

Source: ossf/model-signing-spec, spec/v1.0.md and schemas/v1.0.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from attest.attestation.bundle import MAX_BUNDLE_BYTES, make_bundle, open_bundle
from attest.attestation.keys import Signer
from attest.attestation.material import Certificate, CertificateChain, VerificationMaterial
from attest.attestation.statement import STATEMENT_TYPE
from attest.canonical import Json, parse_json
from attest.checkpoint.folder import MAX_FILES
from attest.checkpoint.manifest import Manifest
from attest.checkpoint.roles import is_excluded, role_of
from attest.errors import InputError
from attest.record import Record, RelativePath, Sha256, WireRecord

OMS_PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
SIGNATURE_NAME = "model.sig"
"""Where an OMS signature lies in the folder that it is about."""

MAX_IGNORED = 1000
"""Most paths that a signer may say he left out."""

LEFT_OUT = (
    ".cache/huggingface",
    ".eval_results",
    ".git",
    ".gitattributes",
    ".github",
    ".gitignore",
    "attestations",
    SIGNATURE_NAME,
)
"""What our statements leave out, so that `model_signing` leaves it out when it verifies them."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class Resource(Record):
    """One file."""

    # The specification lets an entry carry more; the folder is held against these three.
    model_config = ConfigDict(extra="ignore")

    name: RelativePath
    digest: Sha256
    algorithm: Literal["sha256"]


class Serialization(Record):
    """How the signer listed the folder."""

    method: Literal["files"]
    hash_type: Literal["sha256"]
    allow_symlinks: bool
    """Whether the signer followed links; a verifier follows his own rule."""
    ignore_paths: Annotated[tuple[Name, ...], Field(max_length=MAX_IGNORED)] = ()
    """What the signer says he left out; it widens nothing that a verifier accepts."""


class OmsPredicate(Record):
    """The list of files."""

    resources: Annotated[tuple[Resource, ...], Field(min_length=1, max_length=MAX_FILES)]
    serialization: Serialization


class OmsSubject(Record):
    """The model as a whole."""

    model_config = ConfigDict(extra="ignore")

    name: Name
    """For people; nothing checks it."""
    digest: dict[str, str]
    """By algorithm; the root is under `sha256`."""


class OmsStatement(WireRecord):
    """An in-toto Statement v1 with the predicate of OpenSSF Model Signing 1.0."""

    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[tuple[OmsSubject, ...], Field(min_length=1, max_length=1)]
    predicate_type: Literal["https://model_signing/signature/v1.0"]
    predicate: OmsPredicate

    @property
    def name(self) -> str:
        """The name of the model, by the signer's word."""
        return self.subject[0].name

    @property
    def signed_root(self) -> str | None:
        """The root that the statement gives, or None."""
        return self.subject[0].digest.get("sha256")


def root_digest(resources: Iterable[Resource]) -> str:
    """SHA-256 over the raw digests of the files, in the order of the list."""
    root = hashlib.sha256()
    for resource in resources:
        root.update(bytes.fromhex(resource.digest))
    return root.hexdigest()


def may_be_left_out(path: str) -> bool:
    """True for what an OMS signature need not list, by the verifier's own rule.

    That is version control, the hub's download state, attestations and the signature itself, but
    nothing of it that a loader could load.
    """
    is_outside = is_excluded(path) or path.startswith(".github/")
    return is_outside and role_of(path) not in ("weights", "adapter", "code")


def state_oms(manifest: Manifest, *, name: str) -> OmsStatement:
    """The OMS statement about the files of a manifest.

    Args:
        manifest: of the folder.
        name: what the model is called, for people.

    Raises: InputError with reason `loadable-in-excluded-folder`.
    """
    resources: list[Resource] = []
    for file in manifest.files:
        if may_be_left_out(file.path):
            continue
        if file.path.startswith(".github/"):
            raise InputError(
                "a loadable file where model signing tools do not look",
                reason="loadable-in-excluded-folder",
                where=file.path,
                hint="move it out of .github",
            )
        resources.append(Resource(name=file.path, digest=file.sha256, algorithm="sha256"))
    return OmsStatement(
        type=STATEMENT_TYPE,
        subject=(OmsSubject(name=name or "model", digest={"sha256": root_digest(resources)}),),
        predicate_type=OMS_PREDICATE_TYPE,
        predicate=OmsPredicate(
            resources=tuple(resources),
            serialization=Serialization(
                method="files", hash_type="sha256", allow_symlinks=False, ignore_paths=LEFT_OUT
            ),
        ),
    )


def sign_oms(statement: OmsStatement, signer: Signer, *, chain: Sequence[bytes] = ()) -> bytes:
    """The bytes of `model.sig`: the statement, signed with a key or under a certificate.

    Args:
        statement: by `state_oms`.
        signer: of an ECDSA key.
        chain: certificates in DER, the signer's first, without the root; none for a bare key.

    Raises: InputError with reason `unsupported-key` for an Ed25519 key, or one of `make_bundle`.
    """
    if signer.public_key.kind == "ed25519":
        raise InputError(
            "expected a P-256, P-384 or P-521 key, found an Ed25519 key",
            reason="unsupported-key",
            hint="OpenSSF Model Signing knows no Ed25519: make a key with `attest keygen`",
        )
    data = make_bundle(statement.to_json(), signer, chain=chain)
    if not chain:
        return data
    # Also a single certificate is a chain here: OMS keeps the other form for keyless signing.
    certificates = tuple(Certificate(raw_bytes=der) for der in chain)
    material = VerificationMaterial(
        x509_certificate_chain=CertificateChain(certificates=certificates)
    )
    return open_bundle(data).model_copy(update={"verification_material": material}).to_json()


def read_oms(payload: bytes) -> OmsStatement:
    """The statement in the payload of an OMS signature that verified.

    Raises: InputError with reason `oms-predicate`, `oms-method`, `oms-hash`, `oms-single-file`,
        `oms-order`, `oms-names`, `schema` or one of `parse_json`.
    """
    _refuse_other_kinds(parse_json(payload, what="OMS statement", max_bytes=MAX_BUNDLE_BYTES))
    statement = OmsStatement.from_json(payload, what="OMS statement")
    _check_names([resource.name for resource in statement.predicate.resources])
    return statement


def _refuse_other_kinds(value: Json) -> None:
    # What others may rightly write deserves a better answer than the first field that does not fit.
    statement = value if isinstance(value, dict) else {}
    predicate_type = statement.get("predicateType")
    if predicate_type != OMS_PREDICATE_TYPE:
        raise _other(
            "predicate",
            f"expected predicateType {OMS_PREDICATE_TYPE}, found {predicate_type!a:.100}",
            "an attestation of `attest sign` is verified with --license",
        )
    predicate = statement.get("predicate")
    serialization: Any = predicate.get("serialization") if isinstance(predicate, dict) else None
    if not isinstance(serialization, dict):
        return
    method, hash_type = serialization.get("method"), serialization.get("hash_type")
    if method != "files":
        raise _other(
            "method",
            f"expected whole files, found the method {method!a:.40}",
            "ask the signer to sign by files, which every verifier reads",
        )
    if hash_type != "sha256":
        raise _other(
            "hash",
            f"expected digests by sha256, found {hash_type!a:.40}",
            "ask the signer to sign with sha256, which every verifier reads",
        )
    resources = predicate.get("resources") if isinstance(predicate, dict) else None
    if isinstance(resources, list) and [
        one.get("name") for one in resources if isinstance(one, dict)
    ] == ["."]:
        raise _other(
            "single-file",
            "a signature over a single file without its name",
            "ask the signer to sign the folder that holds the file",
        )


def _check_names(names: list[str]) -> None:
    folded = {unicodedata.normalize("NFC", name).casefold() for name in names}
    if len(folded) != len(names):
        raise _other(
            "names",
            "two names are the same, or differ only in case or Unicode form",
            "ask the signer to rename one of the files and to sign again",
        )
    if names == sorted(names):
        return
    if names == sorted(names, key=lambda name: name.split("/")):
        raise _other(
            "order",
            "the files are in the order of path components, not in code point order of the names",
            "model_signing 1.1.1 writes that where a file name sorts before `/`: ask the signer "
            "to sign with `attest sign --oms`",
        )
    raise _other(
        "order",
        "the files are not in code point order of their names",
        "ask the signer for a signature as the specification has it",
    )


def _other(reason: str, message: str, hint: str) -> InputError:
    return InputError(message, reason=f"oms-{reason}", where="OMS statement", hint=hint)
