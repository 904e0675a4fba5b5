# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine of the lab's own, whatever engine the host has: for Molecule.

Its containers join the lab's network and its images come from the lab's registry; it leaves the host's firewall alone.
"""

from __future__ import annotations

from pathlib import Path

from lab import host, registry, settings
from lab.daemons import Daemon
from lab.shell import remove_tree, run, succeeds

_RUN = Path("/run") / f"{settings.PREFIX}-engine"
_STORE = settings.CACHE / "engine"
ADDRESS = f"unix://{_RUN}/docker.sock"
_OPTIONS = {
    "host": ADDRESS,
    "data-root": str(_STORE),
    "exec-root": f"{_RUN}/exec",
    "pidfile": f"{_RUN}/docker.pid",
    "bridge": settings.BRIDGE,
    "fixed-cidr": settings.ENGINE_ADDRESSES,
    "registry-mirror": f"http://{registry.ADDRESS}",
    "iptables": "false",
    "ip-forward": "false",
    "ip-masq": "false",
    "shutdown-timeout": "5",
}


def daemon() -> Daemon:
    """The engine's process."""
    servers = [f"--dns={server}" for server in host.resolvers()]
    return Daemon("engine", ["dockerd", *(f"--{name}={value}" for name, value in _OPTIONS.items()), *servers], is_ready)


def up() -> None:
    """Run it; its program is Debian's, unless the host has one."""
    host.install_packages({"docker.io": "dockerd"})
    host.install_packages({"docker-cli": "docker"})  # which Debian 13 keeps apart
    _RUN.mkdir(exist_ok=True)
    daemon().start()


def down() -> None:
    """Remove its containers and stop it; its images stay for the next time."""
    if is_ready():
        containers = _docker("ps", "--all", "--quiet").split()
        if containers:
            _docker("rm", "--force", "--volumes", *containers)
    daemon().stop()
    remove_tree(_RUN)


def is_ready() -> bool:
    """True if the engine answers."""
    return succeeds(["docker", "--host", ADDRESS, "version"], limit=10)


def _docker(*words: str) -> str:
    return run(["docker", "--host", ADDRESS, *words])
