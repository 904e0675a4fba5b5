# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker as the role leaves it."""

from __future__ import annotations

import json

from testinfra.host import Host


def test_engine_and_compose_answer_and_start_at_boot(host: Host) -> None:
    assert host.service("docker").is_running and host.service("docker").is_enabled
    major = host.check_output("docker compose version --short").lstrip("v").partition(".")[0]
    assert int(major) >= 2


def test_the_packages_come_from_the_signed_repository(host: Host) -> None:
    source = host.file("/etc/apt/sources.list.d/docker.sources").content_string
    assert "Signed-By: /etc/apt/keyrings/docker." in source
    assert host.package("docker-ce").is_installed and not host.package("docker.io").is_installed


def test_a_nested_container_runs(host: Host) -> None:
    assert "Hello" in host.check_output("docker run --rm hello-world:linux")


def test_options_that_were_there_stay_beside_those_asked_for(host: Host) -> None:
    options = json.loads(host.file("/etc/docker/daemon.json").content_string)
    assert {"registry-mirrors", "live-restore", "log-opts", "default-address-pools"} <= set(options)


def test_a_network_gets_its_addresses_from_the_pool_asked_for(host: Host) -> None:
    host.check_output("docker network create pool")
    assert "172.30." in host.check_output("docker network inspect pool")
    host.check_output("docker network rm pool")


def test_the_logs_of_a_container_are_limited(host: Host) -> None:
    host.check_output("docker create --quiet --name limits hello-world:linux")
    limits = json.loads(host.check_output("docker inspect --format %s limits", "{{json .HostConfig.LogConfig}}"))
    host.check_output("docker rm limits")
    assert limits == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}
