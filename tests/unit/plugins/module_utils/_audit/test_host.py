# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that others may read, and ports that answer."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._audit import host, tls
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import server
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import ok, problem
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Connection, UrlTransport

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue\n"


def test_closed_files_are_one_line_and_open_ones_one_each(tmp_path: Path) -> None:
    for name, mode in ((".env", 0o600), ("a.key", 0o400), ("b.tar.age", 0o644)):
        (tmp_path / name).write_text("x")
        (tmp_path / name).chmod(mode)
    found = host.private_files([f"{tmp_path}/.env", f"{tmp_path}/*.key", f"{tmp_path}/*.age", f"{tmp_path}/*.none"])
    assert [(finding.state, finding.check) for finding in found] == [
        ("problem", f"file {tmp_path}/b.tar.age"),
        ("ok", "private files"),
    ]
    assert found[0].evidence == "mode 0644: others may read it"
    assert found[1].evidence == "2 are closed to all but their owner"


def test_a_file_that_was_named_and_is_not_there_is_a_problem(tmp_path: Path) -> None:
    assert [finding.state for finding in host.private_files([f"{tmp_path}/.env"])] == ["problem"]


def test_the_values_of_an_env_file_are_judged_and_names_told(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert host.env_file(str(path)) == []
    path.write_text("ENCRYPTION_KEY=6c1fe4e407b8911c104518103505b218\nPOSTGRES_PASSWORD=canary-1\nSITE_URL=x\n")
    (finding,) = host.env_file(str(path))
    assert (finding.state, finding.evidence) == ("problem", "ENCRYPTION_KEY: an example\nPOSTGRES_PASSWORD: weak")
    path.write_text("POSTGRES_PASSWORD=q7Rk2mXw9ZbT4nVc8LpD\n")
    assert [finding.state for finding in host.env_file(str(path))] == ["ok"]
    path.write_text("POSTGRES_PASSWORD='canary\n")
    (finding,) = host.env_file(str(path))
    assert (finding.state, "canary" in finding.evidence) == ("warning", False)
    path.write_bytes(b"\xff\xfe")
    assert [finding.evidence for finding in host.env_file(str(path))] == ["not judged: it cannot be read as text"]


def test_ports_are_read_from_the_kernels_tables(tmp_path: Path) -> None:
    four, six = tmp_path / "tcp", tmp_path / "tcp6"
    four.write_text(
        HEAD
        + "   0: 00000000:0016 00000000:0000 0A 0 0\n"  # 0.0.0.0:22
        + "   1: 0100007F:1538 00000000:0000 0A 0 0\n"  # 127.0.0.1:5432
        + "   2: 050012C6:0CEA 0A0012C6:0016 01 0 0\n"  # a connection
    )
    six.write_text(
        HEAD
        + "   0: 00000000000000000000000000000000:0050 0 0A 0 0\n"  # [::]:80
        + "   1: 00000000000000000000000001000000:18EB 0 0A 0 0\n"  # [::1]:6379
        + "   2: 0000000000000000FFFF00000100007F:0BB8 0 0A 0 0\n"  # ::ffff:127.0.0.1:3000
    )
    assert host.listening((str(four), str(six), str(tmp_path / "none"))) == [22, 80]


def test_this_machine_tells_what_it_listens_on() -> None:
    with socket.create_server(("", 0)) as wide, socket.create_server(("127.0.0.1", 0)) as narrow:
        found = host.listening()
        assert wide.getsockname()[1] in found
        assert narrow.getsockname()[1] not in found
        ports = [wide.getsockname()[1], narrow.getsockname()[1]]
        assert host.answering("127.0.0.1", [*ports, 1], 2) == ports


def test_a_database_that_answers_is_a_problem_and_an_unexpected_port_a_warning() -> None:
    database, other = host.open_ports("192.0.2.1", [22, 5432, 8080], [22], [22, 5432, 8080])
    assert (database.state, database.evidence) == ("problem", "PostgreSQL answers from outside, at 192.0.2.1")
    assert (other.state, other.check) == ("warning", "port 8080")
    assert "audit_expected_ports" in other.advice


def test_expected_ports_are_in_order() -> None:
    (finding,) = host.open_ports("192.0.2.1", [22, 80], [22, 80, 443], [22, 80])
    assert (finding.state, finding.evidence) == (
        "ok",
        "of 2 that listen, these answer from outside, as expected: 22, 80",
    )


@pytest.mark.parametrize(("url", "state"), [("http://127.0.0.1:80", "ok"), ("http://vault.test", "warning")])
def test_a_way_without_tls_is_a_warning_once_it_leaves_the_host(url: str, state: str) -> None:
    (finding,) = tls.way(url, Connection(), UrlTransport(Connection()))
    assert (finding.check, finding.state) == ("TLS", state)


def test_of_the_way_to_the_server_what_concerns_tls_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [
        ok("DNS", "x"),
        ok("TCP", "x"),
        ok("TLS", "TLSv1.3, the certificate is valid for 60 days"),
        ok("status", "Ok"),
    ]
    monkeypatch.setattr(server, "reachability", lambda *_: seen)
    way = tls.way("https://vault.test", Connection(), UrlTransport(Connection()))
    assert [finding.check for finding in way] == ["TLS"]
    monkeypatch.setattr(server, "reachability", lambda *_: [problem("DNS", "no address", "look")])
    assert [finding.check for finding in tls.way("https://x", Connection(), UrlTransport(Connection()))] == ["DNS"]
