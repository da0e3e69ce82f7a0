"""The door of an OCI registry, against a registry that answers as the specification says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from attest.attestation.bundle import MEDIA_TYPE
from attest.canonical import sha256_hex
from attest.errors import HubError, InputError
from attest.hub.doors.oci import (
    FILEPATH,
    INDEX_TYPE,
    MANIFEST_TYPE,
    MODEL_TYPE,
    Reference,
    open_oci,
)
from attest.hub.doors.snapshot import Snapshot
from attest.hub.fetch import Fetcher, Host
from hub.stand_in import served
from hub.uploaded import Uploaded

EMPTY = {
    "mediaType": "application/vnd.oci.empty.v1+json",
    "digest": f"sha256:{sha256_hex(b'{}')}",
    "size": 2,
}
KINDS = {".safetensors": "weight", ".json": "weight.config", ".md": "doc"}


def digest_of(data: bytes) -> str:
    return f"sha256:{sha256_hex(data)}"


@dataclass
class Registry:
    """Content by digest, tags, and referrers."""

    stored: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    referrers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    has_api: bool = True
    page_size: int = 100

    def put(self, data: bytes) -> str:
        self.stored[digest_of(data)] = data
        return digest_of(data)

    def layer(self, path: str, data: bytes, **changes: Any) -> dict[str, Any]:
        kind = next((kind for suffix, kind in KINDS.items() if path.endswith(suffix)), "code")
        return {
            "mediaType": f"application/vnd.cncf.model.{kind}.v1.raw",
            "digest": self.put(data),
            "size": len(data),
            "annotations": {FILEPATH: path},
        } | changes

    def push(self, layers: list[dict[str, Any]], **changes: Any) -> str:
        """The digest of a new model manifest."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "artifactType": MODEL_TYPE,
            "config": {**EMPTY, "mediaType": "application/vnd.cncf.model.config.v1+json"},
            "layers": layers,
        } | changes
        return self.put(json.dumps(manifest).encode())

    def push_files(self, files: dict[str, bytes]) -> str:
        return self.push([self.layer(path, data) for path, data in files.items()])

    def attest(self, subject: str, bundle: bytes, *, says: str | None = None) -> str:
        """Add a bundle as a referrer of `subject`, as cosign does."""
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST_TYPE,
                "artifactType": MEDIA_TYPE,
                "config": EMPTY,
                "layers": [
                    {"mediaType": MEDIA_TYPE, "digest": self.put(bundle), "size": len(bundle)}
                ],
                "subject": {"mediaType": MANIFEST_TYPE, "digest": says or subject, "size": 1},
                "annotations": {"dev.sigstore.bundle.content": "dsse-envelope"},
            }
        ).encode()
        self.referrers.setdefault(subject, []).append(
            {
                "mediaType": MANIFEST_TYPE,
                "artifactType": MEDIA_TYPE,
                "digest": self.put(manifest),
                "size": len(manifest),
            }
        )
        return digest_of(manifest)

    def index(self, manifests: list[dict[str, Any]]) -> bytes:
        value = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
        return json.dumps(value).encode()

    def app(self) -> Starlette:
        async def stored(request: Request) -> Response:
            name = request.path_params["reference"]
            digest = self.tags.get(name, name)
            if digest not in self.stored:
                return Response(status_code=404)
            return Response(self.stored[digest], headers={"Docker-Content-Digest": digest})

        async def referrers(request: Request) -> Response:
            if not self.has_api:
                return Response(status_code=404)
            found = self.referrers.get(request.path_params["digest"], [])
            begin = int(request.query_params.get("last", "0"))
            headers = {}
            if begin + self.page_size < len(found):
                path = request.url.path
                headers["Link"] = f'<{path}?last={begin + self.page_size}>; rel="next"'
            page = found[begin : begin + self.page_size]
            return Response(self.index(page), media_type=INDEX_TYPE, headers=headers)

        return Starlette(
            routes=[
                Route("/v2/models/tiny/manifests/{reference}", stored),
                Route("/v2/models/tiny/blobs/{reference}", stored),
                Route("/v2/models/tiny/referrers/{digest}", referrers),
            ]
        )


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.put(b"{}")
    return registry


@pytest.fixture
def origin(registry: Registry) -> Iterator[str]:
    with served(registry.app()) as origin:
        yield origin


@pytest.fixture
def fetcher(origin: str) -> Iterator[Fetcher]:
    fetcher = Fetcher([Host(origin, may_be_private=True)])
    yield fetcher
    fetcher.close()


def without_attestation(uploaded: Uploaded) -> dict[str, bytes]:
    return {
        path: data for path, data in uploaded.files.items() if not path.startswith("attestations/")
    }


def pulled(fetcher: Fetcher, origin: str, digest: str, **options: bool) -> Snapshot:
    return open_oci(fetcher, Reference(origin, "models/tiny", digest), **options)


