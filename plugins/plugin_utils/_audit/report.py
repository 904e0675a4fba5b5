# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All findings of an audit together: for the terminal, as data, and as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._audit import checks
from ansible_collections.omakase.homelab.plugins.plugin_utils._audit.checks import Aged

PROJECT = "project"
ORDER = ("problem", "warning", "ok")
Results = Mapping[str, Any]
Stack = tuple[str, Results, str, Sequence[str]]


@dataclass
class Report:
    """examinations: names of hosts, or PROJECT, with their findings."""

    today: date
    examinations: list[tuple[str, Results]] = field(default_factory=list)
    ages: list[Aged] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    other_projects: dict[str, list[str]] = field(default_factory=dict)

    @property
    def findings(self) -> list[dict[str, str]]:
        """All, the worst first."""
        found = [{"host": host, **one} for host, result in self.examinations for one in result.get("findings", [])]
        return sorted(found, key=lambda one: ORDER.index(one["state"]))

    @property
    def counts(self) -> dict[str, int]:
        states = [one["state"] for one in self.findings]
        return {state: states.count(state) for state in ORDER}

    def as_data(self) -> dict[str, Any]:
        return {
            "date": self.today.isoformat(),
            "counts": self.counts,
            "environments": self.environments,
            "other_projects": self.other_projects,
            "findings": self.findings,
            "secrets": [one.as_result(self.today) for one in self.ages],
        }


def report(project: Results, hosts: Iterable[Sequence[Any]], stacks: Iterable[Stack], today: date) -> Report:
    """project: what the module omakase.homelab.audit returned for it. hosts: names, each with further such results.

    stacks: of each host with Compose files its name, what omakase_info returned, the environment, and patterns of
    names not to judge.
    """
    made = Report(today, environments=list(project.get("environments", [])))
    made.other_projects = dict(project.get("other_projects", {}))
    secrets = project.get("secrets", [])
    made.ages = checks.aged(secrets, today)
    if project:
        made.examinations.append((PROJECT, _with_more(project, made, secrets)))
    of_stacks = {stack[0]: checks.stack(secrets, *stack) for stack in stacks if secrets and stack[1].get("project")}
    for host, *results in hosts:
        found = [finding for one in results for finding in one.get("findings", [])]
        found += [finding.as_result() for finding in of_stacks.get(host, [])]
        failed = [_failed(one) for one in results if one and "findings" not in one]
        made.examinations.append((host, {"findings": failed[:1] + found}))
    return made


def _with_more(project: Results, made: Report, secrets: Sequence[Any]) -> Results:
    if "findings" not in project:
        return {"findings": [_failed(project)]}
    more = [*checks.ages(made.ages, made.today)]
    more.append(checks.names(secrets))
    more.append(checks.between_environments(secrets, {"": made.environments, **made.other_projects}))
    return {"findings": [*project["findings"], *(finding.as_result() for finding in more if secrets)]}


def _failed(result: Results) -> dict[str, str]:
    """A host that could not be looked at."""
    if result.get("unreachable"):
        advice = "Does it run, is its address in the inventory right, and does it take your key?"
        return {"check": "SSH", "state": "problem", "evidence": "the host does not answer", "advice": advice}
    said = str(result.get("msg", "no answer"))
    return {"check": "audit", "state": "problem", "evidence": said, "advice": ""}
