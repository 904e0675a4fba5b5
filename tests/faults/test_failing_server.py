# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Infisical host stands on fails: databases, engine, disk, network, registry, packages.

Each time a run ends in words within the time that is stated here, what runs goes on, and the next run mends the rest.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.shell import wait_for
from tests.faults.failures import SSH, cut, full, paused, silent_engine
from tests.faults.installation import BACKUPS, COPIES, DIRECTORY, NEW, OLD, RESTIC_PASSWORD, Installation
from tests.faults.playbook import Playbook
from tests.integration.conftest import Ansible
from tests.roles.machine import SERVER, Machine, cli_of_the_lab, docker_of_the_lab
from tests.roles.playbook import Run, refused, succeeded
from tests.support.leaks import CommandLines, holding, lying_about
from tests.support.soak import Soak

pytestmark = [pytest.mark.lab, pytest.mark.soak]
ADDRESS = "198.18.0.138"
DATABASE, REDIS = (f"/var/lib/docker/volumes/infisical_{name}_data/_data" for name in ("pg", "redis"))
UP = "Bring the containers up and wait until all are healthy"
RECOVERY = 400  # seconds for a run that finds nothing wrong any more, an upgrade included
NOT_WRITTEN = "canary-not-written"
LOOKUP = "{{ lookup('omakase.homelab.infisical', 'SECRET_0', timeout=3, retries=1) }}"


@dataclass
class Failing:
    """The installation, all that was printed, and every command line that was seen meanwhile."""

    server: Installation
    soak: Soak
    began: float = field(default_factory=time.time)
    printed: list[str] = field(default_factory=list)
    command_lines: CommandLines = field(default_factory=CommandLines)
    changes: int = 0

    @property
    def machine(self) -> Machine:
        return self.server.machine

    def role(self, limit: float, role: str = "infisical", **changes: Any) -> Run:
        """A run of a role, which has to end within so many seconds, whatever fails."""
        given = {"infisical_version": OLD, "infisical_start_timeout": 60, **changes}
        return self.within(limit, lambda: self.machine.role(self.server.directory, role, given, "-vvv", "--diff"))

    def within(self, limit: float, run: Callable[[], Run]) -> Run:
        began = time.monotonic()
        with self.command_lines.sampled():
            ran = run()
        took = time.monotonic() - began
        self.printed.append(ran.output)
        self.soak.progress(f"exit status {ran.code} after {took:.0f} s of {limit:.0f}")
        assert took < limit, f"it took {took:.0f} s:\n{ran.output[-3000:]}"
        assert "Traceback" not in ran.output, ran.output[-6000:]
        return ran

    def another(self) -> dict[str, str]:
        """A change that makes the server's container anew."""
        self.changes += 1
        return {"infisical_memory_limit": f"{1000 + self.changes}m"}

    def interrupted(self, limit: float, meanwhile: Callable[[subprocess.Popen[str]], None], **changes: Any) -> Run:
        """A run that something happens to when it begins to exchange containers."""
        play = {"hosts": "machines", "gather_facts": False, "roles": ["omakase.homelab.infisical"]}
        given = {"infisical_version": OLD, "infisical_start_timeout": 60, **changes}
        playbook = Playbook(self.server.directory, self.machine.inventory, play, given)
        log = self.server.directory / "killed.log"

        def run() -> Run:
            process = playbook.start()
            assert wait_for(lambda: UP in log.read_text() or process.poll() is not None, 120)
            assert process.poll() is None, log.read_text()[-3000:]
            meanwhile(process)
            code = process.wait(limit)
            return Run(code, log.read_text())

        return self.within(limit, run)

    def started(self) -> dict[str, str]:
        """When each container was started."""
        form = "'{{.Name}} {{.State.StartedAt}}'"
        listed = self.machine.host.check_output(f"docker inspect --format {form} $(docker ps --all --quiet)")
        return dict(line.split() for line in listed.splitlines())

    def recovers(self, **changes: Any) -> None:
        """The next run mends what is left, the one after it has nothing to do, and nothing is lost."""
        succeeded(self.role(RECOVERY, **changes))
        assert succeeded(self.role(RECOVERY, **changes)).changed == 0
        self.server.is_well()


