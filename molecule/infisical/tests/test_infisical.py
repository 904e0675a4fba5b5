# SPDX-License-Identifier: GPL-3.0-or-later
"""The Infisical stack as the role leaves it."""

from __future__ import annotations

import json

import pytest
from testinfra.host import Host

DIRECTORY = "/opt/infisical"


def test_the_server_answers_where_the_proxy_looks_for_it(host: Host) -> None:
    status = json.loads(host.check_output("curl -sSf http://127.0.0.1:8080/api/status"))
    assert status["message"] == "Ok"


def test_it_is_published_on_the_loopback_alone(host: Host) -> None:
    assert host.socket("tcp://127.0.0.1:8080").is_listening
    assert not host.socket("tcp://0.0.0.0:8080").is_listening


@pytest.mark.parametrize("service", ["backend", "db", "redis"])
def test_the_container_is_healthy_and_holds_no_more_rights_than_it_needs(host: Host, service: str) -> None:
    name = host.check_output("docker compose --project-directory %s ps --quiet %s", DIRECTORY, service)
    found = json.loads(host.check_output("docker inspect %s", name))[0]
    assert found["State"]["Health"]["Status"] == "healthy"
    assert "no-new-privileges:true" in found["HostConfig"]["SecurityOpt"]
    assert found["HostConfig"]["CapDrop"] == ["ALL"] and found["HostConfig"]["ReadonlyRootfs"]
    # Some kernels, as that of a container in a container, know no limit of processors.
    limited = host.check_output("docker info --format %s", "{{.CPUCfsQuota}}") == "true"
    assert bool(found["HostConfig"]["NanoCpus"]) is limited


def test_the_keys_are_for_root_alone(host: Host) -> None:
    keys = host.file(f"{DIRECTORY}/.env")
    assert (keys.user, keys.mode) == ("root", 0o600)
    assert host.file(DIRECTORY).mode == 0o700
