# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker on a real, unprivileged LXC container: the tests build on each other in the order they stand in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.roles.machine import REGISTRY, SERVER, Machine, key_fingerprint
from tests.roles.playbook import Run, refused, succeeded

pytestmark = pytest.mark.lab
ADDRESS = "198.18.0.161"
REPOSITORY = f"{SERVER}/docker/linux/debian"
SOURCE = "/etc/apt/sources.list.d/docker.sources"
PROOF = "/var/lib/omakase/docker-proof.json"

Role = Callable[..., Run]


@pytest.fixture
def role(machine: Machine, tmp_path: Path) -> Role:
    """Runs the role with the lab's repository and registry."""
    given: dict[str, Any] = {
        "docker_repository_url": REPOSITORY,
        "docker_repository_key_fingerprint": key_fingerprint(f"{REPOSITORY}/gpg"),
        "docker_daemon_options": {"registry-mirrors": [REGISTRY]},
    }

    def run(*arguments: str, **changes: Any) -> Run:
        return machine.role(tmp_path, "docker", {**given, **changes}, *arguments)

    return run


def test_a_key_with_another_fingerprint_is_not_trusted(role: Role, machine: Machine) -> None:
    for arguments in ((), ("--check",)):
        text = refused(
            role(*arguments, docker_repository_key_fingerprint="9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88")
        )
        assert f"The key {REPOSITORY}/gpg has the fingerprint" in text
        assert "not 9DC858229FC7DD38854AE2D88D81803C0EBFCD88" in text
    assert not machine.host.file(SOURCE).exists
    assert not machine.host.file("/etc/apt/keyrings/docker.asc").exists


def test_a_plan_on_a_fresh_machine_succeeds_and_tells_what_would_be_installed(role: Role, machine: Machine) -> None:
    run = succeeded(role("--check", "--diff"))
    assert "Would install docker-ce, docker-ce-cli, containerd.io" in run.text
    assert f"URIs: {REPOSITORY}" in run.text and '"max-size": "10m"' in run.text
    assert not machine.host.file(SOURCE).exists
    assert not machine.host.exists("docker")


def test_packages_in_the_way_are_named_and_left_alone(role: Role, machine: Machine) -> None:
    machine.host.check_output("apt-get -qq update && apt-get -qq install -y --no-install-recommends runc")
    text = refused(role())
    assert "has runc, in the way of Docker from the vendor" in text and "docker_remove_conflicting_packages" in text
    assert machine.host.package("runc").is_installed
    assert not machine.host.file(SOURCE).exists


def test_a_configuration_that_is_no_json_is_named_and_left_alone(role: Role, machine: Machine) -> None:
    machine.host.check_output("mkdir -p /etc/docker && echo 'log-driver: none' > /etc/docker/daemon.json")
    text = refused(role(docker_remove_conflicting_packages=True))
    assert "/etc/docker/daemon.json on docker is not a JSON object" in text
    assert machine.host.file("/etc/docker/daemon.json").content_string == "log-driver: none\n"
    machine.host.check_output("echo '{\"live-restore\": true}' > /etc/docker/daemon.json")


def test_it_installs_docker_from_the_signed_repository_and_runs_a_nested_container(
    role: Role, machine: Machine
) -> None:
    # As an older way of installing leaves it, at which apt would stop.
    machine.host.check_output(
        f"echo 'deb [trusted=yes] {REPOSITORY} trixie stable' > /etc/apt/sources.list.d/docker.list"
    )
    succeeded(role(docker_remove_conflicting_packages=True))
    host = machine.host
    assert re.match(r"Docker version \d", host.check_output("docker --version"))
    assert re.match(r"Docker Compose version v?2\.", host.check_output("docker compose version"))
    assert not host.package("runc").is_installed and host.package("containerd.io").is_installed
    assert not host.file("/etc/apt/sources.list.d/docker.list").exists
    source = host.file(SOURCE)
    assert source.mode == 0o644 and "Signed-By: /etc/apt/keyrings/docker.asc\n" in source.content_string
    policy = host.check_output("apt-cache policy docker-ce")
    assert SERVER in policy
    assert host.service("docker").is_running and host.service("docker").is_enabled
    assert host.run_test("docker image inspect hello-world:linux").rc == 0
    assert json.loads(host.file(PROOF).content_string)["image"] == "hello-world:linux"


