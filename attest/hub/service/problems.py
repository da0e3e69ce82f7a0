"""Answers to requests that cannot be served: problem details.

Source: RFC 9457.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from attest.errors import HubError, InputError
from attest.hub.logs import log_defect, warn
from attest.record import WireRecord

MEDIA_TYPE = "application/problem+json"


class ProblemDetails(WireRecord):
    """What was wrong with a request."""

    status: int
    reason: str
    """Stable code of what was wrong."""
    detail: str
    hint: str | None = None


class Problem(Exception):  # noqa: N818 - so RFC 9457 calls it
    """A request that cannot be served."""

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(detail)
        self.details = ProblemDetails(status=status, reason=reason, detail=detail, hint=hint)
        self.headers = headers

    def response(self) -> Response:
        """The answer."""
        headers = dict(self.headers)
        if self.details.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return Response(
            json.dumps(self.details.to_dict()),
            self.details.status,
            headers,
            media_type=MEDIA_TYPE,
        )


async def answer_problem(_request: Request, error: Exception) -> Response:
    """The answer to a request that raised a `Problem`."""
    assert isinstance(error, Problem)
    return error.response()


async def answer_input_error(_request: Request, error: Exception) -> Response:
    """The answer to a request whose content cannot be used."""
    assert isinstance(error, InputError)
    return Problem(422, error.reason, str(error), hint=error.hint).response()


async def answer_hub_error(_request: Request, error: Exception) -> Response:
    """The answer while something that we depend on does not answer."""
    assert isinstance(error, HubError)
    warn("unavailable")
    detail = "something that the hub depends on does not answer"
    return Problem(503, "unavailable", detail, headers={"Retry-After": "5"}).response()


async def answer_defect(_request: Request, _error: Exception) -> Response:
    """The answer to a request that met a defect of ours; the log knows where."""
    log_defect("defect")
    return Problem(500, "defect", "this is a defect of the hub").response()
