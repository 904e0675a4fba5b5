# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing archives off the host."""

from __future__ import annotations

import re
import shlex
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .archive import archives
from .commands import BackupError, run
from .retention import Keep

# Up to the last @ of the word: whoever forgets to encode a password is not told on either.
_PASSWORD = re.compile(r"(?<=://)([^:/\s@]*):(\S*)@")


def copy(folder: Path, target: Mapping[str, Any], keep: Keep) -> None:
    """Copy all archives of the folder that are not there yet, so that a run makes up for one that failed.

    Raises BackupError, without a password that is in the address.
    """
    try:
        if target["kind"] == "rsync":
            _by_rsync(folder, target)
        else:
            _by_restic(folder, target, keep)
    except BackupError as error:
        raise BackupError(told(str(error), target)) from None


def told(text: str, target: Mapping[str, Any]) -> str:
    """A text that may be told of a target: its address, or what a program said of it, without the password in it."""
    for password in _passwords(target):
        text = text.replace(password, "***")
    return _PASSWORD.sub(r"\1:***@", text)


def _passwords(target: Mapping[str, Any]) -> list[str]:
    """The password in the address, as it may be written."""
    found = _PASSWORD.search(target["to"])
    plain = urllib.parse.unquote(found[2]) if found else ""
    ways = {plain, found[2], urllib.parse.quote(plain, safe="")} if found else {""}
    return sorted(ways - {""}, key=len, reverse=True)


def _by_rsync(folder: Path, target: Mapping[str, Any]) -> None:
    """Nothing is removed there: who breaks in here cannot reach it."""
    shell = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-p", str(target.get("port", 22))]
    shell += ["-i", target["ssh_key_file"]] if target.get("ssh_key_file") else []
    shell += ["-o", f"UserKnownHostsFile={target['known_hosts_file']}"] if target.get("known_hosts_file") else []
    options = ["--archive", "--ignore-existing", "--timeout=300", "--include=infisical-*.tar*", "--exclude=*"]
    run(["rsync", *options, f"--rsh={shlex.join(shell)}", f"{folder}/", target["to"]])


def _by_restic(folder: Path, target: Mapping[str, Any], keep: Keep) -> None:
    """What it has already, it stores no second time."""
    found = _PASSWORD.search(target["to"])
    if found and re.search(r"[/?#]|%(?![0-9A-Fa-f]{2})", found[2]):
        # restic would name the part of it that it does not understand.
        raise BackupError("The password in its address has a character that must be percent-encoded, as / or %")
    env = {"RESTIC_REPOSITORY": target["to"], **target.get("environment", {})}
    paths = [str(archive.path) for archive in archives(folder)]
    # A lock of one that was killed would be in the way for ever. It leaves those of the living alone.
    run(["restic", "unlock", "--quiet"], env=env)
    run(["restic", "backup", "--quiet", "--tag=infisical", *paths], env=env)
    if target.get("forget", True):
        counts = [f"--keep-{name}={getattr(keep, name)}" for name in ("last", "daily", "weekly", "monthly")]
        forget = ["restic", "forget", "--quiet", "--tag=infisical", "--group-by=host,tags", "--prune"]
        run([*forget, *counts], env=env)
