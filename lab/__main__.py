# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m lab: the verbs."""

from __future__ import annotations

import argparse
import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lab import conditions, host, lxc, machines, network, settings
from lab.shell import LabError, say


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 with a message that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        with _alone():
            options.verb(options)
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="A practice Proxmox with real containers.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    machine = verbs.add_parser("machine", help="a plain running container, taken as an existing machine")
    machine.add_argument("name")
    machine.add_argument("address", nargs="?", help=f"a free address of {settings.SUBNET}")
    machine.add_argument("--memory", type=int, default=3072, metavar="MB")
    machine.add_argument("--cores", type=int, default=0, metavar="N", help="default: all")
    machine.add_argument("--remove", action="store_true")
    machine.set_defaults(verb=_machine)
    return parser


def _machine(options: argparse.Namespace) -> None:
    if options.remove:
        machines.remove(options.name)
        return
    if not options.address:
        raise LabError("Which address? `python -m lab machine NAME ADDRESS`")
    conditions.check()
    host.install_packages()
    network.up()
    lxc.sweep()
    machines.ensure(options.name, options.address, options.memory, options.cores)


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other run of the lab changes anything."""
    settings.LOCK.parent.mkdir(parents=True, exist_ok=True)
    with settings.LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another run of the lab is at work; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
