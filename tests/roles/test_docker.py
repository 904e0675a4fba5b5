# SPDX-License-Identifier: GPL-3.0-or-later
"""The role docker on a real, unprivileged LXC container: the tests build on each other in the order they stand in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.roles.machine import DOCKER, REGISTRY, SERVER, Machine, docker_of_the_lab
from tests.roles.playbook import Run, refused, succeeded

pytestmark = pytest.mark.lab
ADDRESS = "198.18.0.161"
SOURCE = "/etc/apt/sources.list.d/docker.sources"
PROOF, DUE = "/var/lib/omakase/docker-proof.json", "/var/lib/omakase/docker-due.json"

# A repository of the machine's own, without the tools that make one.
NEWER = """
mkdir -p /root/newer && cd /root/newer
apt-get update -qq
apt-get download -qq docker-ce docker-ce-cli
for deb in *.deb; do
  name=${deb%%_*}
  dpkg-deb --raw-extract "$deb" tree
  sed -i 's/^Version: .*/Version: 5:99.0.0-1/' tree/DEBIAN/control
  dpkg-deb --root-owner-group -Znone --build tree "$name.deb" >/dev/null
  dpkg-deb --field "$name.deb" >> Packages
  printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' "$name.deb" "$(stat -c %s "$name.deb")" \
    "$(sha256sum "$name.deb" | cut -d' ' -f1)" >> Packages
  rm -r tree "$deb"
done
echo 'deb [trusted=yes] file:/root/newer ./' > /etc/apt/sources.list.d/newer.list
"""

Role = Callable[..., Run]


@pytest.fixture
def role(machine: Machine, tmp_path: Path) -> Role:
    """Runs the role with the lab's repository and registry."""
    given = docker_of_the_lab()

    def run(*arguments: str, **changes: Any) -> Run:
        return machine.role(tmp_path, "docker", {**given, **changes}, *arguments)

    return run


def started(machine: Machine) -> str:
    """When the container `keep` was started."""
    return str(machine.host.check_output("docker inspect --format '{{.State.StartedAt}}' keep"))


def pid(machine: Machine) -> str:
    """The engine's process."""
    return str(machine.host.check_output("systemctl show docker --property MainPID --value"))


def offer_newer(machine: Machine) -> None:
    """Let apt know of a newer version of the engine: the same files under version 99."""
    machine.host.check_output("sh -ec %s", NEWER)


def test_a_plan_on_a_fresh_machine_succeeds_and_tells_what_would_be_installed(role: Role, machine: Machine) -> None:
    run = succeeded(role("--check", "--diff"))
    assert "Would install docker-ce, docker-ce-cli, containerd.io" in run.text
    assert f"URIs: {DOCKER}" in run.text and '"max-size": "10m"' in run.text
    assert not machine.host.file(SOURCE).exists
    assert not machine.host.exists("docker")


def test_it_installs_docker_from_the_signed_repository_and_runs_a_nested_container(
    role: Role, machine: Machine
) -> None:
    # What is in the way, what somebody has set, and what an older way of installing leaves, at which apt would stop.
    machine.host.check_output("apt-get -qq update && apt-get -qq install -y --no-install-recommends runc")
    machine.host.check_output("mkdir -p /etc/docker && echo '{\"live-restore\": true}' > /etc/docker/daemon.json")
    machine.host.check_output(f"echo 'deb [trusted=yes] {DOCKER} trixie stable' > /etc/apt/sources.list.d/docker.list")
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


def test_what_a_killed_run_has_written_is_taken_over_by_the_next_and_by_no_other(role: Role, machine: Machine) -> None:
    host, before = machine.host, pid(machine)
    host.check_output(f'echo \'["reloaded", "restarted"]\' > {DUE}')
    assert succeeded(role()).changed > 0 and pid(machine) != before
    assert not host.file(DUE).exists


