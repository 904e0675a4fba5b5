# SPDX-License-Identifier: GPL-3.0-or-later
"""python -m lab: the verbs."""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab import engine, host, lxc, machines, packages, proxmox, settings, stages, template
from lab.shell import LabError, say


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0, or 1 with a message that says what is wrong."""
    options = _parser().parse_args(arguments)
    try:
        status: int | None = options.verb(options)
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; run it again and it continues where it stopped", file=sys.stderr)
        return 130
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="A practice Proxmox with real containers.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, work: Callable[[argparse.Namespace], int | None], about: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=about, description=about)
        added.set_defaults(verb=work)
        return added

    verb("up", _up, "bring everything up; quick if it is")
    verb("status", _status, "what runs where; exit status 0 only if all of it does")
    verb("down", _down, "stop and remove everything that runs; the caches stay")
    verb("purge", _purge, "down, and remove the caches")
    verb("demo", _demo, "up, then site.yml, then what to look at")
    verb("test-packages", _test_packages, "install the Debian packages that the test suite needs")
    machine = verb("machine", _machine, "a plain running container, taken as an existing machine")
    machine.add_argument("name")
    machine.add_argument("address", nargs="?", help=f"a free address of {settings.SUBNET}")
    machine.add_argument("--memory", type=int, default=3072, metavar="MB")
    machine.add_argument("--cores", type=int, default=0, metavar="N", help="default: all")
    machine.add_argument("--suite", choices=template.SUITES, default=settings.SUITE, help="release of Debian")
    machine.add_argument("--remove", action="store_true")
    docker = verb("engine", _engine, "a Docker engine of the lab's own, for Molecule; quick if it runs")
    docker.add_argument("--stop", action="store_true")
    container = verb("container", _container, "a container in Proxmox that somebody else made; not started")
    container.add_argument("vmid", type=int)
    container.add_argument("hostname", nargs="?")
    container.add_argument("address", nargs="?", default="")
    container.add_argument("--remove", action="store_true")
    return parser


def _up(options: argparse.Namespace) -> None:
    with _alone():
        stages.up()
    say(f"the lab is up: Proxmox API at https://127.0.0.1:{settings.PROXMOX_PORT}, network {settings.SUBNET}")


def _down(options: argparse.Namespace) -> None:
    _need_root()
    with _alone():
        stages.down()
    say("the lab is down")


def _purge(options: argparse.Namespace) -> None:
    _need_root()
    with _alone():
        stages.purge()
    say("the lab is down, and its caches are gone")


def _status(options: argparse.Namespace) -> int:
    _need_root()
    parts = stages.status()
    for name, is_up, about in parts:
        print(f"{name:14} {'up' if is_up else 'DOWN':6} {about}")
    for name in lxc.names():
        spec = lxc.spec_of(name)
        running = "running" if lxc.is_running(name) else "stopped"
        print(f"container {name:12} {running:8} {spec.ip or '-':15} {spec.hostname}, {spec.memory} MB")
    return 0 if all(is_up for _, is_up, _ in parts) else 1


def _demo(options: argparse.Namespace) -> int:
    from lab import demo  # it runs us again, and needs nothing of the above

    return demo.main()


def _test_packages(options: argparse.Namespace) -> None:
    _need_root()
    with _alone():
        host.install_packages(settings.TEST_PACKAGES)


def _machine(options: argparse.Namespace) -> None:
    if not options.remove and not options.address:
        raise LabError("Which address? `python -m lab machine NAME ADDRESS`")
    _need_root()
    with _alone():
        if options.remove:
            machines.remove(options.name)
            return
        stages.prepare_containers()
        packages.for_suite(options.suite)
        machines.ensure(options.name, options.address, options.memory, options.cores, options.suite)


def _engine(options: argparse.Namespace) -> None:
    _need_root()
    with _alone():
        if options.stop:
            engine.down()
            return
        engine.up()
    print(f"export DOCKER_HOST={engine.ADDRESS} MOLECULE_SOURCES=../default/lab.yml")


def _container(options: argparse.Namespace) -> None:
    _need_root()
    if options.remove:
        proxmox.remove_container(options.vmid)
        say(f"container {options.vmid} is gone")
    elif options.hostname:
        proxmox.make_container(options.vmid, options.hostname, options.address)
        say(f"container {options.vmid} is made, as {options.hostname}")
    else:
        raise LabError("Which host name? `python -m lab container VMID HOSTNAME [ADDRESS]`")


def _need_root() -> None:
    if os.geteuid() != 0:
        raise LabError("This needs root: run it with sudo or in a root shell.")


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
