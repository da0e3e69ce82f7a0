"""The door of an OCI registry: a ModelPack manifest, and bundles that refer to it.

With layers of the `.raw` kind the digest of a layer is the SHA-256 of the file in it, so the
manifest is a listing. Packed layers (`.tar` and its like) say nothing of the files inside, and are
refused. The attestations are referrers of the manifest; anybody who may push can add one, so who
signed it is for the verification to say. A manifest is named by its digest, because a tag may move.

Source: ModelPack model-spec (docs/spec.md, manifest and annotations); OCI Distribution 1.1,
"Listing Referrers" and the referrers tag schema; Sigstore Bundle Specification for OCI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from attest.attestation.bundle import MEDIA_TYPE
from attest.canonical import parse_json, sha256_hex
from attest.errors import HubError, InputError
from attest.hub.doors.snapshot import (
    MAX_SNAPSHOT_FILES,
    Budget,
    Snapshot,
    bundles_among,
    is_bundle,
    is_kept,
)
from attest.hub.fetch import Fetcher
from attest.record import RelativePath, invalid
from attest.verification.folder import MAX_BUNDLES
from attest.verification.listings import FileDigests

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MODEL_TYPE = "application/vnd.cncf.model.manifest.v1+json"
FILEPATH = "org.cncf.model.filepath"
"""The annotation of a layer that names the file in it."""

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""The size that registries have to accept; larger ones need not work anywhere."""
MAX_PAGES = 8

_NAME = re.compile(r"[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*){0,7}")
_REFERENCE = re.compile(
    r"((?P<scheme>https?)://)?(?P<registry>[a-z0-9.\[\]:-]{1,255})/(?P<name>[a-z0-9._/-]{1,255})@"
    r"(?P<digest>sha256:[0-9a-f]{64})"
)
_RAW = re.compile(
    r"application/vnd\.cncf\.model\.(weight|weight\.config|doc|code|dataset)\.v1\.raw"
)
_NEXT = re.compile(r'<(?P<url>[^>]{1,4096})>;\s*rel="next"')

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class _Part(BaseModel):
    """Fields that are not used here may come and go."""

    model_config = ConfigDict(extra="ignore", frozen=True, alias_generator=to_camel)


class _Descriptor(_Part):
    media_type: str
    digest: Digest
    size: Annotated[int, Field(ge=0)]
    artifact_type: str | None = None
    annotations: dict[str, str] = {}

    @property
    def sha256(self) -> str:
        return self.digest.removeprefix("sha256:")


class _Manifest(_Part):
    schema_version: Literal[2]
    media_type: Literal["application/vnd.oci.image.manifest.v1+json"]
    artifact_type: str | None = None
    layers: Annotated[tuple[_Descriptor, ...], Field(max_length=MAX_SNAPSHOT_FILES)] = ()
    subject: _Descriptor | None = None


class _Index(_Part):
    schema_version: Literal[2]
    media_type: Literal["application/vnd.oci.image.index.v1+json"]
    manifests: tuple[_Descriptor, ...] = ()


_P = TypeVar("_P", bound=_Part)


@dataclass(frozen=True)
class Reference:
    """A manifest in a registry."""

    origin: str
    name: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Reference:
        """What `registry/name@sha256:…` names, by TLS unless it begins with `http://`.

        Raises: InputError with reason `reference`.
        """
        match = _REFERENCE.fullmatch(text)
        if match is None or _NAME.fullmatch(match["name"]) is None:
            raise InputError(
                f"expected registry/name@sha256:DIGEST, found {text[:200]!a}",
                reason="reference",
                hint="a tag may move while it is checked: name the manifest by its digest",
            )
        return cls(
            f"{match['scheme'] or 'https'}://{match['registry']}", match["name"], match["digest"]
        )


def open_oci(fetcher: Fetcher, reference: Reference, *, reads_bytes: bool = False) -> Snapshot:
    """The model that a manifest describes, with the bundles that refer to it.

    Args:
        fetcher: asks the registry.
        reference: of the manifest.
        reads_bytes: hash every layer instead of believing that the registry serves what it names.

    Raises: InputError with a reason of `Fetcher.get`, `schema`, `not-a-model`, `packed-layer`,
        `listed-twice`, `too-large` or `too-many`; HubError if the registry does not answer or
        serves other bytes than it names.
    """
    return _Door(fetcher, reference).snapshot(reads_bytes=reads_bytes)


