"""Which network addresses a hub connects to: public ones, unless its operator says otherwise.

Whoever may name a repository could otherwise make the hub ask its own neighbours. A name is looked
up once, every address of the answer must be allowed, and the connection goes to that very address,
so a name server that answers differently the next time changes nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from time import monotonic
from typing import Any

import httpcore2

from attest.errors import HubError, InputError

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""The only part of IPv6 from which addresses of the internet have been given out."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that a gateway turns into the IPv4 address in their last four bytes."""

SocketOptions = Iterable[Any] | None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """True if `address` is one that anybody on the internet could connect to as well.

    An IPv6 address that stands for an IPv4 address is as public as that one is.
    Source: IANA special-purpose address registries, as `ipaddress` has them; RFC 4291 §2.4 and
        §2.5.5, RFC 3056, RFC 6052.
    """
    if isinstance(address, IPv6Address):
        if address in _NAT64:
            return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address not in _GLOBAL_UNICAST or address.sixtofour is not None:
            return False
    return address.is_global and not address.is_multicast


def resolve(host: str, port: int, *, may_be_private: bool) -> list[str]:
    """The addresses of `host`, all of them allowed.

    Raises: InputError with reason `private-address`; HubError if the name has no address.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HubError(f"{host}: the name has no address") from error
    # Each answer ends in a socket address, which begins with the address as text.
    addresses = list(dict.fromkeys(str(answer[4][0]) for answer in found))
    if not may_be_private:
        for address in addresses:
            if not is_public(ip_address(address)):
                raise InputError(
                    f"{address} is not a public address",
                    reason="private-address",
                    where=host,
                    hint="the operator can allow it: in the policy file, or with --unsafe-private",
                )
    return addresses


class CheckedBackend(httpcore2.NetworkBackend):
    """Connects to allowed addresses alone; the timeouts that it is given are deadlines.

    A timeout between two bytes lets a server that sends one byte at a time hold a connection for
    ever, so what travels in the place of a timeout here is a moment of the monotonic clock.
    """

    def __init__(self, private: frozenset[tuple[str, int]]) -> None:
        self._private = private
        """Host and port pairs that may have private addresses."""
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: SocketOptions = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address of `host` that answers.

        Raises: InputError with reason `private-address`; HubError or an error of httpcore.
        """
        *first, last = resolve(host, port, may_be_private=(host, port) in self._private)
        for address in first:
            try:
                return self._connect(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return self._connect(last, port, timeout, local_address, socket_options)

    def _connect(
        self,
        address: str,
        port: int,
        deadline: float | None,
        local_address: str | None,
        socket_options: SocketOptions,
    ) -> httpcore2.NetworkStream:
        stream = self._inner.connect_tcp(
            address, port, _left(deadline), local_address, socket_options
        )
        return _Stream(stream)


class _Stream(httpcore2.NetworkStream):
    """A connection that is given deadlines instead of timeouts."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _left(deadline: float | None) -> float:
    assert deadline is not None, "every request has a deadline"
    left = deadline - monotonic()
    if left <= 0:
        raise httpcore2.ReadTimeout("the deadline has passed")
    return left
