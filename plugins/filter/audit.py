# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter that turns what the audit found into a table, data and a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from ansible_collections.omakase.homelab.plugins.filter.doctor import doctor_report
from ansible_collections.omakase.homelab.plugins.plugin_utils._audit import page
from ansible_collections.omakase.homelab.plugins.plugin_utils._audit.report import Stack, report


def audit_report(
    hosts: Iterable[Sequence[Any]],
    project: Mapping[str, Any],
    stacks: Iterable[Stack] = (),
    today: str = "",
) -> dict[str, Any]:
    """Return C<{lines, problems, warnings, json, html}>.

    hosts: names, each with results of the module omakase.homelab.audit. project: its result for the project, or {}.
    stacks: see plugin_utils. today: YYYY-MM-DD, else this day.
    """
    made = report(project, hosts, stacks, date.fromisoformat(today) if today else date.today())
    return {
        "lines": doctor_report(made.examinations)["lines"],
        "problems": [f"{one['host']}: {one['check']}" for one in made.findings if one["state"] == "problem"],
        "warnings": [f"{one['host']}: {one['check']}" for one in made.findings if one["state"] == "warning"],
        "json": made.as_data(),
        "html": page.html(made),
    }


class FilterModule:
    """The collection's filter for the audit."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"audit_report": audit_report}
