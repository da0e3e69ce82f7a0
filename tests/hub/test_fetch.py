"""The one HTTP client: it asks listed hosts, at public addresses, and for a bounded time."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_address
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from attest.errors import HubError, InputError
from attest.hub.addresses import is_public, resolve
from attest.hub.fetch import MAX_REDIRECTS, Fetcher, Host
from hub.stand_in import served


@contextmanager
def asking(*hosts: Host, timeout_s: float = 5) -> Iterator[Fetcher]:
    fetcher = Fetcher(hosts, timeout_s=timeout_s)
    try:
        yield fetcher
    finally:
        fetcher.close()


@contextmanager
def answering(path: str, answer: Any) -> Iterator[str]:
    async def endpoint(request: Request) -> Response:
        return answer(request)

    with served(Starlette(routes=[Route(path, endpoint)])) as origin:
        yield origin


def refused(call: Any, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert caught.value.reason == reason


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("0.0.0.0", "100.64.0.1", "192.0.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fc00::1", "fd00::1"),
        *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
        *("::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1"),
        *("2002:7f00:1::", "2002:0808:0808::1", "2001::1", "2001:db8::1", "fec0::1"),
    ],
)
def test_addresses_that_not_everybody_reaches_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_addresses_that_everybody_reaches_are_public(address: str) -> None:
    assert is_public(ip_address(address))


def answers_of_dns(monkeypatch: pytest.MonkeyPatch, *rounds: list[str]) -> list[int]:
    """The name server of the machine answers so, one list of addresses a question."""
    asked: list[int] = []

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        answer = rounds[min(len(asked), len(rounds) - 1)]
        asked.append(port)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in answer]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], ["169.254.169.254"], ["8.8.8.8", "10.0.0.1"], ["::ffff:10.0.0.1"]],
)
def test_names_that_lead_to_private_addresses_are_refused(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    answers_of_dns(monkeypatch, addresses)
    with asking(Host("https://hub.example.org")) as fetcher:
        refused(
            lambda: fetcher.get("https://hub.example.org", "/x", max_bytes=9), "private-address"
        )


def test_the_name_localhost_is_refused_too() -> None:
    with asking(Host("https://localhost")) as fetcher:
        refused(lambda: fetcher.get("https://localhost", "/x", max_bytes=9), "private-address")


def test_the_address_that_was_checked_is_the_one_connected_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A name server that answers with a public address first and a private one when asked again.
    asked = answers_of_dns(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    connected: list[Any] = []

    def create_connection(address: Any, *_: Any, **__: Any) -> socket.socket:
        connected.append(address)
        raise OSError("no network here")

    monkeypatch.setattr(socket, "create_connection", create_connection)
    with asking(Host("https://hub.example.org")) as fetcher, pytest.raises(HubError):
        fetcher.get("https://hub.example.org", "/x", max_bytes=9)
    assert (len(asked), connected) == (1, [("8.8.8.8", 443)])


def test_all_addresses_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering("/x", lambda _: Response(b"here")) as origin:
        port = int(origin.rpartition(":")[2])
        answers_of_dns(monkeypatch, ["127.0.0.2", "127.0.0.1"])
        with asking(Host(f"http://hub.test:{port}", may_be_private=True)) as fetcher:
            answer = fetcher.get(f"http://hub.test:{port}", "/x", max_bytes=9)
    assert answer.body == b"here"


def test_an_allowed_private_host_does_not_allow_its_neighbors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers_of_dns(monkeypatch, ["127.0.0.1"])
    hosts = (Host("http://hub.test:8000", may_be_private=True), Host("https://hub.test:9000"))
    with asking(*hosts) as fetcher:
        refused(lambda: fetcher.get("https://hub.test:9000", "/x", max_bytes=9), "private-address")


def test_a_name_without_address_may_have_one_later() -> None:
    with pytest.raises(HubError, match="has no address"):
        resolve("nothing.invalid", 443, may_be_private=False)


# Hosts and paths


@pytest.mark.parametrize(
    "origin",
    [
        *("http://hub.example.org", "https://Hub.example.org", "https://hub.example.org/"),
        *("https://a@hub.example.org", "ftp://hub.example.org", "https://", "hub.example.org"),
        *("https://hub.example.org/api", "https://hub.example.org?x", "https://hüb.example.org"),
    ],
)
def test_an_origin_is_scheme_name_and_port_alone(origin: str) -> None:
    refused(lambda: Host(origin), "origin")


def test_a_host_that_is_not_listed_is_not_asked() -> None:
    with asking(Host("https://hub.example.org")) as fetcher:
        refused(
            lambda: fetcher.get("https://elsewhere.example.org", "/x", max_bytes=9),
            "host-not-allowed",
        )


@pytest.mark.parametrize("path", ["x", "//x", "/a/../b", "/a/./b", "/a//b", "/a/", ""])
def test_a_path_reaches_no_other_endpoint(path: str) -> None:
    with asking(Host("https://hub.example.org")) as fetcher:
        refused(lambda: fetcher.get("https://hub.example.org", path, max_bytes=9), "path")


def test_a_path_is_escaped_once() -> None:
    seen: list[str] = []

    def answer(request: Request) -> Response:
        seen.append(request.scope["raw_path"].decode())
        return Response(b"")

    with (
        answering("/{path:path}", answer) as origin,
        asking(Host(origin, may_be_private=True)) as fetcher,
    ):
        fetcher.get(origin, "/a b/?x#y/%2e%2e/ü", max_bytes=9)
    assert seen == ["/a%20b/%3Fx%23y/%252e%252e/%C3%BC"]


# Redirects


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://elsewhere.example.org/x",
        "//elsewhere.example.org/x",
        "file:///etc/passwd",
        "http://127.0.0.1@elsewhere.example.org/x",
        "http://127.0.0.1:1/x",
    ],
)
def test_no_redirect_leads_to_another_host(location: str) -> None:
    with (
        answering("/x", lambda _: Response(status_code=302, headers={"Location": location})) as at,
        asking(Host(at, may_be_private=True)) as fetcher,
    ):
        refused(lambda: fetcher.get(at, "/x", max_bytes=9), "redirected-elsewhere")


def test_a_redirect_on_the_same_host_is_followed_a_few_times() -> None:
    def answer(request: Request) -> Response:
        n = int(request.path_params["n"])
        return Response(b"end") if n == 0 else RedirectResponse(f"/{n - 1}")

    with answering("/{n}", answer) as at, asking(Host(at, may_be_private=True)) as fetcher:
        assert fetcher.get(at, f"/{MAX_REDIRECTS}", max_bytes=9).body == b"end"
        with pytest.raises(HubError, match="sent on more than 3 times"):
            fetcher.get(at, f"/{MAX_REDIRECTS + 1}", max_bytes=9)


@pytest.mark.parametrize("location", ["http://[", "", "/\x7f", "/ü"])
def test_a_strange_location_is_no_defect(location: str) -> None:
    with (
        answering(
            "/{path:path}",
            lambda request: Response(
                status_code=302 if request.url.path == "/x" else 200,
                headers={"Location": location},
            ),
        ) as at,
        asking(Host(at, may_be_private=True)) as fetcher,
        suppress(HubError, InputError),
    ):
        fetcher.get(at, "/x", max_bytes=9)


# Bodies and time


def endless() -> Iterator[bytes]:
    while True:
        yield b"x" * 65536


def test_an_endless_body_is_cut_off() -> None:
    with (
        answering("/x", lambda _: StreamingResponse(endless())) as at,
        asking(Host(at, may_be_private=True)) as fetcher,
    ):
        refused(lambda: fetcher.get(at, "/x", max_bytes=1_000_000), "too-large")
        refused(lambda: fetcher.hash(at, "/x", max_bytes=1_000_000), "too-large")


def test_nothing_is_decompressed() -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    with (
        answering("/x", lambda _: Response(bomb, headers={"Content-Encoding": "gzip"})) as at,
        asking(Host(at, may_be_private=True)) as fetcher,
    ):
        refused(lambda: fetcher.get(at, "/x", max_bytes=100_000_000), "compressed")


@contextmanager
def raw_server(*pieces: bytes, pause_s: float) -> Iterator[str]:
    """A server that sends `pieces` one by one, again and again, and pauses between them."""
    listener = socket.create_server(("127.0.0.1", 0))
    is_over = threading.Event()

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                while not is_over.is_set():
                    for piece in pieces:
                        connection.sendall(piece)
                        is_over.wait(pause_s)
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        is_over.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\n", *(b"X-A: b\r\n",) * 1000),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", *(b"x",) * 1000),
    ],
)
def test_one_deadline_holds_for_the_whole_answer(pieces: tuple[bytes, ...]) -> None:
    # Each byte comes in time; all of them together never would.
    with (
        raw_server(*pieces, pause_s=0.05) as at,
        asking(Host(at, may_be_private=True), timeout_s=0.5) as fetcher,
    ):
        begun = time.monotonic()
        with pytest.raises(HubError, match=r"no whole answer in 0\.5 s"):
            fetcher.get(at, "/x", max_bytes=2_000_000)
        assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"not http\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Long: " + b"y" * 200_000,
    ],
)
def test_what_is_not_http_is_the_hosts_fault(answer: bytes) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            try:
                connection.sendall(answer)
            except OSError:
                return

    thread = threading.Thread(target=serve)
    thread.start()
    at = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with asking(Host(at, may_be_private=True)) as fetcher, pytest.raises(HubError):
        fetcher.get(at, "/x", max_bytes=9)
    thread.join()
    listener.close()


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (404, InputError, "no such thing"),
        (401, InputError, "not permitted"),
        (403, InputError, "not permitted"),
        (429, HubError, "answered 429"),
        (500, HubError, "answered 500"),
        (204, HubError, "answered 204"),
    ],
)
def test_a_status_says_whom_it_concerns(status: int, error: type, words: str) -> None:
    with (
        answering("/x", lambda _: Response(status_code=status, headers={"Retry-After": "7"})) as at,
        asking(Host(at, may_be_private=True)) as fetcher,
        pytest.raises(error, match=words) as caught,
    ):
        fetcher.get(at, "/x", max_bytes=9)
    if error is HubError:
        assert caught.value.hint == "try again in 7 s"


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with (
        answering("/x", lambda _: Response(b"here")) as at,
        asking(Host(at, may_be_private=True)) as fetcher,
    ):
        assert fetcher.get(at, "/x", max_bytes=9).body == b"here"
