# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker with the distribution's own packages on a real machine; the tests build on each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.roles.machine import REGISTRY, Machine
from tests.roles.playbook import refused, succeeded

pytestmark = [pytest.mark.lab, pytest.mark.soak]
ADDRESS = "198.18.0.164"
GIVEN = {"docker_source": "distribution", "docker_daemon_options": {"registry-mirrors": [REGISTRY]}}


def test_a_host_without_an_engine_is_told_so_where_the_role_leaves_docker_alone(
    machine: Machine, tmp_path: Path
) -> None:
    text = refused(machine.role(tmp_path, "docker", {"docker_source": "none"}))
    assert "does not answer: there is no docker command" in text and "docker_source vendor" in text


def test_an_engine_cannot_come_from_an_unknown_source(machine: Machine, tmp_path: Path) -> None:
    text = refused(machine.role(tmp_path, "docker", {"docker_source": "get.docker.com"}))
    assert "must be one of: vendor, distribution, none" in text


def test_the_packages_of_debian_run_a_nested_container(machine: Machine, tmp_path: Path) -> None:
    assert "Would install docker.io, docker-cli" in succeeded(machine.role(tmp_path, "docker", GIVEN, "--check")).text
    succeeded(machine.role(tmp_path, "docker", GIVEN))
    assert machine.host.package("docker.io").is_installed
    assert machine.host.check_output("docker compose version").startswith("Docker Compose version")
    assert machine.host.run_test("docker image inspect hello-world:linux").rc == 0
    assert not machine.host.file("/etc/apt/sources.list.d/docker.sources").exists
    assert succeeded(machine.role(tmp_path, "docker", GIVEN)).changed == 0


def test_the_vendors_packages_do_not_come_beside_them_unasked(machine: Machine, tmp_path: Path) -> None:
    text = refused(machine.role(tmp_path, "docker", {"docker_source": "vendor"}))
    assert "has docker.io" in text and "docker_remove_conflicting_packages to true" in text
