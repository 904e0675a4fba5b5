# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of the lab, looked at from the outside."""

from __future__ import annotations

from pathlib import Path

import testinfra
from testinfra.host import Host

from lab import lxc, settings


def trusting(known_hosts: Path = settings.KNOWN_HOSTS) -> str:
    """The options of ssh for which host keys it trusts: those of the file, and the first one that it sees."""
    return f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=accept-new"


def reach(address: str, known_hosts: Path = settings.KNOWN_HOSTS) -> Host:
    """The container at that address. All commands share one connection, which would otherwise be most of their cost."""
    return testinfra.get_host(
        f"ssh://root@{address}",
        ssh_identity_file=str(settings.SSH_KEY),
        ssh_extra_args=trusting(known_hosts),
        controlpath=f"{settings.SSH_KEY.parent}/{address}-{_boot(address)}",
        controlpersist=20,
    )


def _boot(address: str) -> int | None:
    """What tells one boot of the container from the next, which takes another connection: its first process."""
    return next((lxc.init_pid(name) for name in lxc.names() if lxc.spec_of(name).ip == address), None)
