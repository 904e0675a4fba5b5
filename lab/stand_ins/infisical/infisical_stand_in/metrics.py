# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics in Prometheus' text format, on a port of their own and without a login, as the real server offers them."""

from __future__ import annotations

import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = "infisical_http_server_requests_total"


class Metrics:
    """How many requests were answered, by method and status."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, int]] = Counter()
        self.lock = threading.Lock()

    def count(self, method: str, status: int) -> None:
        with self.lock:
            self.answered[method, status] += 1

    def text(self) -> str:
        lines = [f"# HELP {NAME} Requests answered", f"# TYPE {NAME} counter"]
        with self.lock:
            for (method, status), number in sorted(self.answered.items()):
                lines.append(f'{NAME}{{method="{method}",status_code="{status}"}} {number}')
        return "\n".join(lines) + "\n"

    def serve(self, address: str, port: int) -> None:
        """Answer at /metrics, in a thread."""
        metrics = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                known = self.path == "/metrics"
                body = metrics.text().encode() if known else b""
                self.send_response(200 if known else 404)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Requests for metrics are no news."""

        server = ThreadingHTTPServer((address, port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
