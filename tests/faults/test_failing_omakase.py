# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Omakase host stands on fails: the way to Infisical, to the registry, its engine, its disk.

Each time the run ends in words within the time that is stated here, the services run on, and the next run mends all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.shell import wait_for
from tests.faults.failures import SSH, cut, full, silent_engine
from tests.faults.playbook import Playbook
from tests.roles.playbook import Run, refused, succeeded
from tests.roles.test_omakase import GATEWAY, STACK, Site, site
from tests.support.leaks import CommandLines, holding, lying_about
from tests.support.soak import Soak

__all__ = ["site"]  # a fixture

pytestmark = [pytest.mark.lab, pytest.mark.soak]
ADDRESS = "198.18.0.139"
HOME = "/home/omakase"
COMMAND_LINES = CommandLines()
BEGAN = time.time()


@pytest.fixture(scope="module")
def up(site: Site) -> Site:
    """The stack, in a home that is a small disk of its own."""
    small = f"mount -t tmpfs -o size=8m,mode=0750,uid=$(id -u omakase),gid=$(id -g omakase) tmpfs {HOME}"
    site.host.check_output(f"useradd --create-home omakase && {small}")
    succeeded(site.run())
    return site


def run(site: Site, soak: Soak, limit: float, **changes: Any) -> Run:
    """A run of the role, which has to end within so many seconds, whatever fails."""
    began = time.monotonic()
    with COMMAND_LINES.sampled():
        ran = site.run("-vvv", "--diff", **changes)
    took = time.monotonic() - began
    soak.progress(f"exit status {ran.code} after {took:.0f} s of {limit:.0f}")
    assert took < limit, f"it took {took:.0f} s:\n{ran.output[-3000:]}"
    assert "Traceback" not in ran.output, ran.output[-6000:]
    return ran


def recovers(site: Site, soak: Soak) -> None:
    """The next run mends what is left, the one after it has nothing to do, and every service is well."""
    succeeded(run(site, soak, 240))
    assert succeeded(run(site, soak, 120)).changed == 0
    states = site.host.check_output("docker ps --format '{{.Names}} {{.Status}}'").splitlines()
    assert len(states) == 2 and all("(healthy)" in state for state in states), states


@contextmanager
def going_on(site: Site) -> Iterator[None]:
    """No service is started anew meanwhile."""
    before = site.started()
    yield
    assert site.started() == before


@contextmanager
def cut_under_the_role(site: Site, folder: Path, task: str, what: str) -> Iterator[Playbook]:
    """A run of the role, whose network is cut as soon as this task is announced, and which fails."""
    play = {"hosts": "machines", "gather_facts": False, "roles": ["omakase.homelab.omakase"]}
    playbook = Playbook(folder, site.machine.inventory, play, site.given)
    with COMMAND_LINES.sampled():
        process = playbook.start()
        assert wait_for(lambda: task in playbook.log.read_text() or process.poll() is not None, 120)
        assert process.poll() is None, playbook.log.read_text()[-3000:]
        with cut(site.machine, what):
            process.wait(240)
            site.printed.append(playbook.log.read_text())
            assert process.returncode != 0, site.printed[-1][-3000:]
            yield playbook


def test_a_network_that_is_cut_between_omakase_and_infisical_leaves_the_services_running(
    up: Site, soak: Soak, tmp_path: Path
) -> None:
    to_infisical = f"ip saddr {GATEWAY} tcp sport {up.server.port}"
    with going_on(up), cut(up.machine, to_infisical):
        text = refused(run(up, soak, 240))
        assert "The Omakase stack on failing-omakase did not come up" in text
    recovers(up, soak)
    up.change("SONARR_API_KEY", "canary-cut-from-infisical")
    with going_on(up), cut_under_the_role(up, tmp_path, "Write .env", to_infisical) as playbook:
        assert "The Omakase stack on failing-omakase did not come up" in " ".join(playbook.log.read_text().split())
    recovers(up, soak)
    assert "canary-cut-from-infisical" in up.host.check_output("docker inspect omakase-page-1")


def test_a_network_that_is_cut_under_the_role_ends_it_within_two_minutes(up: Site, soak: Soak, tmp_path: Path) -> None:
    up.change("SONARR_API_KEY", "canary-cut-under-the-role")
    with cut_under_the_role(up, tmp_path, "Write .env", SSH) as playbook:
        assert "UNREACHABLE" in playbook.log.read_text()
    recovers(up, soak)
    assert "canary-cut-under-the-role" in up.host.check_output("docker inspect omakase-page-1")


def test_without_a_registry_the_services_run_on_and_the_reason_is_told(up: Site, soak: Soak) -> None:
    page = STACK["compose/page/compose.yml"]
    up.push({"compose/page/compose.yml": page.replace("nginx:1.28-alpine", "hello-world:linux")})
    up.host.run("docker image rm --force hello-world:linux")
    with going_on(up), cut(up.machine):
        # The secrets are read by the controller; the command on the host needs the server, which is cut off as well.
        assert "did not come up" in refused(run(up, soak, 300))
    with going_on(up), cut(up.machine, f"ip saddr {GATEWAY} tcp sport 5000"):
        text = refused(run(up, soak, 300))
        assert "did not come up" in text and "hello-world" in text
    up.push(STACK)
    recovers(up, soak)


def test_an_engine_that_says_nothing_is_told_and_nothing_is_begun(up: Site, soak: Soak) -> None:
    with silent_engine(up.machine):
        assert "Docker's engine does not answer (/run/docker.sock: timed out)" in refused(run(up, soak, 120))
    recovers(up, soak)


def test_a_full_disk_leaves_every_file_whole(up: Site, soak: Soak) -> None:
    files = f"{HOME}/omakase/.env {HOME}/omakase/compose/page/config/users"
    before = up.host.check_output(f"sha256sum {files}")
    up.change("TRAEFIK_API_PASSWORD", "canary-changed-while-the-disk-was-full")
    with going_on(up), full(up.machine, HOME):
        assert "No space left on device" in refused(run(up, soak, 120))
        assert up.host.check_output(f"sha256sum {files}") == before
    recovers(up, soak)
    login = "curl -fsS -o /dev/null -u 'admin:canary-changed-while-the-disk-was-full' http://127.0.0.1:8000/"
    up.host.check_output(login)


def test_no_secret_was_printed_or_left_where_others_read(up: Site) -> None:
    secrets = {name: value for name, value in up.secrets().items() if name.endswith(("_PASSWORD", "_SECRET", "_KEY"))}
    secrets["client secret"] = up.given["omakase_infisical_client_secret"]
    assert len(secrets) > 8 and COMMAND_LINES.looks > 1000
    assert holding(secrets, "\n".join(up.printed).encode()) == []
    assert COMMAND_LINES.holding(secrets) == []
    assert lying_about(up.machine.name, secrets, BEGAN) == []
