# SPDX-License-Identifier: GPL-3.0-or-later
"""lxcfs, as on a Proxmox host: a container sees its own memory and cores in /proc, not the host's."""

from __future__ import annotations

from pathlib import Path

from lab import settings
from lab.daemons import Daemon
from lab.shell import mounts_below, run

_MOUNT = Path("/var/lib/lxcfs")  # where LXC's own hook looks for it


def daemon() -> Daemon:
    """Our process; its arguments tell it from one that the host runs as a service."""
    note = settings.STATE / "run" / "lxcfs.pid"
    return Daemon("lxcfs", ["lxcfs", "--pidfile", str(note), str(_MOUNT)], is_ready)


def up() -> None:
    """Run it, unless the host does. Containers take it over at their next start."""
    if is_ready():
        return
    daemon().stop()
    _clear()
    _MOUNT.mkdir(parents=True, exist_ok=True)
    daemon().start()


def down() -> None:
    """End ours; one of the host's stays."""
    if daemon().pid() is not None:
        daemon().stop()
        _clear()


def is_ready() -> bool:
    """True if somebody serves it."""
    try:
        return (_MOUNT / "proc" / "meminfo").exists()
    except OSError:  # a dead process left its mount behind
        return False


def _clear() -> None:
    for mounted in mounts_below(_MOUNT):
        run(["umount", "--lazy", mounted])