@dataclass(frozen=True)
class _Door:
    fetcher: Fetcher
    reference: Reference

    def snapshot(self, *, reads_bytes: bool) -> Snapshot:
        manifest = self.manifest(self.reference.digest)
        if manifest.artifact_type != MODEL_TYPE:
            raise InputError(
                f"expected an artifact of type {MODEL_TYPE}, found {manifest.artifact_type!a:.100}",
                reason="not-a-model",
                where=self.reference.digest,
            )
        files: dict[str, FileDigests] = {}
        contents: dict[str, bytes] = {}
        budget = Budget()
        for layer in manifest.layers:
            path = _path(layer)
            if path in files:
                raise InputError("two layers hold it", reason="listed-twice", where=path)
            files[path] = FileDigests(sha256=layer.sha256, size_bytes=layer.size)
            if is_kept(path):
                budget.spend(path, layer.size, is_attestation=is_bundle(path))
                contents[path] = self.blob(layer)
            elif reads_bytes:
                streamed = self.fetcher.hash(
                    self.reference.origin, self.path("blobs", layer.digest), max_bytes=layer.size
                )
                files[path] = FileDigests(sha256=streamed.sha256, size_bytes=streamed.size_bytes)
        return Snapshot(
            name=self.reference.name,
            revision=self.reference.digest,
            files=files,
            checked="served-bytes" if reads_bytes else "listed-hash",
            bundles=bundles_among(contents) | self.bundles(),
            contents=contents,
        )

    def bundles(self) -> dict[str, bytes]:
        """The attestations that refer to the manifest, by the digest of each referrer."""
        budget, bundles = Budget(), dict[str, bytes]()
        for referrer in self.referrers():
            found = self.manifest(referrer.digest)
            # The list is the registry's word; what the referrer says of itself counts.
            if found.subject is None or found.subject.digest != self.reference.digest:
                continue
            layers = [layer for layer in found.layers if layer.media_type == MEDIA_TYPE]
            if len(layers) == 1:
                budget.spend(referrer.digest, layers[0].size, is_attestation=True)
                bundles[referrer.digest] = self.blob(layers[0])
        return bundles

    def referrers(self) -> list[_Descriptor]:
        """Whatever is listed as a bundle that refers to the manifest."""
        found: dict[str, _Descriptor] = {}
        for index in self.indexes():
            for descriptor in index.manifests:
                if descriptor.artifact_type == MEDIA_TYPE:
                    found[descriptor.digest] = descriptor
        if len(found) > MAX_BUNDLES:
            raise InputError(
                f"expected at most {MAX_BUNDLES} attestations, found {len(found)}",
                reason="too-many",
                where=self.reference.digest,
            )
        return list(found.values())

    def indexes(self) -> Iterator[_Index]:
        path = self.path("referrers", self.reference.digest)
        query: dict[str, str] = {"artifactType": MEDIA_TYPE}
        for _ in range(MAX_PAGES):
            answer = self.fetcher.find(
                self.reference.origin,
                path,
                max_bytes=MAX_MANIFEST_BYTES,
                query=query,
                accept=INDEX_TYPE,
            )
            if answer is None:
                # Registries without the API: the tag that clients keep in its place.
                path = self.path("manifests", self.reference.digest.replace(":", "-"))
                query = {}
                answer = self.fetcher.find(
                    self.reference.origin, path, max_bytes=MAX_MANIFEST_BYTES, accept=INDEX_TYPE
                )
                if answer is None:
                    return
            yield _read(answer.body, _Index, path)
            link = _NEXT.search(answer.headers.get("link", ""))
            if link is None:
                return
            # Only where the next page begins is taken from the link, never whom to ask.
            query = dict(parse_qsl(urlsplit(link["url"]).query))
        raise HubError(f"{self.reference.origin}: more than {MAX_PAGES} pages of referrers")

    def manifest(self, digest: str) -> _Manifest:
        path = self.path("manifests", digest)
        answer = self.fetcher.get(
            self.reference.origin, path, max_bytes=MAX_MANIFEST_BYTES, accept=MANIFEST_TYPE
        )
        self.ensure(answer.body, digest, path)
        return _read(answer.body, _Manifest, path)

    def blob(self, descriptor: _Descriptor) -> bytes:
        path = self.path("blobs", descriptor.digest)
        data = self.fetcher.get(self.reference.origin, path, max_bytes=descriptor.size).body
        self.ensure(data, descriptor.digest, path)
        return data

    def ensure(self, data: bytes, digest: str, path: str) -> None:
        if f"sha256:{sha256_hex(data)}" != digest:
            raise HubError(f"{self.reference.origin}{path}: other bytes than the digest names")

    def path(self, kind: str, name: str) -> str:
        return f"/v2/{self.reference.name}/{kind}/{name}"


def _path(layer: _Descriptor) -> str:
    """The file in a layer."""
    if _RAW.fullmatch(layer.media_type) is None:
        raise InputError(
            f"expected a layer of a single file, found {layer.media_type[:100]!a}",
            reason="packed-layer",
            where=layer.digest,
            hint="pack the model with raw layers, whose digest is that of the file",
        )
    try:
        return _File.model_validate(layer.annotations).path
    except ValidationError as error:
        raise invalid(error, layer.digest) from error


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    path: Annotated[RelativePath, Field(alias=FILEPATH)]


def _read(data: bytes, kind: type[_P], where: str) -> _P:
    parse_json(data, what=where, max_bytes=MAX_MANIFEST_BYTES)
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        raise invalid(error, where) from error
