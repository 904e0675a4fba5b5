# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup, restore and upgrade are killed at random moments: nothing is lost, and the next run comes to its end."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.faults import kills
from tests.faults.installation import (
    BACKUPS,
    BEFORE_RESTORE,
    BEFORE_UPGRADE,
    BROKEN,
    COPIES,
    KEPT,
    KEY,
    NEW,
    OLD,
    RESTIC,
    RESTIC_PASSWORD,
    WITHOUT_COPIES,
    Installation,
)
from tests.faults.kills import ALONE, CONTROLLER, GROUP, HOST, POWER, Kill, Kills
from tests.faults.playbook import Playbook
from tests.roles.machine import Machine
from tests.roles.playbook import refused, succeeded
from tests.support.soak import Soak

pytestmark = [pytest.mark.lab, pytest.mark.soak]
ADDRESS = "198.18.0.136"
COPIED = "copied"
BACKUP = {"": ["infisical-backup", f"--config={WITHOUT_COPIES}"], COPIED: ["infisical-backup"]}
_STARTED = "docker inspect --format '{{.State.StartedAt}}' $(docker ps --quiet | sort)"
RESTORE = ["infisical-backup", "bring-back", f"--save-to={BEFORE_RESTORE}", f"--identity={KEY}"]


@pytest.fixture(scope="module")
def server(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation.made(machine, tmp_path_factory.mktemp("server"))


def killed(server: Installation, kill: Kill, command: list[str]) -> bool:
    """A command on the host, killed there or with all of it."""
    if kill.how == POWER:
        server.machine.host.check_output(f"systemd-run --quiet --collect {' '.join(command)}; sleep {kill.after}")
        kills.power_off_and_on(server.machine)
        server.lay_key_down()
        return True
    return kills.on_host(server.machine.host, kill, command)


def backed_up(server: Installation, variant: str = "") -> None:
    run = server.machine.host.run(" ".join([*BACKUP[variant], "run"]))
    assert run.rc == 0, run.stderr


def test_a_killed_backup_leaves_the_earlier_ones_and_no_half_one(server: Installation, soak: Soak) -> None:
    host = server.machine.host
    rounds = Kills(soak, "backup")
    for variant in BACKUP:
        rounds.whole(partial(backed_up, server, variant), variant)
    for kill in rounds.drawn(soak.count(100), [GROUP, ALONE]):
        server.write("SECRET_0", f"before {kill}")
        before, started = server.archives(BACKUPS), host.check_output(_STARTED)
        hit = killed(server, kill, [*BACKUP[kill.variant], "run"])
        between = server.archives(BACKUPS)
        for archive, checksum in between.items():
            assert before.get(archive, checksum) == checksum, f"{kill} changed {archive}"
            if archive not in before:
                server.manifest(archive)
        assert list(before)[-1] in between and len(between) >= min(KEPT, len(before)), f"{kill} lost archives"
        rounds.whole(partial(backed_up, server, kill.variant), kill.variant)
        after = server.archives(BACKUPS)
        newest = list(after)[-1]
        assert newest not in before and len(after) == min(KEPT, len({**before, **between}) + 1), (kill, after)
        assert server.manifest(newest)["rows"]["secret_versions_v2"] == server.contents().rows["secret_versions_v2"]
        if kill.variant == COPIED:
            assert server.archives(COPIES)[newest.replace(BACKUPS, COPIES)] == after[newest]
        assert host.check_output(_STARTED) == started, f"{kill} or the next backup started a container anew"
        server.is_well()
        rounds.count(kill, hit)
    restic = f"RESTIC_PASSWORD={RESTIC_PASSWORD} restic --quiet --repo {RESTIC}"
    host.check_output(f"{restic} check")
    assert host.check_output(f"{restic} list locks") == ""
    rounds.sum_up()


def test_a_killed_restore_is_made_again_and_what_it_replaces_is_kept(server: Installation, soak: Soak) -> None:
    backed_up(server)
    archive, checksum = list(server.archives(BACKUPS).items())[-1]
    then, values = server.contents(), dict(server.values)

    def restore() -> None:
        run = server.machine.host.run(" ".join([*RESTORE, archive]))
        assert run.rc == 0, run.stderr

    rounds = Kills(soak, "restore")
    rounds.whole(restore)
    for kill in rounds.drawn(soak.count(100), [GROUP, ALONE, *[GROUP, ALONE] * 3, POWER]):
        server.machine.host.check_output(f"rm -f {BEFORE_RESTORE}/infisical-*")
        for version in range(1 + kill.number % 5):
            server.write("SECRET_1", f"not in the archive {kill.number} {version}")
        now = server.contents()
        hit = killed(server, kill, [*RESTORE, archive])
        if kill.how != POWER:  # the database runs all the time
            found = server.contents()
            assert found in (then, now), f"{kill} left something else: {found}"
            saved = [server.manifest(path)["rows"]["secret_versions_v2"] for path in server.archives(BEFORE_RESTORE)]
            assert found == now or now.rows["secret_versions_v2"] in saved, f"{kill} lost what it replaced"
        server.values = dict(values)
        rounds.whole(restore)
        saved = [server.manifest(path)["rows"]["secret_versions_v2"] for path in server.archives(BEFORE_RESTORE)]
        assert now.rows["secret_versions_v2"] in saved, f"{kill} lost what it replaced"
        assert server.archives(BACKUPS)[archive] == checksum
        assert server.contents() == then, kill
        server.is_well()
        rounds.count(kill, hit)
    rounds.sum_up()


@pytest.fixture
def upgrade(server: Installation, tmp_path: Path) -> Any:
    """The role infisical with a version."""

    def made(version: str) -> Playbook:
        play = {"hosts": "machines", "gather_facts": False, "roles": ["omakase.homelab.infisical"]}
        variables = {"infisical_version": version, "infisical_start_timeout": 60}
        return Playbook(tmp_path, server.machine.inventory, play, variables)

    return made


def test_a_killed_upgrade_ends_on_the_new_version_or_on_the_old_one(
    server: Installation, soak: Soak, upgrade: Any
) -> None:
    host = server.machine.host
    backed_up(server)
    archive = list(server.archives(BACKUPS))[-1]
    old = server.contents()

    def reset() -> None:
        host.check_output(f"infisical-backup bring-back --identity={KEY} {archive}; rm -f {BEFORE_UPGRADE}/infisical-*")
        for name in server.contents().databases:
            if "_before_" in name:
                host.check_output(f"docker exec infisical-db-1 dropdb --username=infisical {name}")

    def next_run(version: str) -> None:
        run = upgrade(version).run()
        if version == BROKEN:
            assert f"did not come up as {BROKEN}, and is {OLD} again" in refused(run)
        else:
            succeeded(run)

    rounds = Kills(soak, "upgrade")
    for version in (NEW, BROKEN):
        rounds.whole(partial(next_run, version), version)
        reset()
    for kill in rounds.drawn(soak.count(100), [CONTROLLER, HOST, *[CONTROLLER, HOST] * 3, POWER]):
        version = kill.variant
        hit = kills.on_controller(server.machine, kill, upgrade(version).start())
        if kill.how == POWER:
            server.lay_key_down()
        for path in server.archives(BEFORE_UPGRADE):
            server.manifest(path)
        assert server.keys_now() == server.keys, kill
        rounds.whole(partial(next_run, version), version)
        assert server.image() == f"infisical/infisical:{OLD if version == BROKEN else NEW}", kill
        assert server.contents() == old, kill
        saved = list(server.archives(BEFORE_UPGRADE))
        assert any(f"infisical/infisical:{OLD}" in server.compose_of(path) for path in saved), (
            f"{kill} lost the old one"
        )
        assert not host.file("/opt/infisical/upgrade.json").exists, f"the note outlived {kill}"
        server.is_well(keeps_replaced=version == BROKEN)
        rounds.count(kill, hit)
        reset()
    rounds.sum_up()
