# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit knows beyond its modules: ages against periods, names against the rule, secrets against the stacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._audit.values import place
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, ok, problem, warning
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import comparison
from ansible_collections.omakase.homelab.plugins.plugin_utils._omakase.catalogue import RULE

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Aged:
    """A secret with its age. age, period: days; None where nothing tells. due: the day it is to be rotated."""

    environment: str
    path: str
    name: str
    age: int | None
    period: int | None
    due: date | None
    project: str = ""

    @property
    def place(self) -> str:
        return place(self.project, self.environment, self.path, self.name)

    def overdue(self, today: date) -> int:
        """Days since it was due; 0 if it is not."""
        return max((today - self.due).days, 0) if self.due else 0

    def as_result(self, today: date) -> dict[str, Any]:
        return {
            "project": self.project,
            "environment": self.environment,
            "path": self.path,
            "name": self.name,
            "age_days": self.age,
            "period_days": self.period,
            "due": self.due.isoformat() if self.due else None,
            "overdue_days": self.overdue(today),
        }


def aged(secrets: Iterable[Row], today: date) -> list[Aged]:
    """Credentials, and what else has a period; those that are due first."""
    found = []
    for row in secrets:
        period = row["period"] or None
        if not (row["credential"] or period):
            continue
        written = _day(row["updated"])
        due = written + timedelta(days=period) if written and period else None
        age = (today - written).days if written else None
        found.append(Aged(row["environment"], row["path"], row["name"], age, period, due, row["project"]))
    return sorted(found, key=lambda one: (one.due or date.max, one.place))


def _day(stamp: str) -> date | None:
    try:
        return datetime.fromisoformat(stamp.replace("Z", "+00:00")).date()
    except ValueError:
        return None


def ages(secrets: Sequence[Aged], today: date) -> list[Finding]:
    """One that is late by a whole period more is a problem."""
    late = [one for one in secrets if one.overdue(today)]
    long_late = [one for one in late if one.overdue(today) > (one.period or 0)]
    lines = [f"{one.place}: since {_days(one.overdue(today))}, due every {one.period}" for one in late]
    without = sorted(one.place for one in secrets if one.period is None)
    untold = sorted(one.place for one in secrets if one.age is None)
    say = problem if long_late else warning
    return [
        _listed("overdue", lines, "Rotate them: playbooks/rotate.yml.", say),
        _listed("no rotation period", without, "Give them rotation_days in omakase_catalogue.", warning),
        _listed("age unknown", untold, "The server does not tell when these were written: a newer one does.", warning),
    ]


def names(secrets: Iterable[Row]) -> Finding:
    """Those that the catalogue knows follow what images want."""
    off = sorted({row["name"] for row in secrets if not row["known"] and not RULE.match(row["name"])})
    return _listed(
        "names off the rule", off, "Name them <SERVICE>_<COMPONENT>_<PURPOSE>, as NEXTCLOUD_DB_PASSWORD.", warning
    )


def between_environments(secrets: Sequence[Row], projects: Mapping[str, Sequence[str]]) -> Finding:
    """Secrets that an environment lacks and another one of its project has. An empty environment lacks nothing.

    projects: slugs of their environments, by project.
    """
    lines = []
    for project, environments in projects.items():
        own = [row for row in secrets if row["project"] == project]
        holds = {slug: {(r["path"], r["name"]) for r in own if r["environment"] == slug} for slug in environments}
        used = {slug: found for slug, found in holds.items() if found}
        for path, name in sorted(set().union(*used.values()) if used else ()):
            lacking = [slug for slug, found in used.items() if (path, name) not in found]
            if lacking:
                lines.append(f"{project} {path.rstrip('/')}/{name}: not in {', '.join(lacking)}".lstrip())
    advice = "Create them there, or remove them where nobody uses them."
    return _listed("missing in an environment", lines, advice, warning)


def stack(secrets: Iterable[Row], name: str, host: Row, environment: str, ignored: Sequence[str]) -> list[Finding]:
    """What the Compose files of a host read, against the folder / of its environment. host: what omakase_info says."""
    here = [row for row in secrets if (row["project"], row["environment"], row["path"]) == ("", environment, "/")]
    secret = {row["name"]: not row["empty"] for row in here}
    provided = [*host["project"]["provided"], *host["environment"]["names"]]
    filled = {**dict.fromkeys(provided, True), **secret}
    rows = comparison.compare(host["project"]["reads"], filled, secret, ignored)
    missing = [f"{row.name}, read by {', '.join(row.readers)}" for row in rows if row.state in comparison.REFUSED]
    unused = [row.name for row in rows if row.state == comparison.UNUSED]
    return [
        _listed(
            "missing secrets", missing, f"Give them a value in {environment}: {name} does not start without.", problem
        ),
        _listed("unused secrets", unused, f"Remove them from {environment}, if nothing else reads them.", warning),
    ]


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _listed(check: str, lines: Sequence[str], advice: str, say: Any) -> Finding:
    finding: Finding = say(check, "\n".join(lines), advice) if lines else ok(check, "none")
    return finding
