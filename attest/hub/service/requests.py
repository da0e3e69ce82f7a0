"""Bodies of requests: read up to a bound, and then strictly."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from attest.hub.service.problems import Problem

MAX_BODY_BYTES = 1024 * 1024
"""Largest body of whoever bears no token."""
BODY_TIMEOUT_S = 30.0
"""Longest that a body may take to arrive."""


async def read_body(request: Request, *, max_bytes: int = MAX_BODY_BYTES) -> bytes:
    """The body of a request.

    Raises: Problem 413 if it is longer, without having read all of it; 415 if it is compressed;
        408 if it takes too long.
    """
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem(415, "compressed", "expected a body that is not compressed")
    announced = request.headers.get("content-length", "")
    too_large = Problem(413, "too-large", f"expected a body of at most {max_bytes} bytes")
    if announced.isdecimal() and int(announced[:20]) > max_bytes:
        raise too_large
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                found += chunk
                if len(found) > max_bytes:
                    raise too_large
    except TimeoutError as error:
        raise Problem(408, "slow", "the body took too long") from error
    return bytes(found)
