# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the wish to the result: judge everything, then change what differs, one container after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._proxmox import network, preflight, templates, wish
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import POLL_SECONDS, ProxmoxClient
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.cluster import Cluster, static_addresses
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.concerns import concerns
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Found, Wanted
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import (
    ProxmoxError,
    TaskFailedError,
    UnreachableError,
)
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.plan import Limits, Plan, Step, plan
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.refusals import ended

# Seconds for a running container to get its address from DHCP.
ADDRESS_LIMIT = 60


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
            "created": any(step.creates for step in self.plan.steps),
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
    """Makes containers as wanted. `task_timeout` is in seconds; `unreachable_hint` is added to the error when the API
    does not answer; `warnings` is what it would like to say at the end.
    """

    client: ProxmoxClient
    task_timeout: float
    limits: Limits = field(default_factory=Limits)
    unreachable_hint: str = ""
    probe: preflight.Probe = network.answers
    warnings: list[str] = field(default_factory=list)
    _fetched: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._cluster = Cluster(self.client, self.task_timeout)

    # ------------------------------------------------------------------ judge

    def plan(self, containers: Sequence[Wanted], already: Sequence[str] = ()) -> list[Outcome]:
        """What would be done, in that order: what is to be gone makes room for the rest. Raises WrongWishError with all
        that is wrong, what is `already` known included.
        """
        problems = [*already, *wish.wanted_twice(containers)]
        try:
            self._cluster.nodes()
            for wanted in containers:
                problems += list(wish.malformed(wanted)) or self._against(wanted, containers)
        except ProxmoxError as closed:
            # Whatever else is wrong is no news before this is right.
            problems += [problem for wanted in containers for problem in wish.malformed(wanted)]
            problems.insert(0, self._hinted(closed))
        if problems:
            raise WrongWishError(problems)
        outcomes = [self._plan(wanted) for wanted in sorted(containers, key=lambda wanted: not wanted.gone)]
        changing = [outcome for outcome in outcomes if outcome.plan.steps]
        if changing and self._cluster.has_quorum() is False:
            raise WrongWishError(
                [
                    "The cluster has no quorum: too few of its nodes are online, and Proxmox makes no change. "
                    "`pvecm status` on a node tells which are missing."
                ]
            )
        for outcome in changing:
            if not outcome.wanted.gone:
                self.warnings += concerns(outcome.wanted, outcome.found, self._cluster)
        return outcomes

    def _against(self, wanted: Wanted, everything: Sequence[Wanted]) -> list[str]:
        try:
            return list(preflight.against(wanted, everything, self._cluster, self.client.credentials, self.probe))
        except UnreachableError:
            raise
        except ProxmoxError as refused:
            return [f"{wanted}: {refused}"]

    def _hinted(self, problem: ProxmoxError) -> str:
        hint = self.unreachable_hint if isinstance(problem, UnreachableError) else ""
        return f"{problem} {hint}".strip()

    def _plan(self, wanted: Wanted) -> Outcome:
        found = self._cluster.own(wanted)
        template = None if found or wanted.gone else self._template(wanted)
        planned = plan(wanted, found, template, self.limits)
        return Outcome(wanted, planned, found, self._address(wanted, found, limit=0))

    def _template(self, wanted: Wanted) -> templates.Template | None:
        present, offered = self._cluster.templates(wanted.node, wanted.template_storage)
        chosen = templates.choose(wanted.template or "", wanted.template_storage, present, offered)
        if chosen is None:
            return None
        shared = self._cluster.storages(wanted.node).get(chosen.storage, {}).get("shared")
        key = chosen.volume if shared else f"{wanted.node}/{chosen.volume}"
        if key in self._fetched:
            # A plan for two containers fetches their template once.
            return replace(chosen, present=True)
        self._fetched.add(key)
        return chosen

    # ---------------------------------------------------------------- perform

    def perform(self, outcome: Outcome) -> Outcome:
        """Do what was planned, and look again."""
        wanted, steps = outcome.wanted, outcome.plan.steps
        if not steps:
            return outcome
        self._take(wanted, steps)
        found = self._look(wanted)
        if self.limits.restart and found and found.running and found.pending:
            again = plan(wanted, found, None, self.limits)
            self._take(wanted, again.steps)
            steps += again.steps
            found = self._look(wanted)
        if found is None and not wanted.gone:
            raise ProxmoxError(
                f"Done: {'; '.join(step.says for step in steps)}. But {self.client.credentials!r} cannot see the "
                f"{wanted}. Grant VM.Audit on /vms/{wanted.vmid} or on the pool that it is in."
            )
        done = Plan(steps, outcome.plan.before, outcome.plan.after)
        address = self._address(wanted, found, min(self.task_timeout, ADDRESS_LIMIT))
        if found and found.running and wanted.net and not address:
            self.warnings.append(f"{wanted} runs, and has no address yet. Does its network have a DHCP server?")
        return Outcome(wanted, done, found, address)

    def _look(self, wanted: Wanted) -> Found | None:
        self._cluster.forget()
        return self._cluster.own(wanted)

    def _take(self, wanted: Wanted, steps: Sequence[Step]) -> None:
        for position, step in enumerate(steps):
            try:
                answer = self.client.request(step.method, step.path, step.params)
                if isinstance(answer, str) and answer.startswith("UPID:"):
                    warned = self.client.wait(answer, self.task_timeout)
                    self.warnings += [f"Asked to {step.says}, Proxmox warns: {text}" for text in warned]
            except ProxmoxError as failed:
                done = [taken.says for taken in steps[:position]]
                already = f" Already done: {'; '.join(done)}. The next run goes on from there." if done else ""
                left = self._left_behind(wanted) if step.creates and isinstance(failed, TaskFailedError) else ""
                why = ended(str(failed)) if already or left else failed
                raise ProxmoxError(f"Could not {step.says}: {why}{already}{left}") from failed

    def _left_behind(self, wanted: Wanted) -> str:
        """After a failed creation: Proxmox takes away what it had begun, unless it was cut off."""
        self._cluster.forget()
        try:
            if wanted.vmid not in self._cluster.guests():
                return " Proxmox has removed what it had begun."
        except ProxmoxError:
            return ""
        return (
            f" It left a half-made container {wanted.vmid} behind, which is not touched: `pct unlock {wanted.vmid}`, "
            f"then `pct destroy {wanted.vmid}` on {wanted.node} removes it."
        )

    def _address(self, wanted: Wanted, found: Found | None, limit: float) -> str | None:
        """The address to reach it by: the static one, else what the running container got. `limit` in seconds."""
        if wanted.gone:
            return None
        if wanted.addresses:
            return str(wanted.addresses[0].ip)
        if found is None or not found.running:
            return None
        static = static_addresses({"net0": found.config.get("net0", "")})
        if wanted.net is None and static:
            return static[0]
        deadline = time.monotonic() + limit
        while True:
            lines = self.client.get("nodes", found.node, "lxc", wanted.vmid, "interfaces") or []
            address = _address_of(found.properties("net0").get("name", "eth0"), lines)
            if address or time.monotonic() >= deadline:
                return address
            time.sleep(POLL_SECONDS)


def _address_of(device: str, lines: Sequence[dict[str, Any]]) -> str | None:
    """IPv4 before IPv6, and none that only the own network segment knows."""
    for family in ("inet", "inet6"):
        for line in lines:
            address = str(line.get(family) or "").partition("/")[0]
            if line.get("name") == device and address and not address.lower().startswith("fe80:"):
                return address
    return None
