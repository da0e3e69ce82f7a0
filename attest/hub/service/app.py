"""The application: routes, errors, metrics and the log around them."""

from __future__ import annotations

import time

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from attest.errors import HubError, InputError
from attest.hub.hub import Hub
from attest.hub.judgement import VERIFIER
from attest.hub.logs import log
from attest.hub.service import api, lookups
from attest.hub.service.auth import Gate
from attest.hub.service.documents import openapi
from attest.hub.service.metrics import CONTENT_TYPE, Metrics
from attest.hub.service.problems import (
    Problem,
    answer_defect,
    answer_hub_error,
    answer_input_error,
    answer_problem,
)
from attest.hub.service.wire import JSON, Health
from attest.hub.store import deliveries
from attest.version import __version__


def create_app(hub: Hub, pages: APIRouter | None = None) -> FastAPI:
    """The service of `hub`.

    Args:
        hub: open.
        pages: routes for people; None serves programs alone.
    """
    metrics = Metrics()
    app = FastAPI(
        title="attest hub",
        version=__version__,
        description="Which files were measured under which model license, and by whom.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    gate = Gate(hub)
    app.include_router(api.router(hub, gate, metrics))
    app.include_router(lookups.router(hub, gate))
    app.include_router(_operations(hub, metrics))
    if pages is not None:
        app.include_router(pages)
    for error, answer in (
        (Problem, answer_problem),
        (InputError, answer_input_error),
        (HubError, answer_hub_error),
        (RequestValidationError, _answer_invalid),
        (HTTPException, _answer_http),
        (Exception, answer_defect),
    ):
        app.add_exception_handler(error, answer)
    app.add_middleware(_Observed, metrics=metrics)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]  # as FastAPI documents it
    return app


def _operations(hub: Hub, metrics: Metrics) -> APIRouter:
    operations = APIRouter()

    @operations.get("/healthz", responses={200: {"model": Health}})
    def health() -> Response:
        """Say that the hub and its database answer."""
        with hub.store.read() as connection:
            connection.execute(sa.select(1))
        found = Health(
            status="ok",
            verifier=VERIFIER,
            database=hub.store.engine.dialect.name,
            policy_is_current=hub.in_force.is_current,
        )
        return Response(found.to_json(), media_type=JSON)

    @operations.get(
        "/metrics",
        responses={200: {"description": "Metrics.", "content": {"text/plain": {}}}},
    )
    def measure() -> Response:
        """What Prometheus asks for."""
        with hub.store.read() as connection:
            counts = deliveries.count_by_state(connection)
        return Response(
            metrics.text(counts, policy_is_current=hub.in_force.is_current), media_type=CONTENT_TYPE
        )

    return operations


class _Observed:
    """Counts and logs every request by its route, and says how its answer is to be read."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-content-type-options", b"nosniff"))
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.count_request(method, route, status, seconds)
            # What was only read and found is counted, and worth no line.
            if method not in _READS or status >= 400:
                log(
                    "request",
                    method=method,
                    route=route,
                    status=status,
                    ms=round(seconds * 1000, 1),
                )


_READS = frozenset({"GET", "HEAD"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    where = ".".join(str(part) for part in error.errors()[0]["loc"])
    return Problem(422, "schema", f"{where} is not as the OpenAPI document says").response()


async def _answer_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    reason = {404: "not-found", 405: "method"}.get(error.status_code, "http")
    headers = error.headers or {}
    return Problem(error.status_code, reason, error.detail, headers=headers).response()
