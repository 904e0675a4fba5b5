# SPDX-License-Identifier: GPL-3.0-or-later
"""A double of lab.lxc: containers that are only written down."""

from __future__ import annotations

import pytest

from lab import lxc, proxmox
from lab.lxc import Spec
from lab.shell import LabError


class Containers:
    """Takes the place of the functions of lab.lxc. `failure`: what the next creation or start fails with."""

    def __init__(self) -> None:
        self.specs: dict[str, Spec] = {}
        self.running: set[str] = set()
        self.failure = ""
        self.memory: list[tuple[str, int]] = []
        self.stubborn = False  # does not shut down

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put it in place of the real ones."""
        for name in ("create", "start", "stop", "delete", "reconfigure", "exists", "names", "spec_of", "init_pid"):
            monkeypatch.setattr(lxc, name, getattr(self, name))
        monkeypatch.setattr(lxc, "set_memory", lambda spec: self.memory.append((spec.name, spec.memory)))
        monkeypatch.setattr(proxmox, "forget_host_keys", lambda address: None)

    def create(self, spec: Spec) -> None:
        self._fail()
        self.specs[spec.name] = spec

    def reconfigure(self, spec: Spec) -> None:
        self.specs[spec.name] = spec

    def start(self, name: str) -> None:
        self._fail()
        self.running.add(name)

    def stop(self, name: str, *, clean: bool = True, limit: int = 60) -> bool:
        if clean and self.stubborn:
            return False
        self.running.discard(name)
        return True

    def delete(self, name: str) -> None:
        self.running.discard(name)
        self.specs.pop(name, None)

    def exists(self, name: str) -> bool:
        return name in self.specs

    def names(self) -> list[str]:
        return sorted(self.specs)

    def spec_of(self, name: str) -> Spec:
        return self.specs[name]

    def init_pid(self, name: str) -> int | None:
        return 1 if name in self.running else None  # process 1 is always there

    def _fail(self) -> None:
        failure, self.failure = self.failure, ""
        if failure:
            raise LabError(failure)
