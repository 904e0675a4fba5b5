# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the server as the module judges it, against real servers with certificates of a private authority."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.modules import printed_by


class Status(BaseHTTPRequestHandler):
    """Answers as /api/status does."""

    def do_GET(self) -> None:
        body = json.dumps({"message": "Ok"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Nothing of it in the tests' output."""


class Quiet(ThreadingHTTPServer):
    """Says nothing of a handshake that the client gave up."""

    def handle_error(self, *_about: Any) -> None: ...


@contextmanager
def secured(authority: Authority, days: float) -> Iterator[str]:
    """A server with TLS whose certificate is valid for so many days; its address."""
    with Quiet(("127.0.0.1", 0), Status) as server:
        server.socket = authority.server_context("localhost", days).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"https://localhost:{server.server_port}"
        server.shutdown()


def judged(url: str, **more: str) -> dict[str, str]:
    (finding,) = printed_by("audit", {"url": url, "tls": True, "timeout": 5, **more})["findings"]
    assert isinstance(finding, dict)
    return finding


@pytest.mark.parametrize(
    ("days", "state", "evidence"),
    [
        (90, "ok", "the certificate is valid for 90 days"),
        (5, "warning", "the certificate is valid for 5 days"),
        (-0.5, "problem", "the certificate is not trusted: certificate has expired"),
    ],
)
def test_a_certificate_is_judged_by_the_days_that_are_left(
    tmp_path: Path, days: float, state: str, evidence: str
) -> None:
    authority = Authority(tmp_path)
    with secured(authority, days) as url:
        finding = judged(url, ca_path=str(authority.certificate))
    assert (finding["check"], finding["state"]) == ("TLS", state)
    assert evidence in finding["evidence"]


def test_a_certificate_of_an_authority_that_this_host_does_not_trust_is_a_problem(tmp_path: Path) -> None:
    with secured(Authority(tmp_path), 90) as url:
        finding = judged(url)
    assert (finding["state"], "ca_path" in finding["advice"]) == ("problem", True)


def test_a_way_without_tls_is_a_warning_unless_it_leaves_the_host_nowhere() -> None:
    assert judged("http://127.0.0.1:1")["state"] == "ok"
    open_way = judged("http://vault.home.example")
    assert open_way["state"] == "warning" and "playbooks/proxy.yml" in open_way["advice"]