def test_a_changed_option_restarts_an_engine_that_systemd_would_start_no_more_and_null_removes_one(
    role: Role, machine: Machine
) -> None:
    # Three starts in an hour instead of a minute, so that it does not depend on how fast the machine is.
    unit = "/run/systemd/system/docker.service.d"
    limited = f"mkdir -p {unit} && printf '[Unit]\nStartLimitIntervalSec=1h\n' > {unit}/limit.conf"
    often = "for start in 1 2 3 4; do systemctl restart docker || exit 0; done; exit 1"
    machine.host.check_output("sh -ec %s", f"{limited}; systemctl daemon-reload; {often}")
    options = {
        "registry-mirrors": [REGISTRY],
        "live-restore": None,
        "default-address-pools": [{"base": "172.31.0.0/16", "size": 24}],
    }
    succeeded(role(docker_daemon_options=options))
    machine.host.check_output("sh -ec %s", f"rm -r {unit}; systemctl daemon-reload")
    config = json.loads(machine.host.file("/etc/docker/daemon.json").content_string)
    assert "live-restore" not in config and config["default-address-pools"] == options["default-address-pools"]
    machine.host.check_output("docker network create pool")
    assert "172.31." in machine.host.check_output("docker network inspect pool")
    machine.host.check_output("docker network rm pool")


def test_containers_run_on_while_the_engine_takes_over_a_change_or_restarts(role: Role, machine: Machine) -> None:
    machine.host.check_output("docker run --quiet --detach --name keep --volume kept:/data redis:7-alpine")
    before, engine = started(machine), pid(machine)
    insecure: dict[str, Any] = {"registry-mirrors": [REGISTRY], "insecure-registries": ["registry.home.example:5000"]}
    succeeded(role(docker_daemon_options=insecure))
    assert "registry.home.example:5000" in machine.host.check_output("docker info")
    assert (started(machine), pid(machine)) == (before, engine), "a reload was enough"
    succeeded(role(docker_daemon_options={**insecure, "log-opts": {"max-size": "20m"}}))
    assert started(machine) == before
    assert pid(machine) != engine


def test_what_would_stop_containers_or_lose_sight_of_data_is_refused_unless_said(role: Role, machine: Machine) -> None:
    before = machine.host.file("/etc/docker/daemon.json").content
    text = refused(role(docker_daemon_options={"live-restore": False, "data-root": "/srv/docker"}))
    assert "1 running container(s) on docker would be stopped" in text and "docker_allow_restart" in text
    assert "/var/lib/docker on docker holds containers or volumes" in text and "docker_allow_new_data_root" in text
    assert machine.host.file("/etc/docker/daemon.json").content == before
    assert machine.host.check_output("docker inspect --format '{{.State.Running}}' keep") == "true"


def test_the_password_of_a_proxy_is_in_no_output_and_what_the_engine_refuses_replaces_nothing(
    role: Role, machine: Machine
) -> None:
    proxies = {"http-proxy": "http://user:canary-7f3a@proxy.home.example:3128", "no-proxy": "198.18.0.0/24"}
    for arguments in (("--check", "--diff", "-vvv"), ("--diff", "-vvv")):
        assert "canary-7f3a" not in succeeded(role(*arguments, docker_daemon_options={"proxies": proxies})).output
    before = machine.host.file("/etc/docker/daemon.json").content
    refusal = role("--diff", "-vvv", docker_daemon_options={"proxies": proxies, "registry-mirrors": "no list"})
    assert "stays as it was: failed to validate" in refused(refusal) and "canary-7f3a" not in refusal.output
    assert machine.host.file("/etc/docker/daemon.json").content == before
    assert machine.host.file("/etc/docker/daemon.json").mode == 0o600
    assert "proxy.home.example" in machine.host.check_output("docker info")


def test_users_are_let_in_only_when_asked_and_never_made(role: Role, machine: Machine) -> None:
    machine.host.check_output("useradd alice")
    succeeded(role(docker_users=["alice"], docker_daemon_options={"proxies": None, "registry-mirrors": [REGISTRY]}))
    assert machine.host.file("/etc/docker/daemon.json").mode == 0o644, "without the password of a proxy"
    assert "docker" in machine.host.user("alice").groups
    assert machine.host.check_output("getent group docker | cut -d: -f4") == "alice"


