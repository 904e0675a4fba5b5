# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to the server, step by step, and what its identity may do."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from email.utils import formatdate
from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import server
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Given
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import (
    Client,
    ErasOfProcess,
    LoginTokens,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Connection

from tests.support.certificates import Authority
from tests.support.scripted import Scripted

DIRECT = Connection(use_proxy=False, timeout=2.0)
SECRET = {"secretKey": "A", "secretValue": "canary-value"}


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that takes connections; what is said there does not matter."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def states(found: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.state) for finding in found]


def healthy(scripted: Scripted, **headers: str) -> Scripted:
    return scripted.on("GET /api/status", {"message": "Ok"}, headers=headers)


def test_a_name_that_nobody_knows_is_the_last_thing_looked_at() -> None:
    found = server.reachability("http://vault.invalid", DIRECT, Scripted())
    assert states(found) == [("DNS", "problem")]
    assert "vault.invalid has no address" in found[0].evidence and "resolv.conf" in found[0].advice


def test_a_port_where_nothing_listens_is_named() -> None:
    found = server.reachability("http://127.0.0.1:1", DIRECT, Scripted())
    assert states(found) == [("DNS", "ok"), ("TCP", "problem")]
    assert "127.0.0.1 port 1 does not take a connection" in found[1].evidence


def test_a_server_that_is_well_is_well_throughout(listening: int) -> None:
    scripted = healthy(Scripted(), date=formatdate(time.time(), usegmt=True))
    found = server.reachability(f"http://127.0.0.1:{listening}", DIRECT, scripted)
    assert states(found) == [("DNS", "ok"), ("TCP", "ok"), ("status", "ok"), ("clock", "ok")]


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (503, {"message": "migrating"}, "migrating its database"),
        (502, b"<html>", "the address of Infisical itself"),
        (200, b"[" * 100_000, "the address of Infisical itself"),
        (200, b'{"message": "Ok", "a": [' + b"{}," * 4_000_000 + b"{}]}", "the address of Infisical itself"),
        (200, {"message": "Degraded"}, "docker compose logs backend"),
    ],
)
def test_a_server_that_is_not_well_is_told_by_its_status(
    listening: int, status: int, body: object, advice: str
) -> None:
    scripted = Scripted().on("GET /api/status", body, status)
    finding = server.reachability(f"http://127.0.0.1:{listening}", DIRECT, scripted)[-1]
    assert (finding.check, finding.state) == ("status", "problem")
    assert str(status) in finding.evidence and advice in finding.advice


def test_a_clock_that_is_off_is_a_problem_of_its_own(listening: int) -> None:
    scripted = healthy(Scripted(), date=formatdate(time.time() - 300, usegmt=True))
    finding = server.reachability(f"http://127.0.0.1:{listening}", DIRECT, scripted)[-1]
    assert (finding.check, finding.state) == ("clock", "problem")
    assert 300 <= int(finding.evidence.partition(" ")[0]) < 360


@contextmanager
def secured(authority: Authority, days: float = 90) -> Iterator[str]:
    """A server with TLS whose certificate is valid for so many days; its address."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        context = authority.server_context("localhost", days)

        def shake_hands() -> None:
            for _connection in ("TCP", "TLS"):
                taken, _peer = listener.accept()
                with suppress(OSError), taken, context.wrap_socket(taken, server_side=True):
                    pass

        thread = threading.Thread(target=shake_hands)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}"
        thread.join(10)


def test_a_certificate_is_told_by_the_days_that_are_left(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    connection = Connection(use_proxy=False, timeout=5.0, ca_path=str(authority.certificate))
    for days, state in ((90, "ok"), (5, "warning")):
        with secured(authority, days) as url:
            found = {finding.check: finding for finding in server.reachability(url, connection, healthy(Scripted()))}
        assert found["TLS"].state == state
        assert f"valid for {days} days" in found["TLS"].evidence


def test_an_authority_that_is_none_is_a_problem(listening: int, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    connection = Connection(use_proxy=False, timeout=5.0, ca_path=str(tmp_path / "ca.pem"))
    finding = server.reachability(f"https://127.0.0.1:{listening}", connection, Scripted())[-1]
    assert (finding.check, finding.state) == ("TLS", "problem")
    assert finding.evidence.endswith("ca.pem holds no certificate")


def test_a_certificate_that_nobody_trusts_is_a_problem(tmp_path: Path) -> None:
    with secured(Authority(tmp_path)) as url:
        finding = server.reachability(url, Connection(use_proxy=False, timeout=5.0), Scripted())[-1]
    assert (finding.check, finding.state) == ("TLS", "problem")
    assert "ca_path" in finding.advice


def test_a_proxy_of_the_environment_takes_the_place_of_dns_and_tcp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    found = server.reachability("http://vault.invalid", Connection(), healthy(Scripted()))
    assert states(found) == [("network", "ok"), ("status", "ok")]


def client(scripted: Scripted) -> Client:
    exchange = scripted.exchange(retries=0)
    return Client(exchange, LoginTokens(Given("a-token"), exchange), ErasOfProcess())


def examined(scripted: Scripted, read_only: bool = False) -> list[Finding]:
    found = server.credentials(client(scripted), Scope("p1", "dev", "/"), read_only)
    scripted.finish()
    return found


def test_an_identity_that_may_do_all_is_proven_without_a_write() -> None:
    scripted = Scripted().on("GET /api/v4/secrets", {"secrets": [SECRET]})
    scripted.refuse("PATCH /api/v4/secrets/batch", 404, "NotFound", "Secret not found")
    found = examined(scripted)
    assert states(found) == [("login", "ok"), ("read", "ok"), ("write", "ok")]
    assert "canary" not in "".join(finding.evidence for finding in found)


@pytest.mark.parametrize(
    ("status", "read_only", "state"),
    [(403, False, "warning"), (403, True, "ok"), (404, False, "ok"), (404, True, "warning")],
)
def test_an_identity_is_to_write_or_only_to_read_as_it_is_meant(status: int, read_only: bool, state: str) -> None:
    scripted = Scripted().on("GET /api/v4/secrets", {"secrets": [SECRET]})
    scripted.refuse("PATCH /api/v4/secrets/batch", status, "PermissionDenied" if status == 403 else "NotFound", "no")
    found = examined(scripted, read_only)[-1]
    assert (found.check, found.state) == ("write", state)
    assert ("omakase_infisical_host_client_id" in found.advice) == (read_only and state == "warning")


def test_a_server_that_fails_while_writing_is_tried_is_a_problem() -> None:
    scripted = Scripted().on("GET /api/v4/secrets", {"secrets": [SECRET]})
    scripted.refuse("PATCH /api/v4/secrets/batch", 500, "InternalServerError", "no")
    assert states(examined(scripted))[-1] == ("write", "problem")


def test_an_identity_that_may_not_read_is_a_problem_and_is_not_asked_to_write() -> None:
    found = examined(Scripted().refuse("GET /api/v4/secrets", 403, "PermissionDenied", "no"))
    assert states(found) == [("login", "ok"), ("read", "problem")]
    assert "May this identity read / in dev?" in found[-1].advice
