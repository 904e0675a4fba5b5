# SPDX-License-Identifier: GPL-3.0-or-later
"""Files, disks and commands of a host."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import host


def test_a_file_that_others_may_read_is_a_problem_with_the_command_that_mends_it(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    assert host.private_file(str(env)).evidence == "it is not there"
    env.touch()
    for mode, state in ((0o600, "ok"), (0o640, "problem"), (0o604, "problem"), (0o400, "ok")):
        env.chmod(mode)
        assert host.private_file(str(env)).state == state, oct(mode)
    env.chmod(0o664)
    assert host.private_file(str(env)).advice == f"chmod 0600 {env}"


def test_a_path_that_cannot_be_looked_at_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    finding = host.private_file(f"{tmp_path}/file/.env")
    assert (finding.state, finding.evidence) == ("problem", "it cannot be looked at: Not a directory")


def test_each_file_system_is_told_once_also_for_a_path_that_does_not_exist(tmp_path: Path) -> None:
    found = host.disks([str(tmp_path), f"{tmp_path}/not/there"])
    assert [finding.check for finding in found] == [f"disk of {tmp_path}"]


@pytest.mark.parametrize(
    ("free", "size", "inodes", "state"),
    [
        (50, 100, 90, "ok"),
        (3, 100, 90, "ok"),
        (1.5, 100, 90, "warning"),
        (0.2, 100, 90, "problem"),
        (50, 100, 0, "problem"),
    ],
)
def test_a_disk_is_judged_by_what_is_left(
    monkeypatch: pytest.MonkeyPatch, free: float, size: int, inodes: int, state: str
) -> None:
    gib = 1024**3 // 4096
    told = os.statvfs_result((4096, 4096, size * gib, int(free * gib), int(free * gib), 100, inodes, inodes, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _: told)
    assert host.disks(["/"])[0].state == state


def test_a_command_is_there_if_it_tells_its_version() -> None:
    assert host.command(lambda _: (0, "infisical version 0.43.136\nmore\n", ""), "infisical").evidence == (
        "infisical version 0.43.136"
    )
    assert host.command(lambda _: (127, "", ""), "infisical").evidence == "not there"
    assert host.command(lambda _: (3, "", ""), "infisical").evidence == "`infisical --version` ends with 3"
