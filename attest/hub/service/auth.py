"""Who may write: a token with the right scope, compared in constant time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from starlette.requests import Request

from attest.hub.hub import Hub
from attest.hub.policy import Policy, Scope, Token
from attest.hub.service.problems import Problem

MAX_CALLERS = 10_000
"""Most callers whose rate is remembered; of more, the one who has been quiet longest is forgotten.
"""


def token_of(request: Request, policy: Policy) -> Token | None:
    """The token that a request bears; None if it bears none.

    Raises: Problem 401 if it bears one that nobody has.
    """
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    token = policy.token(secret.strip().encode("utf-8")) if scheme.lower() == "bearer" else None
    if token is None:
        raise Problem(401, "token", "expected a token that this hub knows")
    return token


def require(token: Token | None, scope: Scope) -> Token:
    """The token, if it has this scope.

    Raises: Problem 401 without a token, 403 without the scope.
    """
    if token is None:
        raise Problem(401, "token", "expected a token: Authorization: Bearer TOKEN")
    if scope not in token.scopes:
        raise Problem(403, "scope", f"expected a token with the scope {scope}")
    return token


@dataclass
class _Bucket:
    left: float
    at: float


class RateLimit:
    """So many requests a minute for each caller, evenly; bursts up to a minute's worth."""

    def __init__(self) -> None:
        self._callers: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, caller: str, requests_per_minute: int) -> None:
        """Count one request of `caller`, who may make so many.

        Raises: Problem 429 that says when to try again.
        """
        now, most = time.monotonic(), float(requests_per_minute)
        with self._lock:
            bucket = self._callers.setdefault(caller, _Bucket(most, now))
            self._callers.move_to_end(caller)
            while len(self._callers) > MAX_CALLERS:
                self._callers.popitem(last=False)
            bucket.left = min(most, bucket.left + (now - bucket.at) * most / 60)
            bucket.at = now
            if bucket.left < 1:
                seconds = (1 - bucket.left) * 60 / most
                raise Problem(
                    429, "rate", "too many requests", headers={"Retry-After": f"{seconds:.0f}"}
                )
            bucket.left -= 1


class Gate:
    """Who may ask how much."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._limit = RateLimit()

    def admit(self, request: Request) -> Token | None:
        """The token that a request bears, if it bears one, once the request is counted.

        Raises: Problem 401 for a token that nobody has, 429 for too many requests.
        """
        policy = self._hub.policy
        token = token_of(request, policy)
        address = request.client.host if request.client is not None else "unknown"
        caller = f"token {token.name}" if token is not None else f"address {address}"
        self._limit.check(caller, policy.file.limits.requests_per_minute)
        return token
