# SPDX-License-Identifier: GPL-3.0-or-later
"""What one lookup costs a worker: forked processes that do it once and tell their time and memory."""

from __future__ import annotations

import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader, lookup_loader
from ansible.template import Templar

from bench.vault import Vault

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Cost:
    """Medians: wall and processor time in milliseconds, and the growth of the process in MB."""

    wall: float
    cpu: float
    memory: float


class Lookups:
    """Runs lookups in forks of this process, as Ansible does. A new one stands for a new run."""

    def __init__(self, vault: Vault) -> None:
        import ansible.executor.playbook_executor  # noqa: F401  # what a worker has from its parent

        init_plugin_loader([str(ROOT / "collections")])
        directory = tempfile.mkdtemp(prefix="omakase-bench-")
        constants.DEFAULT_LOCAL_TMP = directory
        self.vault = vault
        self.directory = directory

    def ours(self, folder: str = "/") -> None:
        self._run("omakase.homelab.infisical", f"{folder.rstrip('/')}/KEY_1")

    def nothing(self) -> None:
        """A lookup that does nothing worth mentioning, so that what all lookups share is not counted."""
        self._run("ansible.builtin.env", "HOME")

    def _run(self, name: str, term: str) -> None:
        loader = DataLoader()
        plugin = lookup_loader.get(name, loader=loader, templar=Templar(loader=loader))
        plugin.run([term], variables=self.vault.variables)

    def cost(self, work: Callable[[], None], repeats: int) -> Cost:
        """Of doing it in a fresh process where another lookup has run before."""
        found = [self._forked(work) for _repeat in range(repeats)]
        return Cost(*(statistics.median(run[part] for run in found) for part in range(3)))

    def _forked(self, work: Callable[[], None]) -> tuple[float, float, float]:
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            os.write(writing, json.dumps(self._measured(work)).encode())
            os._exit(0)
        os.waitpid(process, 0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            wall, cpu, memory = json.load(pipe)
        return wall, cpu, memory

    def _measured(self, work: Callable[[], Any]) -> tuple[float, float, float]:
        self.nothing()
        before = _memory()
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000, _memory() - before


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
