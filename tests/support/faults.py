# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before a server that counts requests, adds latency, speaks TLS, and fails on command."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

LOGIN = "POST /api/v1/auth/universal-auth/login"
LIST = "GET /api/v4/secrets"
OLDER_LIST = "GET /api/v3/secrets/raw"


@dataclass
class Fault:
    """What happens instead of, or before, the next request for `asked`.

    kind: reset, stall (until the client gives up), half (of the real answer), refuse (with status and body), or
    revoke (the token of the request is revoked first, and then it is passed on).
    """

    asked: str
    kind: str
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


class FaultyProxy:
    """`requests` counts what came, as "METHOD /path". latency: seconds before each answer."""

    def __init__(self, target: str, context: ssl.SSLContext | None = None) -> None:
        self.target = urlsplit(target)
        self.latency = 0.0
        self.requests: Counter[str] = Counter()
        self.faults: list[Fault] = []
        self.closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.scheme = "https" if context else "http"
        self.port = self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    @property
    def reads(self) -> tuple[int, int]:
        """How many logins, and how many lists."""
        return self.requests[LOGIN], self.requests[LIST] + self.requests[OLDER_LIST]

    def clear(self) -> None:
        self.requests.clear()
        self.faults.clear()
        self.latency = 0.0

    def take(self, asked: str) -> Fault | None:
        """Counts a request; the fault that was meant for it."""
        with self._lock:
            self.requests[asked] += 1
            for fault in self.faults:
                if fault.asked == asked:
                    self.faults.remove(fault)
                    return fault
        return None

    def forward(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(str(self.target.hostname), self.target.port, timeout=60)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    @contextmanager
    def running(self) -> Iterator[FaultyProxy]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join(10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are a part of the tests."""


def _handler_of(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = urlsplit(self.path).path
            fault = proxy.take(f"{self.command} {path}")
            self.close_connection = True
            time.sleep(proxy.latency)
            if fault is not None and fault.kind == "reset":
                self._reset()
            elif fault is not None and fault.kind == "stall":
                proxy.closing.wait(60)
            elif fault is not None and fault.kind == "refuse":
                self._answer(fault.status, fault.headers, json.dumps(fault.body).encode())
            else:
                if fault is not None and fault.kind == "revoke":
                    self._revoke()
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")
                }
                status, answered, content = proxy.forward(self.command, self._relative(), headers, body)
                self._answer(status, answered, content, half=fault is not None and fault.kind == "half")

        def _relative(self) -> str:
            """The path, also of a request that came to us as to a forward proxy."""
            parts = urlsplit(self.path)
            return parts.path + (f"?{parts.query}" if parts.query else "")

        def _revoke(self) -> None:
            token = self.headers["Authorization"].removeprefix("Bearer ")
            headers = {"Content-Type": "application/json"}
            content = json.dumps({"accessToken": token}).encode()
            status, _headers, _body = proxy.forward("POST", "/api/v1/auth/token/revoke", headers, content)
            assert status == 200

        def _reset(self) -> None:
            with suppress(OSError):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

        def _answer(self, status: int, headers: dict[str, str], content: bytes, half: bool = False) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if half else content)

        def log_message(self, format: str, *args: Any) -> None:  # the base names it so
            """The counters say enough."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._pass)
    return Handler
