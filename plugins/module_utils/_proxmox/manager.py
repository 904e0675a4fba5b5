# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the wish to the result: judge everything, then change what differs, one container after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import preflight, templates
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import POLL_SECONDS, ProxmoxClient
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.cluster import Cluster
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Found, Wanted
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import ProxmoxError, UnreachableError
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.plan import Plan, Step, plan


class WrongWishError(ProxmoxError):
    """The wish cannot come true. `problems` has a sentence for each reason; nothing was changed."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Nothing was changed, because:\n" + "\n".join(f"- {problem}" for problem in problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Outcome:
    """What became of one container, or in check mode would become of it."""

    wanted: Wanted
    plan: Plan
    found: Found | None
    address: str | None

    def result(self) -> dict[str, Any]:
        """The module's result for it."""
        status = "absent" if self.found is None else "running" if self.found.running else "stopped"
        return {
            "vmid": self.wanted.vmid,
            "hostname": self.wanted.hostname,
            "node": self.found.node if self.found else self.wanted.node,
            "status": status,
            "address": self.address,
            "changed": bool(self.plan.steps),
            "steps": [step.says for step in self.plan.steps],
            "restart_needed": sorted(self.found.pending) if self.found else [],
        }

    def diff(self) -> dict[str, Any]:
        """What `--diff` shows of it."""
        return {
            "before_header": str(self.wanted),
            "after_header": str(self.wanted),
            "before": self.plan.before,
            "after": self.plan.after,
        }


@dataclass
class Manager:
    """Makes containers as wanted.

    `task_timeout` is in seconds; `restart` allows to restart a running container; `unreachable_hint` is added to the
    error when the API does not answer.
    """

    client: ProxmoxClient
    task_timeout: float
    restart: bool = False
    unreachable_hint: str = ""
    probe: preflight.Probe = preflight.answers
    _fetched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._cluster = Cluster(self.client, self.task_timeout)

    def judge(self, containers: Sequence[Wanted], already: Sequence[str] = ()) -> None:
        """Raise WrongWishError with all that is wrong, what is `already` known included; changes nothing."""
        problems = [*already, *preflight.wanted_twice(containers)]
        try:
            self._cluster.nodes()
            for wanted in containers:
                problems += list(preflight.malformed(wanted)) or self._against(wanted)
        except ProxmoxError as closed:
            # Whatever else is wrong is no news before this is right.
            problems += [problem for wanted in containers for problem in preflight.malformed(wanted)]
            problems.insert(0, self._hinted(closed))
        if problems:
            raise WrongWishError(problems)

    def _against(self, wanted: Wanted) -> list[str]:
        try:
            return list(preflight.against(wanted, self._cluster, self.client.credentials, self.probe))
        except UnreachableError:
            raise
        except ProxmoxError as refused:
            return [f"{wanted}: {refused}"]

    def _hinted(self, problem: ProxmoxError) -> str:
        hint = self.unreachable_hint if isinstance(problem, UnreachableError) else ""
        return f"{problem} {hint}".strip()

    def plan(self, wanted: Wanted) -> Outcome:
        """What would be done, without doing it."""
        found = self._cluster.container(wanted.vmid)
        template = None if found else self._template(wanted)
        planned = plan(wanted, found, template, self.restart)
        return Outcome(wanted, planned, found, self._address(wanted, found, limit=0))

    def perform(self, wanted: Wanted) -> Outcome:
        """Do it, and look again."""
        outcome = self.plan(wanted)
        for step in outcome.plan.steps:
            self._take(step)
        if not outcome.plan.steps:
            return outcome
        self._cluster.forget()
        found = self._cluster.container(wanted.vmid)
        steps = outcome.plan.steps
        if self.restart and found and found.running and found.pending:
            again = plan(wanted, found, None, restart=True)
            for step in again.steps:
                self._take(step)
            steps += again.steps
            self._cluster.forget()
            found = self._cluster.container(wanted.vmid)
        done = Plan(steps, outcome.plan.before, outcome.plan.after)
        return Outcome(wanted, done, found, self._address(wanted, found, self.task_timeout))

    def _template(self, wanted: Wanted) -> templates.Template | None:
        present, offered = self._cluster.templates(wanted.node, wanted.template_storage)
        chosen = templates.choose(wanted.template or "", wanted.template_storage, present, offered)
        if chosen is not None and chosen.volume in self._fetched:
            # A plan for two containers fetches their template once.
            return replace(chosen, present=True)
        if chosen is not None:
            self._fetched.add(chosen.volume)
        return chosen

    def _take(self, step: Step) -> None:
        try:
            answer = self.client.request(step.method, step.path, step.params)
            if isinstance(answer, str) and answer.startswith("UPID:"):
                self.client.wait(answer, self.task_timeout)
        except ProxmoxError as failed:
            raise ProxmoxError(f"Could not {step.says}: {failed}") from failed

    def _address(self, wanted: Wanted, found: Found | None, limit: float) -> str | None:
        """The address to reach it by: the static one, else what the running container got. `limit` in seconds."""
        if wanted.addresses:
            return str(wanted.addresses[0].ip)
        if found is None or not found.running:
            return None
        deadline = time.monotonic() + limit
        while True:
            address = _first_address(self.client.get("nodes", found.node, "lxc", wanted.vmid, "interfaces") or [])
            if address or time.monotonic() >= deadline:
                return address
            time.sleep(POLL_SECONDS)


def _first_address(interfaces: Sequence[dict[str, Any]]) -> str | None:
    for line in interfaces:
        if line.get("name") != "lo" and line.get("inet"):
            return str(line["inet"]).partition("/")[0]
    return None
