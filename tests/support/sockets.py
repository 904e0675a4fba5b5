# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that are no servers: what they send is written by hand, byte for byte."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Reaction = Callable[[socket.socket, bytes], None]


def whole_request(peer: socket.socket) -> bytes:
    """Reads a request with its body; closing a connection with unread bytes would reset it."""
    received = b""
    while part := peer.recv(65536):
        received += part
        head, end, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"^content-length: *(\d+)", head, re.M | re.I)
        if end and len(body) >= int(length[1] if length else 0):
            break
    return received


@contextmanager
def listening(react: Reaction, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Gives the port of a server that reads one request of each connection and reacts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer(connection: socket.socket) -> None:
            with suppress(OSError), connection, _secured(connection, context) as peer:
                react(peer, whole_request(peer))

        def serve() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    connection, _address = listener.accept()
                    connection.settimeout(10)
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _secured(connection: socket.socket, context: ssl.SSLContext | None) -> socket.socket:
    return connection.dup() if context is None else context.wrap_socket(connection, server_side=True)


def reply(status: str, body: bytes, *headers: str, length: int | None = None) -> Reaction:
    """Answers with a body, and says that it is `length` bytes long."""

    def react(peer: socket.socket, _request: bytes) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
        peer.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)

    return react
