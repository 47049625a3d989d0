"""Connections to public addresses only: a name is resolved once, checked, and connected as checked.

A generator's answer names the host that its audio is fetched from. Were it followed blindly, the
answer, or whoever controls that name's DNS, could make this machine read from its own network
(server-side request forgery, CWE-918). Checking a name and connecting to it later leaves a gap in
which it may change (DNS rebinding), so the very address that was checked is connected to.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RefusedAddressError(httpcore.ConnectError):
    """The name leads to an address that is not public."""


def is_public(address: Address) -> bool:
    """Return whether an address belongs to the public Internet.

    An IPv6 address that carries an IPv4 address (mapped, 6to4, Teredo, NAT64) is judged by both.
    """
    if isinstance(address, ipaddress.IPv6Address):
        nat64 = ipaddress.IPv6Network("64:ff9b::/96")
        if address in nat64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        teredo = address.teredo[1] if address.teredo else None
        carried = [a for a in (address.ipv4_mapped, address.sixtofour, teredo) if a is not None]
        if carried:
            return all(is_public(a) for a in carried)
    return address.is_global and not address.is_multicast


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects to public addresses, and to hosts that are allowed by name, until a deadline.

    Args:
        allowed: `host:port` that may be private; None where an operator chose the host.
        deadline_s: `time.monotonic()` after which every wait ends.
    """

    def __init__(self, allowed: Iterable[str] | None, deadline_s: float) -> None:
        self._allowed = None if allowed is None else frozenset(allowed)
        self._deadline_s = deadline_s
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve a name, refuse it if any of its addresses is not public, and connect.

        Raises:
            RefusedAddressError: If one is not.
            httpcore.ConnectError: If the name is not known or nobody answers.
        """
        addresses = _resolved(host, port)
        private = [a for a in addresses if not is_public(a)]
        if private and self._allowed is not None and f"{host}:{port}" not in self._allowed:
            raise RefusedAddressError(f"{host} leads to {private[0]}, which is not public")
        stream = self._plain.connect_tcp(
            str(addresses[0]), port, _left(self._deadline_s, timeout), local_address, socket_options
        )
        return _TimedStream(stream, self._deadline_s)


class _TimedStream(httpcore.NetworkStream):
    """A stream whose every wait also ends at a deadline; drops that trickle in win no time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline_s: float) -> None:
        self._stream = stream
        self._deadline_s = deadline_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline_s, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline_s, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(self._deadline_s, timeout)
        secured = self._stream.start_tls(ssl_context, server_hostname, left)
        return _TimedStream(secured, self._deadline_s)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _resolved(host: str, port: int) -> list[Address]:
    """Return every address of a name.

    Raises:
        httpcore.ConnectError: If there is none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(f"{host} has no address") from error
    return [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]


def _left(deadline_s: float, timeout: float | None) -> float:
    """Return how long a wait may last.

    Raises:
        httpcore.ReadTimeout: If the deadline has passed.
    """
    left = deadline_s - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("it took too long in all")
    return left if timeout is None else min(left, timeout)
