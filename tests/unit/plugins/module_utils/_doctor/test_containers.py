# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker and its containers, by what the docker command prints."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import containers

DIRECTORY = "/opt/infisical"


class Docker:
    """Answers commands by their first two words, as (status, output, errors)."""

    def __init__(self, **answers: tuple[int, str, str]) -> None:
        self.answers = answers
        self.asked: list[Sequence[str]] = []

    def __call__(self, command: Sequence[str]) -> tuple[int, str, str]:
        self.asked.append(command)
        return self.answers["_".join(word.lstrip("-").replace("-", "_") for word in command[:2])]


def listed(**statuses: str) -> tuple[int, str, str]:
    """What `docker ps` prints for containers of these names and statuses."""
    rows = [
        {"ID": f"id-{name}", "Names": name, "Status": status, "State": "running" if "Up" in status else "exited"}
        for name, status in statuses.items()
    ]
    return 0, "\n".join(map(json.dumps, rows)), ""


def inspected(*variables: str, policy: str = "unless-stopped", **states: dict[str, object]) -> tuple[int, str, str]:
    """What `docker inspect` prints for containers of these names and states, all with these variables."""
    found = [
        {
            "Id": f"id-{name}",
            "State": state,
            "Config": {"Env": list(variables)},
            "HostConfig": {"RestartPolicy": {"Name": policy}},
        }
        for name, state in states.items()
    ]
    return 0, json.dumps(found), ""


VERSION = (0, "28.5.1\n", "")


@pytest.mark.parametrize("ports", ["127.0.0.1:8080->8080/tcp", "0.0.0.0:80->80/tcp, [::1]:9464->9464/tcp"])
def test_an_older_engine_lets_neighbours_at_what_is_published_for_the_host_alone(ports: str) -> None:
    ps = (0, f"backend {ports}\ndb 5432/tcp\nproxy 0.0.0.0:443->443/tcp", "")
    docker = Docker(docker_version=(0, "26.1.5+dfsg1\n", ""), docker_ps=ps)
    _engine, found = containers.projects(docker, [])
    assert (found.state, found.check) == ("warning", "ports for this host alone")
    assert found.evidence.startswith("backend: published on 127.0.0.1 by Docker 26, which") and "28" in found.advice
    docker.answers["docker_version"] = VERSION
    assert len(containers.projects(docker, [])) == 1
    docker.answers |= {"docker_version": (0, "20.10.24\n", ""), "docker_ps": (0, "proxy 0.0.0.0:443->443/tcp", "")}
    assert len(containers.projects(docker, [])) == 1


def test_containers_that_run_and_are_healthy_are_well() -> None:
    docker = Docker(docker_version=VERSION, docker_ps=listed(db="Up 2 hours (healthy)", proxy="Up 3 days"))
    found = containers.projects(docker, [DIRECTORY])
    assert [finding.state for finding in found] == ["ok", "ok"]
    assert found[1].evidence.startswith("2 of 2 run")
    # Those of this project alone, and those that have ended too
    (listing,) = [command for command in docker.asked if command[1] == "ps"]
    assert "--all" in listing and f"label=com.docker.compose.project.working_dir={DIRECTORY}" in " ".join(listing)


def test_a_container_that_is_not_well_shows_its_last_lines_and_hides_no_other() -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(
            db="Up 2 hours (healthy)", redis="Exited (1) 4 minutes ago", backend="Up 9 minutes (unhealthy)"
        ),
        docker_logs=(0, "first\n\n", "no space left on device\n"),
        docker_inspect=inspected(redis={}, backend={}),
    )
    _, *found = containers.projects(docker, [DIRECTORY])
    assert [(finding.check, finding.state) for finding in found] == [
        ("container backend", "problem"),
        ("container redis", "problem"),
    ]
    assert found[1].evidence == "Exited (1) 4 minutes ago\nfirst\nno space left on device"
    assert "docker logs redis" in found[1].advice


@pytest.mark.parametrize(
    ("state", "kind", "evidence", "advice"),
    [
        ({"OOMKilled": True}, "lxc", "Exited (137) now", "more memory"),
        ({"Error": "open sysctl net.ipv4.ip_unprivileged_port_start: permission denied"}, "lxc", "sysctl", "lxc-pve"),
        (
            {"Error": "unable to create session key: disk quota exceeded"},
            "lxc",
            "session key",
            "kernel.keys.maxkeys=2000",
        ),
        ({"Error": "write /x: disk quota exceeded"}, "lxc", "write /x", "says why"),
        ({"Error": "mounting /x: permission denied"}, "none", "mounting /x", "says why"),
        ({"Error": "port is already allocated"}, "lxc", "already allocated", "says why"),
    ],
)
def test_why_docker_did_not_start_or_ended_it_is_told(
    state: dict[str, object], kind: str, evidence: str, advice: str
) -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(backend="Exited (137) now"),
        docker_logs=(0, "", ""),
        docker_inspect=inspected(backend=state),
        systemd_detect_virt_container=(0, f"{kind}\n", ""),
    )
    _, finding = containers.projects(docker, [DIRECTORY])
    assert evidence in finding.evidence and advice in finding.advice


def test_a_container_that_has_just_been_started_is_a_warning() -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(db="Up 2 seconds (health: starting)"),
        docker_logs=(0, "", ""),
        docker_inspect=inspected(db={}),
    )
    assert [finding.state for finding in containers.projects(docker, [DIRECTORY])] == ["ok", "warning"]