def test_log_limits_and_options_are_merged_into_what_was_there(machine: Machine) -> None:
    assert json.loads(machine.host.file("/etc/docker/daemon.json").content_string) == {
        "live-restore": True,
        "log-driver": "json-file",
        "log-opts": {"max-file": "3", "max-size": "10m"},
        "registry-mirrors": [REGISTRY],
    }
    limits = "{{json .HostConfig.LogConfig}}"
    machine.host.check_output("docker create --name limits hello-world:linux")
    config = json.loads(machine.host.check_output("docker inspect --format %s limits", limits))
    assert config == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}
    machine.host.check_output("docker rm limits")


def test_a_second_run_changes_nothing_and_restarts_nothing(role: Role, machine: Machine) -> None:
    started = machine.host.check_output("systemctl show docker --property ExecMainStartTimestampMonotonic")
    assert succeeded(role()).changed == 0
    assert succeeded(role("--check", "--diff")).changed == 0
    assert machine.host.check_output("systemctl show docker --property ExecMainStartTimestampMonotonic") == started


def test_an_option_that_the_engine_refuses_never_replaces_the_old_configuration(role: Role, machine: Machine) -> None:
    before = machine.host.file("/etc/docker/daemon.json").content
    text = refused(role(docker_daemon_options={"registry-mirrors": "not a list"}))
    assert "failed to validate" in text
    assert machine.host.file("/etc/docker/daemon.json").content == before
    assert machine.host.service("docker").is_running


def test_a_changed_option_restarts_the_engine_once_and_null_removes_one(role: Role, machine: Machine) -> None:
    options = {
        "registry-mirrors": [REGISTRY],
        "live-restore": None,
        "default-address-pools": [{"base": "172.31.0.0/16", "size": 24}],
    }
    succeeded(role(docker_daemon_options=options))
    config = json.loads(machine.host.file("/etc/docker/daemon.json").content_string)
    assert "live-restore" not in config and config["default-address-pools"] == options["default-address-pools"]
    machine.host.check_output("docker network create pool")
    assert "172.31." in machine.host.check_output("docker network inspect pool")
    machine.host.check_output("docker network rm pool")
    assert succeeded(role(docker_daemon_options=options)).changed == 0


def test_an_installation_that_a_crash_cut_off_is_finished(role: Role, machine: Machine) -> None:
    machine.host.check_output("apt-get -qq purge -y docker-ce docker-ce-cli containerd.io iptables >/dev/null 2>&1")
    machine.host.check_output("cd /tmp && apt-get -qq download docker-ce && dpkg --unpack docker-ce_*.deb")
    assert "not yet configured" in machine.host.check_output("dpkg --audit")
    succeeded(role())
    assert machine.host.check_output("dpkg --audit") == ""
    assert machine.host.service("docker").is_running


def test_an_engine_that_does_not_answer_is_named(role: Role, machine: Machine) -> None:
    machine.host.check_output("systemctl stop docker.socket docker")
    text = refused(role(docker_source="none"))
    assert "The engine on docker does not answer" in text and "Is the docker daemon running?" in text
    succeeded(role())


def test_a_container_that_does_not_run_is_told_with_the_cure(role: Role, machine: Machine) -> None:
    text = refused(role(docker_proof_image="no-such-image:1"))
    assert "No container runs in docker" in text and "The image could not be had" in text
    # An image whose program cannot start, as it is with the sysctl that LXC refuses.
    machine.host.check_output("docker create --quiet --name broken hello-world:linux")
    machine.host.check_output("docker commit --change 'ENTRYPOINT [\"/nothing\"]' broken broken:1")
    text = refused(role(docker_proof_image="broken:1"))
    assert "nesting=1" in text and "lxc-pve is 6.0.5-2 or newer" in text and "CVE-2025-52881" in text


def test_none_leaves_an_engine_alone_and_sees_that_it_works(role: Role, machine: Machine) -> None:
    before = machine.host.file("/etc/docker/daemon.json").content
    succeeded(role(docker_source="none", docker_daemon_options={"debug": True}))
    assert succeeded(role(docker_source="none")).changed == 0
    assert machine.host.file("/etc/docker/daemon.json").content == before


def test_an_exact_version_is_installed_and_another_one_refused_by_apt(role: Role, machine: Machine) -> None:
    version = machine.host.package("docker-ce").version
    assert succeeded(role(docker_version=f"5:{version.removeprefix('5:').split('.')[0]}.*")).changed == 0
    assert "no available installation candidate for docker-ce=5:99.*" in refused(role(docker_version="5:99.*"))


def test_the_packages_of_the_distribution_are_refused_beside_those_of_the_vendor(role: Role) -> None:
    assert "has docker-ce, docker-ce-cli, containerd.io" in refused(role(docker_source="distribution"))
