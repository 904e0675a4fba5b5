# SPDX-License-Identifier: GPL-3.0-or-later
"""Kills at moments that the seed draws over the duration of an operation, and what is killed then."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from testinfra.host import Host

from lab import lxc, machines
from tests.roles.machine import Machine
from tests.support.soak import Soak

# Of a command on the host: all its processes, or itself alone, so that what it had started goes on.
GROUP, ALONE = "group", "alone"
# Of a playbook: its processes on the controller, so that its task on the host goes on; or those on the host.
CONTROLLER, HOST = "controller", "host"
# The machine itself, as when its power fails.
POWER = "power"

_ON_HOST = """
import os, subprocess, sys
after, how, *command = sys.argv[1:]
quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
process = subprocess.Popen(command, start_new_session=True, **quiet)
try:
    process.wait(float(after))
except subprocess.TimeoutExpired:
    process.kill() if how == "alone" else os.killpg(process.pid, 9)
print(process.wait())
"""


@dataclass(frozen=True)
class Kill:
    """What dies, and when; variant: of the operation."""

    number: int
    how: str
    variant: str
    after: float

    def __str__(self) -> str:
        return f"kill {self.number} ({', '.join(filter(None, (self.variant, self.how)))}, after {self.after:.2f} s)"


@dataclass
class Kills:
    """The kills of one operation, and how they went."""

    soak: Soak
    operation: str
    durations: dict[str, float] = field(default_factory=dict)  # of the last whole run of each variant, in seconds
    hit: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def drawn(self, rounds: int, kinds: Sequence[str]) -> Iterator[Kill]:
        """So many kills; what was over before it could be killed is no kill, and another one is drawn."""
        number = 0
        while self.hit.total() < rounds and number < 2 * rounds:
            number += 1
            chance = self.soak.random(f"{self.operation} {number}")
            variant = chance.choice(list(self.durations))
            yield Kill(number, chance.choice(list(kinds)), variant, chance.random() * self.durations[variant])
        assert self.hit.total() >= rounds, f"{self.hit.total()} of {rounds} kills of {self.operation} hit anything"

    def whole(self, run: Callable[[], object], variant: str = "") -> None:
        """The next run, which has to come to its end; its duration is that of the variant from now on."""
        began = time.monotonic()
        run()
        self.durations[variant] = time.monotonic() - began

    def count(self, kill: Kill, hit: bool) -> None:
        """Note a round that went well."""
        self.hit[kill.how] += hit
        ended = f"the next run took {self.durations[kill.variant]:.1f} s" if hit else "it was over before"
        self.soak.progress(f"{self.operation}: {kill}; {ended}")

    def sum_up(self) -> None:
        """The line for the summary."""
        total = self.hit.total()
        each = (time.monotonic() - self.began) / max(1, total)
        kinds = ", ".join(f"{count} of the {how}" for how, count in sorted(self.hit.items()) if count)
        self.soak.figure(f"{self.operation}: {total} kills ({kinds}), nothing lost; {each:.0f} s each")


def on_host(host: Host, kill: Kill, command: Sequence[str]) -> bool:
    """Run a command on the host and kill it there; whether it was not over before."""
    words = shlex.join(["python3", "-c", _ON_HOST, str(kill.after), kill.how, *command])
    return str(host.check_output(words)).strip() == "-9"


def on_controller(machine: Machine, kill: Kill, process: subprocess.Popen[str]) -> bool:
    """Kill a playbook that was started in a session of its own; whether it was not over before."""
    try:
        process.wait(kill.after)
        return False
    except subprocess.TimeoutExpired:
        pass
    if kill.how == CONTROLLER:
        os.killpg(process.pid, signal.SIGKILL)
    elif kill.how == HOST:
        # sshd with all that runs by it; systemd starts it anew
        lxc.attach(machine.name, ["systemctl", "kill", "--signal=KILL", "ssh.service"])
        lxc.attach(machine.name, ["systemctl", "restart", "ssh.service"])
    else:
        power_off_and_on(machine)
    process.wait(120)
    return process.returncode != 0


def power_off_and_on(machine: Machine) -> None:
    """All its processes die at once, and it boots again."""
    spec = lxc.spec_of(machine.name)
    lxc.stop(machine.name, clean=False)
    machines.ensure(spec.name, spec.ip, spec.memory, spec.cores, spec.suite)
