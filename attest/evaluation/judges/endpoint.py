"""One question to a model behind an OpenAI-compatible endpoint, bounded in every direction.

Retried are only failures that pass: no connection, no time, too many requests, a server at fault.
The key goes to the given address alone, never through a redirect or a proxy of the environment.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from attest.canonical import canonical_bytes, parse_json
from attest.errors import EvaluationError, InputError

if TYPE_CHECKING:
    from httpx2 import Client, Response

MAX_REPLY_BYTES = 1024 * 1024
MAX_REPLY_TOKENS = 512
CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 120.0
"""Longest wait for the next byte."""
REPLY_TIMEOUT_S = 300.0
"""Longest time for a whole reply."""
ATTEMPTS = 4
FIRST_WAIT_S = 1.0
"""Between the first two attempts; it doubles each time."""
MAX_WAIT_S = 60.0

_PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_THIS_QUESTION = frozenset({400, 413, 422})
"""The endpoint will not take this question; others it may."""


@dataclass(frozen=True)
class Endpoint:
    """Where a model answers, and as whom it is asked."""

    url: str
    """Up to and without `/chat/completions`, such as https://example.org/v1."""
    key: str | None = field(default=None, repr=False)
    """Sent as a bearer token; never recorded and never shown."""
    first_wait_s: float = FIRST_WAIT_S

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
            raise InputError(
                f"expected an https address, found {self.url!r}",
                reason="endpoint",
                hint="plain http is taken on this machine only",
            )
        if parts.username is not None or parts.query or parts.fragment:
            raise InputError(
                "expected an address without a user name, a query or a fragment", reason="endpoint"
            )


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


class _PassingError(Exception):
    """A failure that may be gone next time."""

    def __init__(self, what: str, wait_s: float | None = None) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class Connection:
    """An open connection to an endpoint; several threads may ask through it."""

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        """Ask `endpoint` through `client`."""
        self._endpoint, self._client = endpoint, client
        self._is_stopped = threading.Event()

    def stop(self) -> None:
        """Let no question be asked again, so that whoever waits need not wait long."""
        self._is_stopped.set()

    def ask(self, model: str, question: str) -> str | None:
        """The reply to `question`, greedy; None if the endpoint refuses to take the question.

        Raises:
            InputError: the endpoint does not know the key or the model, or speaks otherwise.
            EvaluationError: it could not be reached in several attempts.
        """
        body = canonical_bytes(
            {
                "max_tokens": MAX_REPLY_TOKENS,
                "messages": [{"content": question, "role": "user"}],
                "model": model,
                "stream": False,
                "temperature": 0,
            }
        )
        wait_s, last = self._endpoint.first_wait_s, ""
        for attempt in range(ATTEMPTS):
            if attempt:
                if self._is_stopped.wait(wait_s):
                    break
                wait_s = min(2 * wait_s, MAX_WAIT_S)
            try:
                return self._once(body)
            except _PassingError as error:
                last = str(error)
                if error.wait_s is not None:
                    wait_s = min(error.wait_s, MAX_WAIT_S)
        raise EvaluationError(
            f"{self._endpoint.url} did not answer in {ATTEMPTS} attempts: {last}",
            hint="run the same command again: finished answers are kept",
        )

    def _once(self, body: bytes) -> str | None:
        import httpx2

        url = self._endpoint.url.rstrip("/") + "/chat/completions"
        headers = {"content-type": "application/json"}
        if self._endpoint.key is not None:
            headers["authorization"] = f"Bearer {self._endpoint.key}"
        try:
            with self._client.stream("POST", url, content=body, headers=headers) as response:
                if response.status_code in _PASSING:
                    raise _PassingError(f"status {response.status_code}", _retry_after(response))
                if response.status_code in _THIS_QUESTION:
                    return None
                if response.status_code != 200:
                    raise InputError(
                        f"expected status 200, found {response.status_code}",
                        reason="endpoint",
                        where=url,
                        hint="check the address, the key and the name of the model",
                    )
                data = _bounded(response, url)
        except httpx2.RequestError as error:
            raise _PassingError(type(error).__name__) from error
        return _content(data, url)


@contextmanager
def connection(endpoint: Endpoint) -> Iterator[Connection]:
    """A connection to `endpoint`.

    Raises: InputError with reason `missing-extra` where no HTTP client is installed.
    """
    try:
        import httpx2
    except ImportError as error:
        raise InputError(
            f"asking an endpoint needs {error.name}",
            reason="missing-extra",
            hint="pip install 'attest-weights[endpoint]'",
        ) from error
    timeout = httpx2.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    with httpx2.Client(timeout=timeout, follow_redirects=False, trust_env=False) as client:
        yield Connection(endpoint, client)


def _bounded(response: Response, url: str) -> bytes:
    data, started = bytearray(), time.monotonic()
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > MAX_REPLY_BYTES:
            raise InputError(
                f"expected at most {MAX_REPLY_BYTES} bytes", reason="too-large", where=url
            )
        if time.monotonic() - started > REPLY_TIMEOUT_S:
            raise _PassingError("the reply took too long")
    return bytes(data)


def _retry_after(response: Response) -> float | None:
    stated = response.headers.get("retry-after", "")
    return float(stated) if stated.isascii() and stated.isdigit() and len(stated) < 6 else None


def _content(data: bytes, url: str) -> str:
    match parse_json(data, what=url, max_bytes=MAX_REPLY_BYTES):
        case {"choices": [{"message": {"content": str(content)}}, *_]}:
            return content
        case {"choices": [{"message": {}}, *_]}:
            return ""  # a model that said nothing gave no verdict
    raise InputError(
        "expected a chat completion, found another document", reason="endpoint", where=url
    )