@pytest.mark.parametrize("has_api", [True, False])
def test_layers_are_files_and_referrers_attest_them(
    registry: Registry, origin: str, fetcher: Fetcher, uploaded: Uploaded, has_api: bool
) -> None:
    digest = registry.push_files(without_attestation(uploaded))
    referrer = registry.attest(digest, uploaded.bundle)
    registry.has_api = has_api
    if not has_api:
        tag = digest.replace(":", "-")
        registry.tags[tag] = registry.put(registry.index(registry.referrers[digest]))

    snapshot = pulled(fetcher, origin, digest)
    assert (snapshot.name, snapshot.revision) == ("models/tiny", digest)
    assert (snapshot.checked, list(snapshot.bundles)) == ("listed-hash", [referrer])
    assert snapshot.base_models == ("example/base-model", "another/base")
    verdict = snapshot.check(uploaded.license, uploaded.trust, uploaded.now)
    assert verdict.state == "passed", verdict.problems

    read = pulled(fetcher, origin, digest, reads_bytes=True)
    assert read.checked == "served-bytes"
    assert read.check(uploaded.license, uploaded.trust, uploaded.now).state == "passed"


def test_a_registry_that_serves_other_weights_is_caught(
    registry: Registry, origin: str, fetcher: Fetcher, uploaded: Uploaded
) -> None:
    files = without_attestation(uploaded)
    digest = registry.push_files(files)
    registry.attest(digest, uploaded.bundle)
    weights = files["model.safetensors"]
    registry.stored[digest_of(weights)] = weights[:-1] + b"?"
    verdict = pulled(fetcher, origin, digest, reads_bytes=True).check(
        uploaded.license, uploaded.trust, uploaded.now
    )
    assert verdict.state == "files-changed"


def test_a_referrer_of_something_else_is_passed_over(
    registry: Registry, origin: str, fetcher: Fetcher, uploaded: Uploaded
) -> None:
    digest = registry.push_files(without_attestation(uploaded))
    registry.attest(digest, uploaded.bundle, says=digest_of(b"another"))
    assert pulled(fetcher, origin, digest).bundles == {}


def test_all_pages_of_referrers_are_read(
    registry: Registry, origin: str, fetcher: Fetcher, uploaded: Uploaded
) -> None:
    digest = registry.push_files(without_attestation(uploaded))
    for number in range(5):
        registry.attest(digest, b"{%d}" % number)
    registry.page_size = 2
    assert len(pulled(fetcher, origin, digest).bundles) == 5


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mediaType": "application/vnd.cncf.model.weight.v1.tar"}, "packed-layer"),
        ({"mediaType": "application/vnd.cncf.model.weight.v1.tar+zstd"}, "packed-layer"),
        ({"mediaType": "application/octet-stream"}, "packed-layer"),
        ({"annotations": {}}, "schema"),
        ({"annotations": {FILEPATH: "../up"}}, "schema"),
        ({"annotations": {FILEPATH: "/abs"}}, "schema"),
        ({"annotations": {FILEPATH: "config.json"}}, "listed-twice"),
        ({"digest": "md5:1"}, "schema"),
    ],
)
def test_a_layer_that_is_no_file_is_refused(
    registry: Registry,
    origin: str,
    fetcher: Fetcher,
    uploaded: Uploaded,
    changes: dict[str, Any],
    reason: str,
) -> None:
    layers = [registry.layer("config.json", b"{}"), registry.layer("x.json", b"[]", **changes)]
    with pytest.raises(InputError) as caught:
        pulled(fetcher, origin, registry.push(layers))
    assert caught.value.reason == reason


def test_what_is_no_model_is_refused(registry: Registry, origin: str, fetcher: Fetcher) -> None:
    other = registry.push([], artifactType="application/vnd.example+json")
    with pytest.raises(InputError, match="expected an artifact of type"):
        pulled(fetcher, origin, other)
    with pytest.raises(InputError):
        pulled(fetcher, origin, registry.put(b'{"schemaVersion": 2, "schemaVersion": 2}'))


def test_a_manifest_must_have_the_digest_that_was_asked_for(
    registry: Registry, origin: str, fetcher: Fetcher
) -> None:
    digest = registry.push([])
    registry.stored[digest] = registry.stored[registry.push([registry.layer("a.json", b"{}")])]
    with pytest.raises(HubError, match="other bytes than the digest names"):
        pulled(fetcher, origin, digest)


def test_a_manifest_is_named_by_its_digest() -> None:
    good = f"registry.example.org:5000/models/tiny@sha256:{'1' * 64}"
    assert Reference.parse(good) == Reference(
        "https://registry.example.org:5000", "models/tiny", f"sha256:{'1' * 64}"
    )
    for text in (
        *("registry.example.org/tiny:latest", "tiny@sha256:" + "1" * 64, good[:-1]),
        good.replace("tiny", "../x"),
        good.replace("tiny", "Tiny"),
        good.replace("/models", "/models/"),
    ):
        with pytest.raises(InputError, match="expected registry/name"):
            Reference.parse(text)
