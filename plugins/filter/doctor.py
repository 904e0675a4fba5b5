# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter that turns what the doctor found on several hosts into a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_UNREACHABLE = {
    "check": "SSH",
    "state": "problem",
    "evidence": "the host does not answer",
    "advice": "Does it run, is its address in the inventory right, and does it take your key?",
}


def doctor_report(examinations: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[str]]:
    """Return the lines of a table, and what is not well in a few words each.

    examinations: names of hosts with what the module omakase.homelab.doctor returned there.
    """
    rows = [(host, finding) for host, result in examinations for finding in _findings(result)]
    widths = [_width(host for host, _found in rows), _width(found["check"] for _host, found in rows)]
    return {
        "lines": [line for host, found in rows for line in _lines(host, found, widths)],
        "problems": [f"{host}: {found['check']}" for host, found in rows if found["state"] == "problem"],
    }


def _findings(result: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    if result.get("unreachable"):
        return [_UNREACHABLE]
    if "findings" not in result:
        said = str(result.get("msg", "no answer"))
        return [{"check": "examination", "state": "problem", "evidence": said, "advice": ""}]
    found: Sequence[Mapping[str, str]] = result["findings"]
    return found


def _width(texts: Iterable[str]) -> int:
    return max((len(text) for text in texts), default=0)


def _lines(host: str, found: Mapping[str, str], widths: Sequence[int]) -> list[str]:
    start = f"{host:{widths[0]}}  {found['state']:7}  {found['check']:{widths[1]}}  "
    first, *more = found["evidence"].splitlines() or [""]
    indent = " " * len(start)
    advice = [f"{indent}-> {found['advice']}"] if found["advice"] else []
    return [start + first, *(indent + line for line in more), *advice]


class FilterModule:
    """The collection's filter for the doctor."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"doctor_report": doctor_report}
