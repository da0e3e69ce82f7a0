"""How routes are described in the OpenAPI document, and the document itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from attest.attestation.bundle import MEDIA_TYPE as BUNDLE_TYPE
from attest.attestation.bundle import Bundle
from attest.hub.service.examples import EXAMPLES
from attest.hub.service.hooks import Hook
from attest.hub.service.problems import MEDIA_TYPE as PROBLEM_TYPE
from attest.hub.service.problems import ProblemDetails
from attest.hub.service.wire import JSON, VerifyRequest
from attest.record import WireRecord

_TAKEN: tuple[type[BaseModel], ...] = (VerifyRequest, Hook, Bundle, ProblemDetails)
"""What is read from raw bodies, strictly, and so is unknown to the framework."""

_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "/v1/attestations": [{"token": []}],
    "/v1/verify": [{"token": []}, {}],
    "/hooks/huggingface": [{"webhook": []}],
}

_WHY = {
    401: "The token or secret is missing, or nobody's.",
    403: "The token may not do this.",
    404: "There is no such thing here.",
    408: "The body took too long.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "The request cannot be used as it is.",
    429: "Too many requests; see Retry-After.",
    503: "Something that the hub depends on does not answer; see Retry-After.",
}


def _problems(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    schema = {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
    return {
        status: {"description": _WHY[status], "content": {PROBLEM_TYPE: schema}}
        for status in statuses
    }


def responses(
    status: int, record: type[WireRecord], *problems: int
) -> dict[int | str, dict[str, Any]]:
    """What a route answers: a record with its status, and problems with theirs."""
    found: dict[int | str, dict[str, Any]] = {status: {"model": record}}
    if record.__name__ in EXAMPLES:
        found[status]["content"] = {JSON: {"example": EXAMPLES[record.__name__]}}
    return found | _problems(problems)


def bundle_responses() -> dict[int | str, dict[str, Any]]:
    """What a route answers that gives a bundle."""
    schema = {"schema": {"$ref": "#/components/schemas/Bundle"}}
    return {200: {"description": "A Sigstore bundle.", "content": {BUNDLE_TYPE: schema}}} | (
        _problems((404, 422, 429, 503))
    )


def takes(record: str, media_type: str = JSON) -> dict[str, Any]:
    """What a route takes in its body."""
    content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{record}"}}
    if record in EXAMPLES:
        content["example"] = EXAMPLES[record]
    return {"requestBody": {"required": True, "content": {media_type: content}}}


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the service."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    document = FastAPI.openapi(app)
    _, definitions = models_json_schema(
        [(model, "validation") for model in _TAKEN],
        by_alias=True,
        ref_template="#/components/schemas/{model}",
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in definitions["$defs"].items():
        schemas.setdefault(name, schema)
    document["components"]["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "webhook": {"type": "apiKey", "in": "header", "name": "X-Webhook-Secret"},
    }
    for path, schemes in _SECURITY.items():
        document["paths"][path]["post"]["security"] = schemes
    app.openapi_schema = document
    return document
