# SPDX-License-Identifier: GPL-3.0-or-later
"""A listener in front of a Proxmox API: requests pass through it, and their answers break on command."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.support.sockets import listening

# Answers at a connection, and stops when the event is set.
Answering = Callable[[socket.socket, threading.Event], None]


class Front:
    """`port` is where it listens, with the certificate of the API that listens at the port `behind`."""

    def __init__(self, behind: int, certificate: str, key: str) -> None:
        self.port = 0
        self._behind = behind
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(certificate, key)
        self._client = ssl.create_default_context(cafile=certificate)
        self._broken: Callable[[socket.socket], None] | None = None
        self._asked = b""

    @contextmanager
    def listening(self) -> Iterator[Front]:
        with listening(self._react, self._server) as self.port:
            yield self

    @contextmanager
    def breaking(self, answering: Answering, asked: str) -> Iterator[None]:
        """Requests that begin with `asked` reach Proxmox for as long as the block lasts, and its answers nobody."""
        over = threading.Event()
        self._asked, self._broken = asked.encode(), lambda peer: answering(peer, over)
        try:
            yield
        finally:
            self._broken = None
            over.set()

    def _react(self, peer: socket.socket, request: bytes) -> None:
        broken = self._broken
        answer = self._passed_on(request)
        if broken and request.startswith(self._asked):
            broken(peer)
        else:
            peer.sendall(answer)

    def _passed_on(self, request: bytes) -> bytes:
        """Proxmox's answer; it closes the connection after it, as the module asks it to."""
        with (
            socket.create_connection(("127.0.0.1", self._behind), 10) as plain,
            self._client.wrap_socket(plain, server_hostname="127.0.0.1") as api,
        ):
            api.sendall(request)
            return b"".join(iter(lambda: api.recv(65536), b""))


def sends(answer: bytes) -> Answering:
    """These bytes, and hangs up."""
    return lambda peer, _over: peer.sendall(answer)


def falls_silent(answer: bytes = b"") -> Answering:
    """These bytes, and then nothing, without hanging up."""

    def answering(peer: socket.socket, over: threading.Event) -> None:
        peer.sendall(answer)
        over.wait(60)

    return answering


def goes_on(answer: bytes, part: bytes, pause: float = 0) -> Answering:
    """These bytes, and then a part after the other without an end. pause: seconds before each."""

    def answering(peer: socket.socket, over: threading.Event) -> None:
        peer.sendall(answer)
        while not over.wait(pause):
            peer.sendall(part)

    return answering
