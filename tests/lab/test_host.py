# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab takes over from its host."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import conditions, host, network, settings
from lab.shell import LabError

TARGETS = """\
http://mirror.example/debian/ bookworm
http://mirror.example/debian/ bookworm-updates
https://security.example/debian-security/ bookworm-security
https://download.docker.com/linux/debian/ bookworm-docker
"""


def test_the_mirrors_of_the_host_are_taken() -> None:
    found = host.parse_mirrors(TARGETS, "bookworm")
    assert found == host.Mirrors("http://mirror.example/debian", "https://security.example/debian-security", True)


def test_a_host_without_updates_gets_a_container_without_them() -> None:
    found = host.parse_mirrors("http://mirror.example/debian/ bookworm\n", "bookworm")
    assert not found.updates
    assert f"{settings.SUITE}-updates" not in host.sources_list(found)


@pytest.mark.parametrize("targets", ["", "cdrom:[Debian]/ bookworm\nmirror+file:/etc/mirrors/ bookworm\n"])
def test_debian_s_own_mirrors_stand_in_for_those_that_a_container_cannot_reach(targets: str) -> None:
    assert host.parse_mirrors(targets, "bookworm") == host.Mirrors()


def test_every_source_is_of_the_lab_s_suite() -> None:
    lines = host.sources_list(host.parse_mirrors(TARGETS, "bookworm")).splitlines()
    assert [line.split()[2] for line in lines] == ["trixie", "trixie-updates", "trixie-security"]


def test_only_what_reaches_a_mirror_is_taken_from_apt_s_settings() -> None:
    dump = """\
APT::Install-Recommends "1";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::https::CaInfo "/etc/ssl/own.pem";
Acquire::Check-Date "false";
Acquire::Languages "none";
Acquire::http::Empty "";
"""
    assert host.parse_apt_access(dump, {}).splitlines() == [
        'Acquire::http::Proxy "http://proxy.example:3128";',
        'Acquire::https::CaInfo "/etc/ssl/own.pem";',
        'Acquire::Check-Date "false";',
    ]


def test_a_proxy_of_the_environment_counts_where_apt_has_none() -> None:
    dump = 'Acquire::http::Proxy "http://apt.example:3128";\n'
    environment = {"http_proxy": "http://other.example", "HTTPS_PROXY": "http://secure.example"}
    assert host.parse_apt_access(dump, environment).splitlines() == [
        'Acquire::http::Proxy "http://apt.example:3128";',
        'Acquire::https::Proxy "http://secure.example";',
    ]


def test_name_servers_on_the_host_s_loopback_are_known() -> None:
    servers = host.parse_resolvers("# nameserver 9.9.9.9\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\n")
    assert [host.is_loopback(server) for server in servers] == [True, False]


def test_the_firewall_leads_names_to_a_stub_only_where_there_is_nothing_else() -> None:
    assert "dnat" not in network.rules(None)
    assert f"ip daddr {settings.GATEWAY}" in network.rules("127.0.0.53")
    assert "dnat to 127.0.0.53" in network.rules("127.0.0.53")


@pytest.mark.parametrize(
    ("listing", "chain"),
    [
        ("-P FORWARD ACCEPT\n", None),
        ("-P FORWARD DROP\n", "FORWARD"),
        ("-P FORWARD DROP\n-N DOCKER\n-N DOCKER-USER\n", "DOCKER-USER"),
    ],
)
def test_a_docker_engine_on_the_host_is_asked_to_let_us_through(listing: str, chain: str | None) -> None:
    assert network.foreign_chain(listing) == chain


def test_all_missing_conditions_are_named_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 2**30})())
    monkeypatch.setattr(conditions, "available_memory", lambda text: 900)
    monkeypatch.setattr(settings, "CONTAINERS", tmp_path / "containers")
    with pytest.raises(LabError) as problem:
        conditions.check()
    for word in ("needs root", "900 MB of memory", "/var/lib has 1 GB", "/var/cache has 1 GB"):
        assert word in str(problem.value)


def test_memory_is_what_programs_could_still_get() -> None:
    assert conditions.available_memory("MemTotal: 8000000 kB\nMemAvailable:    6144000 kB\n") == 6000
