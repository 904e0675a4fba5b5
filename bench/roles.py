# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run without changes costs, role by role: bench/ROLES.md.

    python bench/roles.py [--repeats N] [--against CHECKOUT] -- ARGUMENTS OF ansible-playbook

Runs the playbook once, which may change things, then N times, which may not. With --against the roles of another
checkout take turns with this one's. Prints tables in Markdown: for each role medians of its seconds, of those that its
network and Docker take, and its slowest tasks; and for the task `Do nothing` of the playbook, what Ansible
and the machine take by themselves, which is another thing on another day. On all roles, in a container of the lab:

    python -m lab up && python bench/roles.py -- -i bench/roles_hosts.yml bench/roles.yml

A scenario of Molecule works as well, once converged: give its inventory, its converge.yml, and ANSIBLE_CONFIG.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.report import table

# Tasks whose time is that of a server, a repository or Docker: the rest is the way to the host and what is done there.
ELSEWHERE = {
    "Compare all containers with what Proxmox has",
    "Make the projects with all that belongs to them",
    "Ask each site through the proxy",
    "Check the repository out",
    "Bring the services up and wait until all are healthy",
    "Run a nested container",
}
# Modules that never leave the controller
HERE = {"debug", "fail", "assert", "include_tasks", "validate_argument_spec", "add_host", "meta"}
# A task of the playbook with this name counts as a role.
NOTHING = "Do nothing"
SLOWEST = 3


@dataclass(frozen=True)
class Task:
    """One task of a run that changed nothing. at_host: whether a module ran there."""

    role: str
    name: str
    seconds: float
    ran: bool
    at_host: bool

    @classmethod
    def of(cls, written: dict[str, Any]) -> Task:
        ran, module = written["ran"], written["action"].rpartition(".")[2]
        role = written["role"].rpartition(".")[2] or written["name"]
        return cls(role, written["name"], written["seconds"], ran, ran and module not in HERE)


def played(arguments: list[str], checkout: Path, may_change: bool) -> list[Task]:
    """Run the playbook with the roles of a checkout: the tasks of roles."""
    with tempfile.TemporaryDirectory(prefix="omakase-bench-") as directory:
        timings = Path(directory) / "timings.json"
        ran = subprocess.run(  # noqa: S603  # our own command
            [str(Path(sys.executable).parent / "ansible-playbook"), *arguments],
            cwd=ROOT,
            env={
                **os.environ,
                "ANSIBLE_COLLECTIONS_PATH": str(checkout / "collections"),
                "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "bench" / "callback_plugins"),
                "ANSIBLE_CALLBACKS_ENABLED": "task_timings",
                # Another checkout may have none of its own.
                "ANSIBLE_STDOUT_CALLBACK": "default",
                "TASK_TIMINGS": str(timings),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(ran.stdout[-6000:] + ran.stderr[-2000:])
        written = json.loads(timings.read_text())
    changed = [f"{task['role']}: {task['name']}" for task in written if task["changed"]]
    if changed and not may_change:
        raise SystemExit(f"This is no run without changes: {'; '.join(changed)}")
    return [Task.of(task) for task in written if task["role"] or task["name"] == NOTHING]


def by_role(runs: list[list[Task]]) -> dict[str, list[list[Task]]]:
    """The tasks of each role, run by run."""
    found: dict[str, list[list[Task]]] = defaultdict(list)
    for run in runs:
        for role in dict.fromkeys(task.role for task in run):
            found[role].append([task for task in run if task.role == role])
    return found


def seconds(tasks: list[Task], elsewhere: bool) -> float:
    return sum(task.seconds for task in tasks if (task.name in ELSEWHERE) == elsewhere)


def row(role: str, runs: list[list[Task]]) -> list[str]:
    own = [seconds(run, elsewhere=False) for run in runs]
    others = statistics.median(seconds(run, elsewhere=True) for run in runs)
    at_host = sum(task.at_host for task in runs[-1])
    return [
        role,
        f"{statistics.median(own):.2f} ({min(own):.2f} to {max(own):.2f})",
        f"{others:.2f}" if others else "",
        str(at_host),
        str(sum(not task.ran for task in runs[-1])),
        slowest(runs),
    ]


def slowest(runs: list[list[Task]]) -> str:
    """The slowest tasks by their medians."""
    times: dict[str, list[float]] = defaultdict(list)
    for run in runs:
        for task in run:
            times[task.name].append(task.seconds)
    medians = sorted(((statistics.median(each), name) for name, each in times.items()), reverse=True)
    return "; ".join(f"{name} {median:.2f}" for median, name in medians[:SLOWEST])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--against", type=Path, help="another checkout of this repository")
    parser.add_argument("arguments", nargs="+", help="of ansible-playbook")
    given = parser.parse_args()
    checkouts = {"before": given.against, "after": ROOT} if given.against else {"now": ROOT}
    for checkout in checkouts.values():
        played(given.arguments, checkout, may_change=True)
    runs: dict[str, list[list[Task]]] = defaultdict(list)
    for _repeat in range(given.repeats):
        for name, checkout in checkouts.items():
            runs[name].append(played(given.arguments, checkout, may_change=False))
    head = ["role", "seconds", "network and Docker", "modules run", "skipped", "slowest tasks"]
    for name in checkouts:
        print(f"{name}\n\n{table(head, [row(role, each) for role, each in by_role(runs[name]).items()])}\n")


if __name__ == "__main__":
    main()
