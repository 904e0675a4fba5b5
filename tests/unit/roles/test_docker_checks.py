# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role docker refuses on a host that has something else, and what it leaves as it is."""

from __future__ import annotations

import json

import yaml

from tests.meta.repository import ROOT
from tests.support.role import Role, problems
from tests.unit.roles.test_second_run import docker, package, text

DAEMON = "/etc/docker/daemon.json"


def refused(found: Role) -> str:
    return " ".join(problems(found, "__docker_checks | rejectattr('ok') | map(attribute='say')"))


def test_the_packages_of_the_distribution_are_refused_beside_those_of_the_vendor() -> None:
    said = refused(docker(docker_source="distribution"))
    assert "one has docker-ce, docker-ce-cli, containerd.io" in said and "set docker_source to vendor or none" in said
    assert refused(docker(docker_source="distribution", docker_remove_conflicting_packages=True)) == ""


def test_all_that_cannot_work_is_named_at_once() -> None:
    found = docker(packages={"runc": package()}, docker_users=["alice", "dave"], docker_source="vendor")
    found.variables["__docker_host"]["files"][DAEMON] = text("log-driver: none\n")
    said = refused(found)
    assert "one has runc, in the way of Docker from the vendor" in said and "docker_remove_conflicting_packages" in said
    assert "/etc/docker/daemon.json on one is not a JSON object" in said
    assert "dave in docker_users cannot be found" in said


def test_the_key_is_held_against_the_fingerprint_that_was_asked_for() -> None:
    given = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"
    (trusted,) = [
        task["omakase.homelab.signed_apt_source"]
        for task in yaml.safe_load((ROOT / "roles/docker/tasks/install.yml").read_text())
        if "omakase.homelab.signed_apt_source" in task
    ]
    assert docker(docker_repository_key_fingerprint=given).text(trusted["key_fingerprint"]) == given


def test_an_option_that_is_taken_away_stays_away() -> None:
    found = docker(docker_daemon_options={"live-restore": None, "bip": "172.31.0.1/16"})
    found.variables["__docker_host"]["files"][DAEMON] = text(json.dumps(found.value("__docker_daemon")))
    assert "live-restore" not in found.value("__docker_daemon")
    assert found.value("[__docker_daemon_is_right, __docker_is_configured]") == [True, True]
