# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays that differ only in where their values come from, and how long they take."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.vault import Vault, value

ROOT = Path(__file__).resolve().parents[1]
OURS = "lookup('omakase.homelab.infisical', '{name}')"
PER_CALL = "lookup('per_call', '{name}')"
CONSTANT = "constants['{name}']"
FORKS = 10


@dataclass(frozen=True)
class Shape:
    """How large a play is. secrets: in each template."""

    hosts: int
    templates: int
    secrets: int
    forks: int = FORKS


@dataclass(frozen=True)
class Run:
    """Of Ansible and all that it starts: wall and processor time in seconds, the largest process in MB, requests."""

    seconds: float
    cpu: float
    memory: float
    logins: int
    reads: int


@dataclass(frozen=True)
class Timing:
    """Medians of several runs, and the requests of one."""

    seconds: float
    cpu: float
    memory: float
    logins: int
    reads: int


class Play:
    """A play on hosts that are all this machine: it renders templates there, or only counts the secrets.

    expressions: where values come from. With several each template comes with each, in turn, there and back again.
    """

    def __init__(
        self, shape: Shape, expressions: Sequence[str], python: str = sys.executable, renders: bool = True
    ) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="omakase-bench-"))
        self.name = " and ".join(expressions)
        self.shape = shape
        self.python = Path(python)
        tasks = self._rendering(expressions) if renders else self._counting(expressions)
        play = {"hosts": "all", "gather_facts": False, "tasks": list(tasks)}
        (self.directory / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))

    def _rendering(self, expressions: Sequence[str]) -> Iterator[dict[str, Any]]:
        yield {"name": "directory", "ansible.builtin.file": {"path": "{{ target }}", "state": "directory"}}
        for turn, (expression, values) in enumerate(self._turns(expressions)):
            source = f"{turn}.j2"
            lines = [f"{name}={{{{ {value} }}}}" for name, value in values.items()]
            (self.directory / source).write_text("\n".join([*lines, ""]))
            template = {"src": source, "dest": f"{{{{ target }}}}/{source}"}
            yield {"name": expression, "ansible.builtin.template": template}

    def _counting(self, expressions: Sequence[str]) -> Iterator[dict[str, Any]]:
        for expression, values in self._turns(expressions):
            counted = f"{{{{ [{', '.join(values.values())}] | length }}}}"
            yield {"name": expression, "ansible.builtin.debug": {"msg": counted}}

    def _turns(self, expressions: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
        """Each template with each expression: what gives its values, by name."""
        for number in range(self.shape.templates):
            first = number * self.shape.secrets
            names = [f"KEY_{secret}" for secret in range(first, first + self.shape.secrets)]
            for expression in reversed(expressions) if number % 2 else expressions:
                yield expression, {name: expression.format(name=name) for name in names}

    def run(self, vault: Vault, count: bool = True) -> Run:
        """count: whether the requests from now on are those of this run alone."""
        shutil.rmtree(self.directory / "out", ignore_errors=True)
        if count:
            vault.proxy.requests.clear()
        constants = self.shape.templates * self.shape.secrets
        variables: dict[str, Any] = {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(self.python),
            "target": f"{self.directory}/out/{{{{ inventory_hostname }}}}",
            "constants": {f"KEY_{number}": value(number) for number in range(constants)},
            **vault.variables,
        }
        (self.directory / "variables.json").write_text(json.dumps(variables))
        hosts = ",".join(f"h{number}" for number in range(self.shape.hosts)) + ","
        command = [str(self.python.parent / "ansible-playbook"), "play.yml", "-i", hosts, "-f", str(self.shape.forks)]
        printed = self.directory / "printed.txt"
        with printed.open("w") as output:
            began = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603  # our own command
                [*command, "-e", "@variables.json"],
                cwd=self.directory,
                env=self._environ(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            # Not process.wait(), which does not tell what it and its children used.
            _pid, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{process.returncode}: {printed.read_text()[-4000:]}")
        return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, *counts(vault))

    def turns(self, expression: str) -> list[float]:
        """Seconds of each task with this expression in the last run, on all hosts."""
        return [task["seconds"] for task in json.loads(self._timings.read_text()) if task["name"] == expression]

    @property
    def _timings(self) -> Path:
        return self.directory / "timings.json"

    def close(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def _environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_LOOKUP_PLUGINS": str(ROOT / "bench" / "lookup_plugins"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "bench" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_timings",
            "TASK_TIMINGS": str(self._timings),
            "ANSIBLE_LOCALHOST_WARNING": "0",
        }


def counts(vault: Vault) -> tuple[int, int]:
    """Logins and other requests since they were counted anew."""
    logins = sum(count for asked, count in vault.proxy.requests.items() if asked.endswith("/login"))
    return logins, vault.proxy.requests.total() - logins


def timed(vault: Vault, plays: list[Play], repeats: int) -> list[Timing]:
    """The plays in turn, there and back again, so that whatever else the machine does meets all of them."""
    runs: list[list[Run]] = [[] for _play in plays]
    pairs = list(zip(plays, runs, strict=True))
    for repeat in range(repeats):
        for play, found in reversed(pairs) if repeat % 2 else pairs:
            found.append(play.run(vault))
            print(f"  {play.shape} {play.name}: {found[-1]}", file=sys.stderr, flush=True)
    return [_timing(found) for found in runs]


def _timing(runs: list[Run]) -> Timing:
    seconds, cpu, memory = (
        statistics.median(getattr(run, name) for run in runs) for name in ("seconds", "cpu", "memory")
    )
    return Timing(seconds, cpu, memory, runs[-1].logins, runs[-1].reads)
