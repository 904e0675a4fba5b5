# SPDX-License-Identifier: GPL-3.0-or-later
"""What fails around a machine of the lab, for as long as a block lasts: its network, its engine, its disk."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from lab import lxc
from tests.roles.machine import Machine

_TABLE = "omklab_cut"
# Whatever reaches it from outside but our own SSH
ALL = "meta l4proto { tcp, udp } th dport != 22"
SSH = "tcp dport 22"


@contextmanager
def cut(machine: Machine, what: str = ALL) -> Iterator[None]:
    """Packets that reach the machine are dropped without a word, as behind a cable that is pulled.

    what: which, in nftables' words. The rule stands in the machine's own network namespace, before Docker's.
    """
    rule = f'iifname "eth0" {what} drop'
    chain = f"chain cut {{\n type filter hook prerouting priority -400\n {rule}\n }}"
    _nft(machine, f"table ip {_TABLE} {{\n {chain}\n }}\n")
    try:
        yield
    finally:
        _nft(machine, f"delete table ip {_TABLE}\n")


def _nft(machine: Machine, text: str) -> None:
    inside = ["nsenter", f"--net=/proc/{lxc.init_pid(machine.name)}/ns/net"]
    subprocess.run([*inside, "nft", "-f", "-"], input=text, text=True, check=True)


@contextmanager
def paused(machine: Machine, container: str) -> Iterator[None]:
    machine.host.check_output("docker pause %s", container)
    try:
        yield
    finally:
        machine.host.run("docker unpause %s", container)


@contextmanager
def silent_engine(machine: Machine) -> Iterator[None]:
    """Docker's engine takes connections and says nothing."""
    machine.host.check_output("systemctl kill --kill-whom=main --signal=STOP docker.service")
    try:
        yield
    finally:
        machine.host.check_output("systemctl kill --kill-whom=main --signal=CONT docker.service")


@contextmanager
def full(machine: Machine, directory: str) -> Iterator[None]:
    """Nothing more can be written to the file system of the directory, which has to be one of its own."""
    filler = f"{directory}/filler"
    machine.host.run(f"mountpoint -q {directory} && cat /dev/zero >{filler} 2>/dev/null")
    assert machine.host.check_output(f"stat --file-system --format %f {directory}") == "0"
    try:
        yield
    finally:
        machine.host.check_output(f"rm -f {filler}")
