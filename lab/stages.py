# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the lab up and down: which stage needs which, and what runs side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from lab import (
    conditions,
    engine,
    host,
    http,
    images,
    lxc,
    lxcfs,
    machines,
    network,
    packages,
    proxmox,
    registry,
    settings,
    template,
)
from lab.daemons import Daemon
from lab.shell import remove_tree, say

Stage = Callable[[], object]
_QUICK = 0.5  # seconds below which a stage is not worth a line


def up() -> None:
    """Everything, side by side where nothing waits for another. Raises the first error, after the others ended."""
    prepare_containers()
    machines.ensure_ssh_key()
    side_by_side(
        [
            ("container template", template.build),
            ("practice Proxmox", proxmox.up),
            ("registry and images", _serve_images),
            ("package repositories", _serve_packages),
        ]
    )


def prepare_containers() -> None:
    """What a container needs of the host before it can start."""
    conditions.check()
    _stage("packages of this machine", lambda: host.install_packages(settings.HOST_PACKAGES))
    _stage("leftovers", clear_leftovers)
    _stage("network", network.up)
    _stage("lxcfs", lxcfs.up)


def down() -> None:
    """Stop and remove everything that runs; the caches stay."""
    engine.down()
    for daemon in daemons():
        daemon.stop()
    side_by_side([(f"container {name}", _deletion(name)) for name in lxc.names()])
    clear_leftovers()
    lxcfs.down()
    network.down()
    remove_tree(settings.STATE)


def purge() -> None:
    """`down`, and the caches."""
    down()
    remove_tree(settings.CACHE)


def clear_leftovers() -> None:
    """What killed runs left half done."""
    host.forget_policy()
    lxc.sweep()
    images.clear()


def daemons() -> list[Daemon]:
    """The lab's background processes."""
    return [proxmox.daemon(), registry.daemon(), http.daemon()]


def side_by_side(stages: list[tuple[str, Stage]]) -> None:
    """Run stages at the same time; raises the first error once all have ended."""
    if not stages:
        return
    with ThreadPoolExecutor(len(stages)) as pool:
        running: list[Future[None]] = [pool.submit(_stage, name, work) for name, work in stages]
        for done in as_completed(running):
            if done.exception() is not None:
                say("a stage failed; waiting for the others")
    for done in running:
        done.result()


def _stage(name: str, work: Stage) -> None:
    started = time.monotonic()
    work()
    took = time.monotonic() - started
    if took > _QUICK:
        say(f"{name}: done in {took:.1f} s")


def _serve_images() -> None:
    registry.up()
    images.up()


def _serve_packages() -> None:
    http.up()
    packages.up()


def _deletion(name: str) -> Stage:
    return lambda: lxc.delete(name)


def status() -> list[tuple[str, bool, str]]:
    """What runs where: name, whether it is as it should be, and a word about it."""
    missing = [image.reference for image in images.missing()]
    offered = packages.parts()
    return [
        ("network", network.is_up(), f"{settings.BRIDGE} {settings.GATEWAY}/{settings.PREFIX_LENGTH}"),
        ("lxcfs", lxcfs.is_ready(), "containers see their own memory and cores"),
        ("Proxmox API", proxmox.daemon().is_up(), f"https://127.0.0.1:{settings.PROXMOX_PORT}, node {settings.NODE}"),
        ("template", template.path().exists(), settings.TEMPLATE),
        ("registry", registry.daemon().is_up(), f"http://{registry.ADDRESS}"),
        ("images", not missing, f"not there: {', '.join(missing)}" if missing else f"{len(images.IMAGES)} names"),
        ("HTTP server", http.daemon().is_up(), http.ADDRESS),
        ("repositories", len(offered) == len(packages.PARTS), ", ".join(offered) or "none"),
    ]
