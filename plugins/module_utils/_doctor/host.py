# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host itself: files that only their owner may read, disks, commands."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, ok, problem, warning

# Exit status, standard output, standard error of a command
Run = Callable[[Sequence[str]], "tuple[int, str, str]"]

_GIB = 1024**3
# Below this share or this size (bytes) a disk is nearly full; below a fifth of that, databases stop.
_SHARE, _SIZE = 0.1, 2 * _GIB


def private_file(path: str) -> Finding:
    """A file that must be there, and be nobody's but its owner's."""
    check = f"file {path}"
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return problem(check, "it is not there", "The role that makes it has not run, or it was removed: run site.yml.")
    except OSError as error:
        return problem(check, f"it cannot be looked at: {error.strerror}", "Run as root (become).")
    except ValueError as error:  # a zero byte in it
        return problem(check, f"it is no path: {error}", "Name a file.")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        return problem(check, f"mode {mode:04o}: others may read it", f"chmod {mode & 0o700:04o} {path}")
    return ok(check, f"mode {mode:04o}, owner {found.st_uid}")


def disks(paths: Iterable[str]) -> list[Finding]:
    """The file systems that hold these paths, each once."""
    found: dict[int, Finding] = {}
    for path in paths:
        place = path
        while not os.path.exists(place):
            place = os.path.dirname(place) or "/"
        device = os.stat(place).st_dev
        if device not in found:
            found[device] = _disk(path, os.statvfs(place))
    return list(found.values())


def _disk(path: str, system: os.statvfs_result) -> Finding:
    check = f"disk of {path}"
    free, size = system.f_bavail * system.f_frsize, system.f_blocks * system.f_frsize
    evidence = f"{free / _GIB:.1f} of {size / _GIB:.1f} GiB free"
    if system.f_files and system.f_favail < system.f_files * _SHARE / 10:
        return problem(check, f"{system.f_favail} of {system.f_files} inodes free", "Remove what makes so many files.")
    least = min(_SIZE, size * _SHARE)
    if free > least:
        return ok(check, evidence)
    advice = "Make room: `docker system df` shows what images and logs take; old backups take some too."
    return warning(check, evidence, advice) if free > least / 5 else problem(check, evidence, advice)


def command(run: Run, name: str) -> Finding:
    """A program that must be there and answer to --version."""
    status, said, _error = run([name, "--version"])
    first = said.strip().partition("\n")[0]
    if status == 0 and first:
        return ok(f"command {name}", first)
    evidence = "not there" if status == 127 else f"`{name} --version` ends with {status}"
    return problem(f"command {name}", evidence, "Run site.yml, whose roles install it.")