@pytest.fixture(scope="module")
def made(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """An installation with small disks of their own for its directory, its database and its Redis."""
    machine.host.check_output(f"mkdir -p {DIRECTORY} && mount -t tmpfs -o size=32m,mode=0700 tmpfs {DIRECTORY}")
    made = Installation.made(machine, tmp_path_factory.mktemp("server"))
    # Moved there afterwards: a volume without an .env would be taken for an installation that has lost its keys.
    steps = (
        f"cd {DIRECTORY} && docker compose stop",
        *(
            f"cp -a {place} /root/moved && mount -t tmpfs -o size={size} tmpfs {place}"
            f" && cp -a /root/moved/. {place} && rm -r /root/moved"
            for place, size in ((DATABASE, "256m"), (REDIS, "16m"))
        ),
        "docker compose up --detach --wait",
    )
    machine.host.check_output(" && ".join(steps))
    # Which the first backup would make
    machine.host.check_output(f"install -d -m 700 {BACKUPS} {COPIES} /var/lib/infisical-backup")
    return made


@pytest.fixture(scope="module")
def memory(made: Installation) -> dict[str, Failing]:
    """One for all tests of this file; the voice of each is its own."""
    return {}


@pytest.fixture
def failing(made: Installation, memory: dict[str, Failing], soak: Soak) -> Failing:
    found = memory.setdefault("one", Failing(made, soak))
    found.soak = soak
    return found


@contextmanager
def going_on(failing: Failing, *but: str) -> Iterator[None]:
    """No container is started anew meanwhile, but these services'."""
    names = {f"/infisical-{service}-1" for service in but}
    before = failing.started().items()
    yield
    after = failing.started().items()
    assert {name for name, _ in before ^ after} <= names, (before, after)


@pytest.mark.parametrize("service", ["db", "redis", "backend"])
def test_a_container_that_was_killed_is_started_by_the_next_run(failing: Failing, service: str) -> None:
    with going_on(failing, service):
        failing.machine.host.check_output("docker kill %s", f"infisical-{service}-1")
        assert succeeded(failing.role(120)).changed > 0
    failing.recovers()


@pytest.mark.parametrize("service", ["db", "redis", "backend"])
def test_a_container_that_is_paused_is_told_with_the_way_out(failing: Failing, service: str) -> None:
    name = f"infisical-{service}-1"
    with going_on(failing), paused(failing.machine, name):
        text = refused(failing.role(150))
        assert f"docker unpause {name}" in text
    failing.recovers()


def test_an_engine_that_says_nothing_is_told_and_what_runs_goes_on(failing: Failing) -> None:
    before = failing.started()
    with silent_engine(failing.machine):
        text = refused(failing.role(180))
        assert "Docker's engine does not answer there" in text
        text = refused(failing.role(240, "docker", **docker_of_the_lab()))
        assert "The engine on" in text and "does not answer" in text
        for client in failing.server.clients:
            assert failing.server.read(client) == failing.server.values
    assert failing.started() == before
    failing.recovers()


def test_an_engine_that_is_restarted_under_the_role_leaves_nothing_that_the_next_run_cannot_mend(
    failing: Failing,
) -> None:
    change = failing.another()
    with going_on(failing, "backend"):
        run = failing.interrupted(
            240, lambda process: failing.machine.host.check_output("systemctl restart docker"), **change
        )
        if run.code:
            assert "Infisical on failing-server is not healthy" in run.text, run.output[-3000:]
        succeeded(failing.role(180, **change))
    failing.recovers(**change)


def test_a_network_that_is_cut_under_the_role_ends_it_within_two_minutes(failing: Failing) -> None:
    change = failing.another()

    def pulled(process: subprocess.Popen[str]) -> None:
        with cut(failing.machine, SSH):
            process.wait(150)

    run = failing.interrupted(180, pulled, **change)
    assert run.code != 0 and "UNREACHABLE" in run.output, run.output[-3000:]
    failing.recovers(**change)


def asked(failing: Failing, name: str, value: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Tasks that read all of prod, and write a secret of dev; and their variables."""
    server = failing.server
    client_id, client_secret = server.clients[1]
    login = {"infisical_url": server.api.base_url, "infisical_project_id": server.project}
    variables = {**login, "infisical_client_id": client_id, "infisical_client_secret": client_secret}
    options = {option.removeprefix("infisical_"): f"{{{{ {option} }}}}" for option in variables}
    # In a variable: of a failing task ansible-core prints its lines.
    secret = {"secrets": "{{ secrets }}", "overwrite": True, "timeout": 3, "retries": 1}
    lookup = "lookup('omakase.homelab.infisical_secrets', environment='prod', timeout=3, retries=1)"
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.set_fact": {"length": f"{{{{ {lookup} | length }}}}"}, "ignore_errors": True},
        {"omakase.homelab.infisical_secret": {**options, **secret}},
    ]
    return tasks, {**variables, "secrets": [{"name": name, "value": value}]}


def test_a_network_that_is_cut_before_infisical_ends_lookup_and_module_in_words(
    failing: Failing, ansible: Ansible, tmp_path: Path
) -> None:
    tasks, variables = asked(failing, "SECRET_0", NOT_WRITTEN)
    read: dict[str, Any] = {"ansible.builtin.set_fact": {"length": f"{LOOKUP[:-3]} | length }}}}"}}
    there, goes_on = tmp_path / "there", tmp_path / "goes_on"
    middle: list[dict[str, Any]] = [
        {"ansible.builtin.file": {"path": str(there), "state": "touch", "mode": "0600"}},
        {"ansible.builtin.wait_for": {"path": str(goes_on), "timeout": 60, "sleep": 1}},
    ]
    process = ansible.start(read, *middle, *tasks, variables=variables, arguments=("-vvv", "--diff"))
    assert wait_for(there.exists, 60)
    with cut(failing.machine, "tcp dport 80"):
        goes_on.touch()
        began = time.monotonic()
        output, _nothing = process.communicate(timeout=200)
    took = time.monotonic() - began
    failing.soak.progress(f"lookup and module without a network: {took:.0f} s of 60")
    failing.printed.append(output)
    said = " ".join(output.split())
    assert process.returncode != 0 and said.count(f"{failing.server.api.base_url} gave no answer to") >= 2, output
    assert took < 60
    result = ansible.play(read, variables=variables)
    assert result.status == 0, result.output
    failing.recovers(**failing_change(failing))


def failing_change(failing: Failing) -> dict[str, str]:
    """What the last changed run was given."""
    return {"infisical_memory_limit": f"{1000 + failing.changes}m"} if failing.changes else {}


def test_a_full_disk_leaves_every_file_whole_and_the_stack_as_it_is(failing: Failing) -> None:
    sums = f"sha256sum {DIRECTORY}/.env {DIRECTORY}/docker-compose.yml"
    before, change = failing.machine.host.check_output(sums), failing.another()
    with going_on(failing), full(failing.machine, DIRECTORY):
        text = refused(failing.role(120, **change))
        assert "No space left on device" in text
        assert failing.machine.host.check_output(sums) == before
    failing.recovers(**change)


def test_a_full_disk_of_the_database_is_told_and_loses_no_acknowledged_write(
    failing: Failing, ansible: Ansible
) -> None:
    server = failing.server
    another = NOT_WRITTEN + "x" * 100_000  # a short one may still find its place
    tasks, variables = asked(failing, "SECRET_1", another)
    with full(failing.machine, DATABASE):
        for number in range(200):
            attempted = f"canary-{number}-" + "x" * 100_000
            try:
                server.write("SECRET_1", attempted)
            except (AssertionError, OSError):
                break
        else:
            pytest.fail("the disk was never full")
        began = time.monotonic()
        result = ansible.play(tasks[1], variables=variables, arguments=("-vvv", "--diff"))
        took = time.monotonic() - began
    failing.soak.progress(f"a write to a full disk: {took:.0f} s of 60")
    failing.printed.append(result.output)
    assert result.status != 0
    assert re.search(f"{server.api.base_url} (refused|gave no answer to)", result.output), result.output
    assert took < 60
    succeeded(failing.role(180, **failing_change(failing)))
    # What was not acknowledged may have been written all the same.
    found = server.read(server.clients[0])["SECRET_1"]
    assert found in (server.values["SECRET_1"], attempted, another)
    server.values["SECRET_1"] = found
    assert server.read(server.clients[0]) == server.values
    server.write("SECRET_1", "canary-after")
    failing.recovers(**failing_change(failing))


def test_a_full_disk_of_redis_is_told_and_the_next_run_goes_on(failing: Failing) -> None:
    change = failing.another()
    write = "docker exec infisical-redis-1 sh -c 'REDISCLI_AUTH=$REDIS_PASSWORD redis-cli %s'"
    with going_on(failing, "backend", "redis"):
        with full(failing.machine, REDIS):
            # It notices with the next write, and answers nobody any more.
            failing.machine.host.check_output(write % "set filler full")
            assert wait_for(lambda: "MISCONF" in failing.machine.host.check_output(write % "ping"), 30)
            text = refused(failing.role(240, **change))
            assert "Infisical on failing-server is not healthy" in text and "No space left on device" in text
        succeeded(failing.role(240, **change))
    failing.machine.host.check_output(write % "del filler")
    failing.recovers(**change)


def test_without_a_package_repository_the_cli_is_not_half_installed(failing: Failing) -> None:
    given = cli_of_the_lab()
    with cut(failing.machine):
        text = refused(failing.role(240, "infisical_cli", **given))
        assert SERVER in text
        assert not failing.machine.host.exists("infisical")
    succeeded(failing.role(240, "infisical_cli", **given))
    assert failing.machine.host.exists("infisical")


def test_without_a_registry_an_upgrade_is_not_begun(failing: Failing) -> None:
    change = failing_change(failing)
    with going_on(failing), cut(failing.machine):
        text = refused(failing.role(300, infisical_version=NEW, **change))
        assert f"from {OLD} to {NEW} was not begun, and nothing of it was changed" in text
        assert failing.server.image() == f"infisical/infisical:{OLD}"
    failing.recovers(infisical_version=NEW, **change)
    assert failing.server.image() == f"infisical/infisical:{NEW}"


@pytest.mark.parametrize("playbook", ["backup", "drill", "restore", "upgrade", "audit", "doctor"])
def test_a_day_two_playbook_runs_on_what_has_seen_all_that(failing: Failing, playbook: str) -> None:
    server = failing.server
    given = {**server.settings, "infisical_version": NEW}
    given["infisical_backup_restore_identity"] = str(server.directory / "key")

    def run() -> Run:
        return failing.machine.playbook(server.directory, f"playbooks/{playbook}.yml", given, "-vvv", "--diff")

    ran = failing.within(RECOVERY, run)
    # The doctor has something to say of a server without credentials kept.
    assert ran.code == 0 or playbook == "doctor", ran.output[-6000:]


def test_no_secret_was_printed_or_left_where_others_read(failing: Failing) -> None:
    env = failing.machine.host.file(f"{DIRECTORY}/.env").content_string
    pairs = (line.split("=", 1) for line in env.splitlines())
    secrets = {
        name: value.strip("'") for name, value in pairs if name.endswith(("_KEY", "_SECRET", "_PASSWORD", "_URI"))
    }
    secrets |= {f"client secret {number}": secret for number, (_, secret) in enumerate(failing.server.clients)}
    secrets["the key of the backups"] = (failing.server.directory / "key").read_text().splitlines()[-1]
    secrets |= {
        "a value": "canary-3 $w",
        "a value that was not written": NOT_WRITTEN,
        "restic": RESTIC_PASSWORD,
    }
    assert len(failing.printed) > 10 and failing.command_lines.looks > 1000
    assert holding(secrets, "\n".join(failing.printed).encode()) == []
    assert failing.command_lines.holding(secrets) == []
    assert lying_about(failing.machine.name, secrets, failing.began) == []
