"""Requests that nobody thought of, made from the OpenAPI document: none of them is a defect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from attest.hub.service.app import create_app
from place import TOKEN, WEBHOOK_SECRET, Place

HEADERS = {"Authorization": f"Bearer {TOKEN}", "X-Webhook-Secret": WEBHOOK_SECRET}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


OPERATIONS = [
    "POST /hooks/huggingface",
    "POST /v1/verify",
    "POST /v1/attestations",
    "GET /v1/subjects/{subject}",
    "GET /v1/attestations/{sha256}",
    "GET /v1/attestations/{sha256}/bundle",
    "GET /v1/verdicts/{key}",
    "GET /v1/verdicts/{key}/summary",
    "GET /v1/deliveries/{key}",
    "GET /healthz",
    "GET /metrics",
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def api(
    request: pytest.FixtureRequest,
    first_place: Place,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[schemathesis.BaseSchema]:
    folder = tmp_path_factory.mktemp("openapi")
    database = f"sqlite:///{folder / 'hub.db'}"
    if request.param == "postgresql":
        database = request.getfixturevalue("postgres").new_database()
    place = Place(folder, first_place.release, first_place.world, first_place.hub_key)
    limits = {"requests_per_minute": "1000000"}
    with place.open(database, limits=limits) as hub:
        yield schemathesis.openapi.from_asgi("/openapi.json", create_app(hub))


def test_every_operation_is_tried(api: schemathesis.BaseSchema) -> None:
    found = {
        f"{method.upper()} {path}"
        for path, methods in api.raw_schema["paths"].items()
        for method in methods
    }
    assert found == set(OPERATIONS)


# The plug-in of schemathesis 4.32 does not work with pytest 9.2, so its cases are drawn here.
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("label", OPERATIONS)
def test_no_request_meets_a_defect(
    api: schemathesis.BaseSchema, label: str, mode: GenerationMode
) -> None:
    method, path = label.split()
    operation = api[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def one(case: schemathesis.Case[Any]) -> None:
        response = case.call(headers=HEADERS)
        case.validate_response(response, checks=CHECKS)

    try:
        one()
    except Unsatisfiable:
        pytest.skip("there is no wrong way to ask this")