def test_an_exact_version_is_held_until_it_is_no_longer_asked_for_and_containers_outlive_an_upgrade(
    role: Role, machine: Machine
) -> None:
    host, version = machine.host, machine.host.package("docker-ce").version
    before = started(machine)
    host.check_output("apt-mark hold containerd.io")
    offer_newer(machine)
    assert "no available installation candidate for docker-ce=5:98.*" in refused(role(docker_version="5:98.*"))
    succeeded(role(docker_version=f"{version.partition('.')[0]}.*"))
    assert host.check_output("apt-mark showhold").split() == ["containerd.io", "docker-ce", "docker-ce-cli"]
    succeeded(role(docker_upgrade=True))
    assert host.check_output("apt-mark showhold") == "containerd.io", "a hold of somebody else stays"
    assert host.package("docker-ce").version == host.package("docker-ce-cli").version == "5:99.0.0-1"
    assert started(machine) == before
    succeeded(role(docker_version=version))
    assert host.package("docker-ce").version == version and started(machine) == before
    host.check_output("apt-mark unhold containerd.io docker-ce docker-ce-cli")
    host.check_output("rm /etc/apt/sources.list.d/newer.list && docker rm --force keep")


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
    assert "The engine on docker does not answer" in text and "/run/docker.sock: Connection refused" in text
    machine.host.check_output("systemctl start docker.socket docker")


def test_a_container_that_does_not_run_is_told_with_the_cure(role: Role, machine: Machine) -> None:
    # An image whose program cannot start, as it is with the sysctl that LXC refuses.
    machine.host.check_output("docker create --quiet --name broken hello-world:linux")
    machine.host.check_output("docker commit --change 'ENTRYPOINT [\"/nothing\"]' broken broken:1")
    text = refused(role(docker_proof_image="broken:1"))
    assert "No container runs in docker" in text
    assert "nesting=1" in text and "lxc-pve is 6.0.5-2 or newer" in text and "CVE-2025-52881" in text


def test_none_leaves_an_engine_alone_and_sees_that_it_works(role: Role, machine: Machine) -> None:
    before = machine.host.file("/etc/docker/daemon.json").content
    succeeded(role(docker_source="none", docker_daemon_options={"debug": True}))
    assert machine.host.file("/etc/docker/daemon.json").content == before


def test_traefik_finds_a_service_of_this_engine_by_the_labels_of_reverse_proxy(
    machine: Machine, tmp_path: Path
) -> None:
    host = machine.host
    host.check_output("mkdir -p /opt/infisical")
    compose = {
        "name": "infisical",
        "services": {"backend": {"image": "redis:7-alpine", "networks": ["own"]}},
        "networks": {"own": {}},
    }
    given: dict[str, Any] = {
        "reverse_proxy_kind": "traefik",
        "reverse_proxy_sites": [
            {"name": "infisical", "hostnames": ["infisical.home.example"], "health_path": "/api/status"}
        ],
    }
    host.check_output("printf %s > /opt/infisical/docker-compose.yml", json.dumps(compose))
    assert "network traefik" in refused(machine.role(tmp_path, "reverse_proxy", given))
    host.check_output("docker network create traefik")
    succeeded(machine.role(tmp_path, "reverse_proxy", given))
    inspected = json.loads(host.check_output("docker inspect infisical-backend-1"))[0]
    labels = inspected["Config"]["Labels"]
    assert labels["traefik.http.routers.infisical.rule"] == "Host(`infisical.home.example`)"
    assert labels["traefik.http.routers.infisical.tls.certresolver"] == "letsencrypt"
    assert labels["traefik.http.services.infisical.loadbalancer.server.port"] == "8080"
    assert set(inspected["NetworkSettings"]["Networks"]) == {"infisical_own", "traefik"}
    assert succeeded(machine.role(tmp_path, "reverse_proxy", given)).changed == 0


def test_the_engine_begins_afresh_in_another_place_where_that_is_said_and_the_old_data_stays(
    role: Role, machine: Machine
) -> None:
    host = machine.host
    host.check_output("docker volume create of-before")
    options = {"registry-mirrors": [REGISTRY], "data-root": "/srv/docker"}
    moved = {"docker_daemon_options": options, "docker_allow_restart": True, "docker_allow_new_data_root": True}
    host.check_output("docker ps --quiet | xargs --no-run-if-empty docker stop --time 1")
    succeeded(role(**moved))
    assert host.check_output("docker info --format '{{.DockerRootDir}}'") == "/srv/docker"
    assert host.check_output("docker volume ls --quiet") == ""
    assert host.file("/var/lib/docker/volumes/of-before").is_directory
    assert succeeded(role(docker_daemon_options=options)).changed == 0