HIDDEN = [
    ("DB_PASSWORD=canary", "login with canary refused"),
    ("APP_KEY=canary", "APP_KEY is canary"),
    ("DB_PIN_TOKEN=1234", "token 1234 expired"),
    ("ADDRESS=redis://:canary%2Fword@redis:6379", "no login with canary/word"),
    ("ADDRESS=postgres://app:canary@one,postgres://app:word@two", "tried canary, word"),
    ("ADDRESS=amqp://app:can@ary@queue", "tried can@ary"),
    ("SETTINGS=host=db password=canary port=5432", "tried canary"),
    ('API_SECRET="canary"', '{"secret": "canary"}'),
    ("API_SECRET=canary word/1", "GET /?secret=canary+word%2F1"),
]


@pytest.mark.parametrize(("variable", "line"), HIDDEN)
def test_what_a_container_was_given_does_not_come_back_in_its_last_lines(variable: str, line: str) -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(app="Exited (1) 4 minutes ago", db="Up 2 hours"),
        docker_logs=(0, f"first\n{line}\n", ""),
        docker_inspect=inspected("LOG_LEVEL=first", variable, app={"Error": line}),
    )
    _, finding = containers.projects(docker, [DIRECTORY])
    assert "first" in finding.evidence and "****" in finding.evidence
    assert not any(word in finding.evidence for word in ("canary", "can@ary", "word", "1234"))


def test_values_that_the_caller_names_do_not_come_back_either() -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(app="Exited (1) 4 minutes ago"),
        docker_logs=(0, "read canary%2Fvalue\n", ""),
        docker_inspect=inspected(app={}),
    )
    _, finding = containers.projects(docker, [DIRECTORY], ["canary/value"])
    assert finding.evidence.endswith("read ********")


@pytest.mark.parametrize("said", [(1, "[]", "no such object"), (0, "junk", ""), (0, "{}", "")])
def test_of_a_container_whose_environment_is_not_known_no_line_is_shown(said: tuple[int, str, str]) -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(app="Exited (1) 4 minutes ago"),
        docker_logs=(0, "canary", ""),
        docker_inspect=said,
    )
    _, finding = containers.projects(docker, [DIRECTORY])
    assert finding.state == "problem" and "last lines are not shown" in finding.evidence


@pytest.mark.parametrize(
    ("policy", "code", "state"),
    [("no", 0, "ok"), ("on-failure", 0, "ok"), ("always", 0, "problem"), ("no", 1, "problem")],
)
def test_a_container_that_runs_once_and_ended_well_is_well(policy: str, code: int, state: str) -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(db="Up 2 hours (healthy)", migration=f"Exited ({code}) 2 hours ago"),
        docker_logs=(0, "", ""),
        docker_inspect=inspected(
            policy=policy, db={"Status": "running"}, migration={"Status": "exited", "ExitCode": code}
        ),
    )
    _, finding = containers.projects(docker, [DIRECTORY])
    assert finding.state == state
    if state == "ok":
        assert finding.evidence.startswith("1 of 2 run") and finding.evidence.endswith("have done their work")


def test_a_project_of_which_nothing_runs_is_a_problem_however_well_all_ended() -> None:
    docker = Docker(
        docker_version=VERSION,
        docker_ps=listed(db="Exited (0) 2 hours ago"),
        docker_inspect=inspected(policy="no", db={"Status": "exited", "ExitCode": 0}),
    )
    _, finding = containers.projects(docker, [DIRECTORY])
    assert (finding.state, finding.evidence) == ("problem", "none of them runs")


def test_a_project_without_containers_is_a_problem() -> None:
    found = containers.projects(Docker(docker_version=VERSION, docker_ps=listed()), [DIRECTORY])
    assert (found[1].state, found[1].evidence) == ("problem", "there are none")


def test_in_a_container_of_proxmox_the_cure_for_a_silent_engine_is_proxmox_s() -> None:
    silent = (1, "", "Cannot connect to the Docker daemon\n")
    for kind, advice in (("lxc", "nesting=1"), ("none", "journalctl -u docker")):
        docker = Docker(docker_version=silent, systemd_detect_virt_container=(0, f"{kind}\n", ""))
        (finding,) = containers.projects(docker, [DIRECTORY])
        assert finding.evidence == "Cannot connect to the Docker daemon"
        assert advice in finding.advice


def test_variables_without_a_value_are_named() -> None:
    warned = (
        'time="2026-11-25" level=warning msg="The \\"DB_USER\\" variable is not set. Defaulting to a blank string."'
    )
    missing = "error while interpolating services.app.environment.X: required variable APP_KEY is missing a value: err"
    for status, error, names in (
        (0, warned, "DB_USER"),
        (1, missing, "APP_KEY"),
        (1, f"{warned}\n{missing}", "APP_KEY, DB_USER"),
    ):
        finding = containers.injection(lambda _, s=status, e=error: (s, "", e), ["omakase-infisical"])  # type: ignore[misc]
        assert (finding.state, finding.evidence) == ("problem", f"no value for {names}")


def test_a_resolution_that_fails_for_another_reason_is_a_problem_too() -> None:
    finding = containers.injection(lambda _: (1, "", "login refused, secret canary"), ["omakase-infisical", "run"])
    assert (finding.state, finding.evidence) == ("problem", "`omakase-infisical run` ends with 1")
    assert containers.injection(lambda _: (0, "", ""), ["omakase-infisical"]).state == "ok"
