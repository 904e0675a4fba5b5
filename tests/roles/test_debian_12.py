# SPDX-License-Identifier: GPL-3.0-or-later
"""The roles of an Omakase host, and its proxy, on Debian 12: the release before the one that all other tests run on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.roles.machine import SERVER, Machine, cli_of_the_lab, docker_of_the_lab
from tests.roles.playbook import Run, succeeded

pytestmark = [pytest.mark.lab, pytest.mark.soak]
ADDRESS = "198.18.0.210"
SUITE = "bookworm"
DOCKER = f"{SERVER}/docker-bookworm/linux/debian"


def docker(machine: Machine, folder: Path, *arguments: str) -> Run:
    return machine.role(folder, "docker", docker_of_the_lab(DOCKER), *arguments)


def test_docker_comes_from_the_repository_of_its_release(machine: Machine, tmp_path: Path) -> None:
    assert machine.host.system_info.codename == SUITE
    succeeded(docker(machine, tmp_path, "--check"))
    succeeded(docker(machine, tmp_path))
    assert machine.host.package("docker-ce").version.endswith("~debian.12~bookworm")
    assert "Suites: bookworm" in machine.host.file("/etc/apt/sources.list.d/docker.sources").content_string
    assert "Hello from Docker" in machine.host.check_output("docker run --rm hello-world:linux")
    assert succeeded(docker(machine, tmp_path)).changed == 0


def test_the_distribution_s_packages_are_refused_for_want_of_compose(machine: Machine, tmp_path: Path) -> None:
    run = machine.role(
        tmp_path, "docker", {"docker_source": "distribution", "docker_remove_conflicting_packages": True}
    )
    assert run.code != 0
    assert "has no packages with Docker Compose 2. Set docker_source to vendor." in run.text


def test_the_infisical_command_is_installed(machine: Machine, tmp_path: Path) -> None:
    variables = cli_of_the_lab()
    succeeded(machine.role(tmp_path, "infisical_cli", variables))
    assert "infisical version" in machine.host.check_output("infisical --version")
    assert succeeded(machine.role(tmp_path, "infisical_cli", variables)).changed == 0


@pytest.mark.parametrize("kind", ["haproxy", "nginx"])
def test_a_proxy_serves_a_site_over_tls(machine: Machine, tmp_path: Path, kind: str) -> None:
    host = machine.host
    host.run("systemd-run --quiet --unit=backend python3 -m http.server --bind 127.0.0.1 8081")
    host.run("systemctl disable --quiet --now haproxy")
    site = {
        "name": "page",
        "hostnames": ["page.home.example"],
        "backends": [{"name": "one", "address": "127.0.0.1:8081"}],
    }
    variables = {"reverse_proxy_kind": kind, "reverse_proxy_sites": [site]}
    succeeded(machine.role(tmp_path, "reverse_proxy", variables))
    here = "--cacert /etc/reverse_proxy/authority/authority.pem --resolve page.home.example:443:127.0.0.1"
    asked = f"curl -sSf -o /dev/null -w '%{{http_version}} %{{http_code}}' {here} https://page.home.example/"
    assert host.check_output(asked) == "2 200"
    assert succeeded(machine.role(tmp_path, "reverse_proxy", variables)).changed == 0
