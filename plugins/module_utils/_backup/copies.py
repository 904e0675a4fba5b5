# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing archives off the host."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .commands import run
from .retention import Keep


def copy(folder: Path, archive: Path, target: Mapping[str, Any], keep: Keep) -> None:
    """Copy the newest archive, and by rsync all that are not there yet. Raises BackupError."""
    if target["kind"] == "rsync":
        _by_rsync(folder, target)
    else:
        _by_restic(archive, target, keep)


def _by_rsync(folder: Path, target: Mapping[str, Any]) -> None:
    """So that a run makes up for one that failed. Nothing is removed there: who breaks in here cannot reach it."""
    shell = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-p", str(target.get("port", 22))]
    shell += ["-i", target["ssh_key_file"]] if target.get("ssh_key_file") else []
    shell += ["-o", f"UserKnownHostsFile={target['known_hosts_file']}"] if target.get("known_hosts_file") else []
    options = ["--archive", "--ignore-existing", "--timeout=300", "--include=infisical-*.tar*", "--exclude=*"]
    run(["rsync", *options, f"--rsh={shlex.join(shell)}", f"{folder}/", target["to"]])


def _by_restic(archive: Path, target: Mapping[str, Any], keep: Keep) -> None:
    env = {"RESTIC_REPOSITORY": target["to"], **target.get("environment", {})}
    # A lock of one that was killed would be in the way for ever. It leaves those of the living alone.
    run(["restic", "unlock", "--quiet"], env=env)
    run(["restic", "backup", "--quiet", "--tag=infisical", str(archive)], env=env)
    if target.get("forget", True):
        counts = [f"--keep-{name}={getattr(keep, name)}" for name in ("last", "daily", "weekly", "monthly")]
        forget = ["restic", "forget", "--quiet", "--tag=infisical", "--group-by=host,tags", "--prune"]
        run([*forget, *counts], env=env)
