"""The one HTTP client of the hub: it asks the hosts of its operator, and nobody else.

Callers name an origin that is on the list and a path below it; no URL of theirs is ever followed.
An answer may send on to the same host, or to one that the operator lists as its download host.
Nothing is decompressed, so no small answer becomes a large one, and one deadline holds for the
whole of a request. Proxies, cookies and netrc files of the environment play no part.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import IO
from urllib.parse import quote, urlencode, urljoin, urlsplit

import httpcore2

from attest.canonical import Json, parse_json
from attest.errors import HubError, InputError
from attest.hub.addresses import CheckedBackend
from attest.version import __version__

TIMEOUT_S = 30.0
"""Longest that a whole answer of the API may take."""
DOWNLOAD_TIMEOUT_S = 6 * 3600.0
"""Longest that a download may take whose bytes are only hashed."""
MAX_REDIRECTS = 3
MAX_CONNECTIONS = 16

_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])"
    r"(:(?P<port>[0-9]{1,5}))?"
)
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True)
class Host:
    """A server that the operator lets the hub ask."""

    origin: str
    """Scheme, name and port, such as `https://huggingface.co`; a plain `http` origin is accepted
    with `may_be_private` alone, because anybody on the way could answer for it."""
    may_be_private: bool = False
    """Whether its address may be one that the internet cannot reach."""
    downloads: tuple[str, ...] = ()
    """Origins of other listed hosts to which it may send on, as hubs do for large files. The
    token does not go with it."""
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        match = _ORIGIN.fullmatch(self.origin)
        if match is None or (match["scheme"] == "http" and not self.may_be_private):
            raise InputError(
                f"expected an origin such as https://huggingface.co, found {self.origin[:100]!a}",
                reason="origin",
                hint="lower case, without a path; plain http only for a host that may be private",
            )

    @property
    def address(self) -> tuple[str, int]:
        """Name and port to connect to."""
        parts = urlsplit(self.origin)
        return parts.hostname or "", parts.port or _PORTS[parts.scheme]


@dataclass(frozen=True)
class Answer:
    """What a host said, whole."""

    body: bytes
    headers: Mapping[str, str]
    """By lower-case name; of several with one name the last."""

    def json(self, what: str) -> Json:
        """The body as strict JSON.

        Raises: InputError with a reason of `parse_json`.
        """
        return parse_json(self.body, what=what, max_bytes=len(self.body))


@dataclass(frozen=True)
class Streamed:
    """What came of a body that was hashed and not kept."""

    sha256: str
    size_bytes: int


class Fetcher:
    """Asks the listed hosts. Safe to share between threads; close it when done."""

    def __init__(self, hosts: Sequence[Host], *, timeout_s: float = TIMEOUT_S) -> None:
        self._hosts = {host.origin: host for host in hosts}
        self._timeout_s = timeout_s
        private = frozenset(host.address for host in hosts if host.may_be_private)
        self._pool = httpcore2.ConnectionPool(
            network_backend=CheckedBackend(private), max_connections=MAX_CONNECTIONS
        )

    def close(self) -> None:
        """Close the connections that are held open."""
        self._pool.close()

    def get(
        self,
        origin: str,
        path: str,
        *,
        max_bytes: int,
        query: Mapping[str, str] = MappingProxyType({}),
        accept: str = "*/*",
    ) -> Answer:
        """The answer to a GET, with status 200.

        Args:
            origin: of a listed host.
            path: below it, without percent escapes.
            max_bytes: refuse longer bodies.
            query: appended to the path.
            accept: media types that are understood.

        Raises: InputError with reason `host-not-allowed`, `private-address`,
            `redirected-elsewhere`, `compressed`, `too-large`, `not-found` or `not-permitted`;
            HubError if the host is busy, broken, too slow or does not speak HTTP.
        """
        answer = self.find(origin, path, max_bytes=max_bytes, query=query, accept=accept)
        if answer is None:
            raise InputError("there is no such thing", reason="not-found", where=origin + path)
        return answer

    def find(
        self,
        origin: str,
        path: str,
        *,
        max_bytes: int,
        query: Mapping[str, str] = MappingProxyType({}),
        accept: str = "*/*",
    ) -> Answer | None:
        """The same as `get`, with None where the host says that there is no such thing."""
        with self._open(origin, _target(path, query), accept, self._timeout_s) as response:
            if response.status == 404:
                return None
            body = b"".join(_body(response, max_bytes, origin + path))
            return Answer(body, _headers(response))

    def hash(
        self, origin: str, path: str, *, max_bytes: int, into: IO[bytes] | None = None
    ) -> Streamed:
        """Hash a body of any size; it is kept nowhere but in the file `into`, if there is one.

        Raises: the same as `get`.
        """
        sha256, n_bytes = hashlib.sha256(), 0
        with self._open(origin, _target(path, {}), "*/*", DOWNLOAD_TIMEOUT_S) as response:
            if response.status == 404:
                raise InputError("there is no such thing", reason="not-found", where=origin + path)
            for chunk in _body(response, max_bytes, origin + path):
                sha256.update(chunk)
                n_bytes += len(chunk)
                if into is not None:
                    into.write(chunk)
        return Streamed(sha256.hexdigest(), n_bytes)

    @contextmanager
    def _open(
        self, origin: str, target: str, accept: str, timeout_s: float
    ) -> Iterator[httpcore2.Response]:
        # CheckedBackend takes these for deadlines; waiting for a free connection is httpcore's.
        deadline = monotonic() + timeout_s
        timeouts = {**dict.fromkeys(("connect", "read", "write"), deadline), "pool": timeout_s}
        try:
            for _ in range(MAX_REDIRECTS + 1):
                host = self._host(origin)
                headers: dict[bytes | str, bytes | str] = {
                    "Accept": accept,
                    "Accept-Encoding": "identity",
                    "User-Agent": f"attest/{__version__}",
                }
                if host.token is not None:
                    headers["Authorization"] = f"Bearer {host.token}"
                with self._pool.stream(
                    "GET", origin + target, headers=headers, extensions={"timeout": timeouts}
                ) as response:
                    if response.status not in _REDIRECTS:
                        _check_status(response, origin)
                        yield response
                        return
                    location = _headers(response).get("location", "")
                    place = _redirected(host, target, location)
                    origin, target = place.origin, place.target
        except httpcore2.TimeoutException as error:
            raise HubError(f"{origin}: no whole answer in {timeout_s:g} s") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError) as error:
            raise HubError(f"{origin}: {str(error) or type(error).__name__}") from error
        raise HubError(f"{origin}: sent on more than {MAX_REDIRECTS} times")

    def _host(self, origin: str) -> Host:
        host = self._hosts.get(origin)
        if host is None:
            raise InputError(
                f"{origin[:100]!a} is not a host that the hub may ask",
                reason="host-not-allowed",
                hint="the operator lists the hosts in the policy file",
            )
        return host


def _target(path: str, query: Mapping[str, str]) -> str:
    # Whoever names a repository or a file must not reach another endpoint through dots.
    if not path.startswith("/") or any(part in ("", ".", "..") for part in path[1:].split("/")):
        raise InputError(
            "expected a path without empty, '.' or '..' parts", reason="path", where=ascii(path)
        )
    escaped = quote(path, safe="/:@")
    return f"{escaped}?{urlencode(query)}" if query else escaped


def _headers(response: httpcore2.Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
    }


def _check_status(response: httpcore2.Response, origin: str) -> None:
    if response.status in (200, 404):
        return
    if response.status in _REFUSED:
        raise InputError(
            f"answered {response.status}: not permitted",
            reason="not-permitted",
            where=origin,
            hint="a private or gated repository needs a token of the operator",
        )
    retry_after = _headers(response).get("retry-after", "")
    raise HubError(
        f"{origin}: answered {response.status}",
        hint=f"try again in {retry_after} s" if retry_after.isdecimal() else None,
    )


def _body(response: httpcore2.Response, max_bytes: int, where: str) -> Iterator[bytes]:
    encoding = _headers(response).get("content-encoding", "identity")
    if encoding.lower() != "identity":
        raise InputError(
            f"a body with the encoding {encoding[:40]!a}, which was not asked for",
            reason="compressed",
            where=where,
        )
    n_bytes = 0
    for chunk in response.iter_stream():
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise InputError(
                f"expected at most {max_bytes} bytes, found more", reason="too-large", where=where
            )
        yield chunk


@dataclass(frozen=True)
class _Place:
    origin: str
    target: str
    """Path and query, escaped."""


def _redirected(host: Host, target: str, location: str) -> _Place:
    """Where `location` leads to, if the operator allows that."""
    try:
        parts = urlsplit(urljoin(host.origin + target, location))
    except ValueError as error:
        raise HubError(f"{host.origin}: sent on to something that is no URL") from error
    origin = f"{parts.scheme}://{parts.netloc}"
    if origin not in (host.origin, *host.downloads):
        raise InputError(
            f"sent on to {origin[:100]!a}, another host",
            reason="redirected-elsewhere",
            where=host.origin,
            hint="the operator can list it as a download host",
        )
    # What is escaped already stays so; anything else that has no place in a URL is escaped.
    target = quote(f"{parts.path or '/'}?{parts.query}".rstrip("?"), safe="/?%:@!$&'()*+,;=~")
    return _Place(origin, target)
