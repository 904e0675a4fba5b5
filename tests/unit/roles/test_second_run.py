# SPDX-License-Identifier: GPL-3.0-or-later
"""What roles decide from one read of the host: that nothing is left to do, and what is, after the least change."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._apt.sources import Repository

from tests.support.role import Role, problems
from tests.unit.plugins.module_utils._apt.test_openpgp import ARMOURED, FINGERPRINT

DEBIAN = {
    "id": "debian",
    "like": [],
    "name": "Debian GNU/Linux 13 (trixie)",
    "release": "trixie",
    "version": "13",
    "architecture": "x86_64",
    "container": "lxc",
}
RUNS = "ActiveState=active\nUnitFileState=enabled"


def host(
    commands: Mapping[str, str],
    files: Mapping[str, Any] | None = None,
    packages: Mapping[str, Any] | None = None,
    **system: Any,
) -> dict[str, Any]:
    """What host_info reads: what each command says, files by path, and packages by name."""
    said = {name: {"rc": 0 if text else 1, "stdout": text, "stderr": ""} for name, text in commands.items()}
    rest = {"files": dict(files or {}), "packages": dict(packages or {}), "system": {**DEBIAN, **system}}
    return {"commands": said, "engine": {}, **rest}


def package(version: str = "1", held: bool = False) -> dict[str, Any]:
    return {"version": version, "held": held}


def text(content: str, mode: str = "0644") -> dict[str, Any]:
    encoded = base64.b64encode(content.encode()).decode()
    return {"type": "file", "owner": "root", "group": "root", "mode": mode, "content": encoded}


def role(name: str, read: Mapping[str, Any], **given: Any) -> Role:
    facts = {
        "inventory_hostname": "one",
        "ansible_facts": {},
        "ansible_check_mode": False,
        "role_path": f"roles/{name}",
    }
    return Role(name, {**facts, f"__{name}_host": read, **given})


# ---------------------------------------------------------------------- docker

ENGINE = {
    "ServerVersion": "29.1.0",
    "ContainersRunning": 2,
    "ContainerdCommit": {"ID": "c"},
    "RuncCommit": {"ID": "r"},
    "KernelVersion": "6.14",
}
SOURCE = Repository("docker", "https://download.docker.com/linux/debian", ["trixie"], ["stable"])
KEY = SOURCE.key_path(armoured=True)
PROOF = "/var/lib/omakase/docker-proof.json"
VENDOR = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", "docker-compose-plugin"]


def docker(
    changes: Mapping[str, str] | None = None,
    held: bool = False,
    packages: Mapping[str, Any] | None = None,
    **given: Any,
) -> Role:
    """A host on which the role has run."""
    packages = packages or {name: package("5:29.1.0-1", held) for name in [*VENDOR, "ca-certificates"]}
    said = {
        "compose": "2.40.0",
        "unit": RUNS,
        "users": "alice:x:1000:1000::/home/alice:/bin/sh",
        "group": "docker:x:998:alice,bob",
        **(changes or {}),
    }
    options = {"live-restore": True, "log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": "3"}}
    files = {
        "/etc/docker/daemon.json": text(json.dumps(options)),
        SOURCE.path: text(SOURCE.source(KEY)),
        KEY: text(ARMOURED.decode()),
    }
    read = {**host(said, files, packages), "engine": {"info": ENGINE}}
    skipped = {"__docker_volumes": {"skipped": True}, "docker_repository_key_fingerprint": FINGERPRINT}
    found = role("docker", read, **{**skipped, **given})
    read["files"][PROOF] = text(json.dumps(found.value("__docker_proof")))
    return found


def left_to_do(found: Role) -> list[str]:
    differences: list[str] = found.value("__docker_differences")
    return differences


SYSLOG = {"log-driver": "syslog", "log-opts": {"syslog-address": "udp://10.0.0.1:514"}}


@pytest.mark.parametrize(
    ("there", "asked", "wanted"),
    [
        ({}, {}, ("json-file", {"max-size": "10m", "max-file": "3"})),
        ({}, {"log-driver": "local", "log-opts": {"max-size": "1m"}}, ("local", {"max-size": "1m", "max-file": "3"})),
        ({}, {"log-driver": "journald"}, ("journald", None)),
        (SYSLOG, {}, ("syslog", SYSLOG["log-opts"])),
        (SYSLOG, {"log-driver": "json-file"}, ("json-file", {"max-size": "10m", "max-file": "3"})),
        ({"log-driver": "json-file", "log-opts": {"max-size": "10m"}}, {"log-driver": "journald"}, ("journald", None)),
    ],
)
def test_a_log_driver_gets_no_options_that_it_does_not_know(
    there: dict[str, Any], asked: dict[str, Any], wanted: tuple[str, Any]
) -> None:
    found = docker(docker_daemon_options=asked)
    found.variables["__docker_host"]["files"]["/etc/docker/daemon.json"] = text(json.dumps(there))
    options = found.value("__docker_daemon")
    assert (options["log-driver"], options.get("log-opts")) == wanted


def test_a_host_with_docker_as_it_should_be_asks_for_nothing() -> None:
    found = docker()
    assert problems(found, "__docker_checks | rejectattr('ok') | map(attribute='say')") == []
    assert left_to_do(found) == [] and found.value("__docker_in_lxc") is True
    assert left_to_do(docker(docker_source="none", docker_daemon_options={"debug": True})) == []


def test_what_a_killed_run_has_left_to_the_engine_is_done_by_the_next() -> None:
    found = docker()
    assert found.value("__docker_due") == []
    found.variables["__docker_host"]["files"]["/var/lib/omakase/docker-due.json"] = text('["reloaded", "restarted"]')
    assert left_to_do(found) == ["the engine"] and found.value("__docker_due") == ["reloaded", "restarted"]


@pytest.mark.parametrize("path", [SOURCE.path, KEY], ids=["source", "key"])
def test_a_repository_that_is_not_there_as_wanted_is_seen_to(path: str) -> None:
    found = docker()
    found.variables["__docker_host"]["files"][path] = text("something else")
    assert left_to_do(found) == ["the packages"]
    found.variables["docker_source"] = "none"
    assert left_to_do(found) == []


@pytest.mark.parametrize(
    ("changes", "given"),
    [
        ({"group": "docker:x:998:bob"}, {"docker_users": ["alice"]}),
        ({"unit": "ActiveState=failed"}, {}),
        ({}, {"docker_daemon_options": {"proxies": {"http-proxy": "http://a:canary@b.example"}}}),
    ],
    ids=["a user", "the service", "an option"],
)
def test_an_engine_that_is_not_as_wanted_is_seen_to(changes: dict[str, str], given: dict[str, Any]) -> None:
    assert left_to_do(docker(changes, **given)) == ["the engine"]


def test_a_password_in_a_configuration_that_others_may_read_is_seen_to() -> None:
    found = docker(docker_daemon_options={"proxies": {"http-proxy": "http://a:canary@b.example"}})
    right = found.value("__docker_daemon | to_json")
    for mode, is_right in (("0644", False), ("0600", True)):
        found.variables["__docker_host"]["files"]["/etc/docker/daemon.json"] = text(right, mode)
        assert found.value("__docker_daemon_is_right") is is_right


def test_another_engine_kernel_or_image_asks_for_a_new_proof_and_a_silent_one_is_named() -> None:
    for changed in ({"ServerVersion": "30"}, {"KernelVersion": "7"}, {"RuncCommit": {"ID": "x"}}):
        found = docker()
        found.variables["__docker_host"]["engine"] = {"info": {**ENGINE, **changed}}
        assert left_to_do(found) == ["the proof"]
    found = docker()
    found.variables["docker_proof_image"] = "other:1"
    assert left_to_do(found) == ["the proof"]
    found.variables["docker_proof_image"] = ""
    assert left_to_do(found) == []
    found.variables["docker_proof_image"] = "other:1"
    found.variables["__docker_host"]["engine"] = {"problem": "/run/docker.sock: Connection refused"}
    assert left_to_do(found) == ["the proof"]
    assert found.value("__docker_silent") == [
        {"name": "The engine", "ok": False, "said": "/run/docker.sock: Connection refused"}
    ]
    found.variables["__docker_host"]["commands"]["compose"] = {"rc": 127, "stdout": "", "stderr": "docker: none"}
    assert [silent["said"] for silent in found.value("__docker_silent")] == ["", "there is no docker command"]


@pytest.mark.parametrize(
    "unit", ["ActiveState=failed\nUnitFileState=enabled", "ActiveState=active\nUnitFileState=disabled", ""]
)
def test_an_engine_that_does_not_run_or_would_not_after_a_boot_is_started(unit: str) -> None:
    assert docker({"unit": unit}).value("__docker_is_started") is False


@pytest.mark.parametrize(
    ("held", "given", "differs"),
    [
        (False, {"docker_version": "5:29.1.*"}, True),
        (True, {"docker_version": "5:28.*"}, True),
        (False, {"docker_upgrade": True}, True),
        (True, {}, False),
    ],
    ids=["to be held", "another version", "the newest", "held by somebody"],
)
def test_versions_are_looked_after_where_something_is_to_change(
    held: bool, given: dict[str, Any], differs: bool
) -> None:
    assert docker(held=held, **given).value("__docker_version_differs") is differs


def test_packages_of_other_sources_are_seen_in_the_way_and_left_alone_where_nothing_is_installed() -> None:
    of_debian = {"docker.io": package("26"), "ca-certificates": package()}
    assert docker(packages=of_debian).value("__docker_in_the_way") == ["docker.io"]
    assert left_to_do(docker(packages=of_debian, docker_source="none")) == []
    assert docker(docker_source="distribution").value("__docker_in_the_way") == VENDOR


def test_users_who_are_in_the_group_stay_and_unknown_ones_are_named() -> None:
    found = docker(docker_users=["alice", "carol"])
    assert found.value("docker_users | difference(__docker_members)") == ["carol"]
    (said,) = problems(found, "__docker_checks | rejectattr('ok') | map(attribute='say')")
    assert said.startswith("carol in docker_users cannot be found")


def test_another_system_is_named() -> None:
    found = docker()
    found.variables["__docker_host"]["system"].update(id="fedora", name="Fedora Linux 43", release="")
    said = problems(found, "__docker_checks | rejectattr('ok') | map(attribute='say')")
    assert any("one runs Fedora Linux 43. Docker is installed here on Debian" in sentence for sentence in said)


# --------------------------------------------------------------- infisical_cli


CLI = Repository("infisical", "https://artifacts-cli.infisical.com/deb", ["stable"], ["main"])
CLI_KEY = CLI.key_path(armoured=True)


def cli(
    said: Mapping[str, str],
    system: Mapping[str, Any] | None = None,
    packages: Mapping[str, Any] | None = None,
    **given: Any,
) -> Role:
    files = {CLI.path: text(CLI.source(CLI_KEY)), CLI_KEY: text(ARMOURED.decode())}
    read = host({"command": "", "local": "", **said}, files, packages, **(system or {}))
    given.setdefault("infisical_cli_repository_key_fingerprint", FINGERPRINT)
    skipped = {"skipped": True, "changed": False}
    registered = {"__infisical_cli_asked_again": skipped, "__infisical_cli_archive_read": skipped}
    return role("infisical_cli", read, **registered, **given)


def test_a_command_that_answers_is_not_asked_again() -> None:
    held = {"infisical": package("0.43.136", held=True)}
    found = cli({"command": "infisical version 0.43.136"}, packages=held)
    assert found.value("[__infisical_cli_present, __infisical_cli_held, __infisical_cli_answers]") == [True, True, True]
    other = cli(
        {"command": "infisical version 0.40.0"},
        packages={"infisical": package("0.43.136")},
        infisical_cli_version="0.43.136",
    )
    assert other.value("[__infisical_cli_present, __infisical_cli_held, __infisical_cli_answers]") == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("held", "given", "installed"),
    [
        (False, {}, True),
        (True, {}, True),
        (False, {"infisical_cli_version": "0.43.137"}, False),
        (False, {"infisical_cli_upgrade": True}, False),
        (False, {"infisical_cli_repository_url": "https://mirror.example/deb"}, False),
        (False, {"infisical_cli_repository_key_fingerprint": "0" * 40}, False),
    ],
    ids=["any version", "held by somebody", "another version", "the newest", "a mirror", "another key"],
)
def test_the_repository_is_seen_to_where_it_or_its_package_is_not_as_wanted(
    held: bool, given: dict[str, Any], installed: bool
) -> None:
    found = cli({}, packages={"infisical": package("0.43.136", held)}, **given)
    assert found.value("__infisical_cli_is_installed") is installed


@pytest.mark.parametrize("source", ["repository", "deb"])
@pytest.mark.parametrize(
    ("held", "hold", "version", "differs"),
    [
        (False, False, "0.43.136", False),
        (True, True, "0.43.136", False),
        (True, False, "0.43.136", True),
        (False, True, "0.43.136", True),
        # Another version is put in its place
        (True, True, "0.43.137", True),
    ],
)
def test_a_package_is_held_or_let_go_where_it_is_not_so_or_is_about_to_change(
    source: str, held: bool, hold: bool, version: str, differs: bool
) -> None:
    given: dict[str, Any] = {
        "infisical_cli_source": source,
        "infisical_cli_version": version,
        "infisical_cli_hold": hold,
    }
    found = cli({}, packages={"infisical": package("0.43.136", held)}, **given)
    assert found.value("__infisical_cli_hold_differs") is differs
    found.variables["ansible_check_mode"] = True
    assert found.value("__infisical_cli_hold_differs") is (differs and version == "0.43.136")


@pytest.mark.parametrize(
    ("system", "source"),
    [
        ({}, "repository"),
        ({"id": "ubuntu", "like": ["debian"]}, "repository"),
        ({"id": "linuxmint", "like": ["ubuntu", "debian"]}, "repository"),
        ({"id": "fedora"}, "archive"),
    ],
    ids=["Debian", "Ubuntu", "Mint", "Fedora"],
)
def test_the_repository_is_for_systems_with_apt(system: dict[str, Any], source: str) -> None:
    assert cli({}, system).value("__infisical_cli_source") == source


# ------------------------------------------------------------ infisical_backup


@pytest.mark.parametrize(
    ("timer", "wanted", "right"),
    [
        (RUNS, True, True),
        ("UnitFileState=enabled\nActiveState=active", True, True),
        ("ActiveState=inactive\nUnitFileState=enabled", True, False),
        (RUNS, False, False),
        ("ActiveState=inactive\nUnitFileState=disabled", False, True),
    ],
)
def test_a_timer_is_touched_only_where_it_is_not_as_wanted(timer: str, wanted: bool, right: bool) -> None:
    # One whose new schedule an earlier run has laid down and not loaded
    stale = host({"timer": f"{timer}\nNeedDaemonReload=yes", "calendar": "x"}, packages={"age": package()})
    found = role("infisical_backup", stale, infisical_backup_timer=wanted, __infisical_backup_stale_settings=[])
    assert found.value("[__infisical_backup_timer_is_right, __infisical_backup_unloaded]") == [False, True]
    read = host({"timer": f"{timer}\nNeedDaemonReload=no", "calendar": "x"}, packages={"age": package()})
    found = role("infisical_backup", read, infisical_backup_timer=wanted, __infisical_backup_stale_settings=[])
    assert found.value("__infisical_backup_timer_is_right") is right
    found.variables["__infisical_backup_stale_settings"] = ["/etc/systemd/system/infisical-backup.timer"]
    assert found.value("__infisical_backup_unloaded") is True


# --------------------------------------------------------------- reverse_proxy

SITES = [{"name": "one", "hostnames": ["one.example"], "backends": [{"name": "a", "address": "10.0.0.1:80"}]}]
HAPROXY = "/etc/haproxy/haproxy.cfg"


def proxy(files: Mapping[str, Any] | None = None, listening: str = "", **given: Any) -> Role:
    packages = "haproxy installed\npython3-cryptography installed"
    read = host({"packages": packages, "unit": RUNS, "listening": listening}, files)
    skipped = {"skipped": True, "changed": False}
    others = {"__reverse_proxy_elsewhere": skipped, "__reverse_proxy_other_sites": skipped, "hostvars": {"one": {}}}
    return role("reverse_proxy", read, reverse_proxy_sites=SITES, **others, **given)


def test_a_proxy_that_runs_with_the_configuration_wanted_is_left_alone() -> None:
    right = {HAPROXY: text(proxy().rendered("haproxy.cfg.j2"))}
    words = "[__reverse_proxy_is_right, __reverse_proxy_is_ours, __reverse_proxy_is_started]"
    assert proxy(right).value(words) == [True, True, True]
    assert proxy(right, reverse_proxy_timeout=90).value("__reverse_proxy_is_right") is False
    assert proxy({HAPROXY: {**right[HAPROXY], "mode": "0666"}}).value("__reverse_proxy_is_right") is False
    assert proxy().value("__reverse_proxy_is_right") is False


@pytest.mark.parametrize(
    ("template", "line"), [("haproxy.cfg.j2", "-m str {} }}"), ("nginx.conf.j2", "server_name {};")]
)
def test_a_site_is_found_under_an_address_of_ipv6_as_requests_write_it(template: str, line: str) -> None:
    asked = proxy()
    asked.variables["reverse_proxy_sites"] = [{**SITES[0], "hostnames": ["one.example", "10.0.0.5", "fd00::5"]}]
    assert line.format("one.example 10.0.0.5 [fd00::5]") in asked.rendered(template)


def test_who_else_listens_counts_only_where_the_proxy_is_not_ours_yet() -> None:
    listening = 'LISTEN 0 4096 *:80 *:* users:(("traefik",pid=7,fd=3))'
    assert proxy(listening=listening).value("__reverse_proxy_others") == ["traefik"]
    ours = {HAPROXY: text(proxy().rendered("haproxy.cfg.j2"))}
    assert proxy(ours, listening).value("__reverse_proxy_others") == []


def test_an_authority_is_read_where_it_is() -> None:
    assert "/etc/reverse_proxy/authority/authority.pem" in proxy().value("__reverse_proxy_read")
    elsewhere = proxy(reverse_proxy_authority_host="two")
    assert elsewhere.value("__reverse_proxy_authority_is_elsewhere") is True
    assert "/etc/reverse_proxy/authority/authority.pem" not in elsewhere.value("__reverse_proxy_read")
    read = {"files": {"/etc/reverse_proxy/authority/authority.pem": text("PEM")}}
    elsewhere.variables["__reverse_proxy_elsewhere"] = read
    assert elsewhere.value("__reverse_proxy_authority_missing") is False
