# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit as one page that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._audit.checks import Aged
from ansible_collections.omakase.homelab.plugins.plugin_utils._audit.report import ORDER, Report
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

MONTHS = 12
_TEMPLATE = Path(__file__).with_name("page.html.j2")
_WORDS = {"problem": "Problems", "warning": "Warnings", "ok": "In order"}
# Of the plot, in its own units: rows, the place for words beside them, and all of it
_ROW, _LEFT, _WIDTH = 44, 68, 340


@dataclass(frozen=True)
class Dot:
    """A secret in the plot."""

    x: float
    y: float
    late: bool
    told: str


@dataclass(frozen=True)
class Lane:
    """The secrets of one period. due: where the period ends; None without one."""

    label: str
    y: float
    due: float | None
    dots: list[Dot]


@dataclass(frozen=True)
class Plot:
    """Ages from left to right, periods from top to bottom."""

    width: int
    height: int
    left: int
    lanes: list[Lane]
    ticks: list[tuple[float, int]]


def html(report: Report) -> str:
    """The whole page."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters["breakable"] = breakable
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    page: str = template.render(
        report=report,
        words=_WORDS,
        groups=[(state, [one for one in report.findings if one["state"] == state]) for state in ORDER],
        calendar=calendar(report.ages, report.today),
        undated=sorted(one.place for one in report.ages if one.due is None),
        plot=plot(report.ages, report.today),
    )
    return page


def breakable(text: str) -> Markup:
    """Long names break between their words, and not within one."""
    return Markup("<wbr>").join(re.split(r"(?<=[_/])(?=.)", text))


def calendar(ages: Sequence[Aged], today: date) -> list[dict[str, Any]]:
    """What is overdue, then the months from this one on, each with its days."""
    late = [one for one in ages if one.due and one.due < today]
    months = [{"name": "Overdue", "late": True, "days": _days(late, "%-d %b %Y")}] if late else []
    for number in range(MONTHS):
        first = date(today.year + (today.month - 1 + number) // 12, (today.month - 1 + number) % 12 + 1, 1)
        due = [
            one
            for one in ages
            if one.due and one.due >= today and (one.due.year, one.due.month) == (first.year, first.month)
        ]
        months.append({"name": f"{first:%B %Y}", "late": False, "days": _days(due, "%-d")})
    return months


def _days(due: Sequence[Aged], form: str) -> list[dict[str, Any]]:
    by_day: dict[date, list[str]] = {}
    for one in due:
        if one.due:
            by_day.setdefault(one.due, []).append(one.place)
    return [
        {"iso": day.isoformat(), "said": day.strftime(form), "places": sorted(places)}
        for day, places in sorted(by_day.items())
    ]


def plot(ages: Sequence[Aged], today: date) -> Plot | None:
    """None where no age is known."""
    known = [one for one in ages if one.age is not None]
    if not known:
        return None
    periods: list[int | None] = [*sorted({one.period for one in known if one.period})]
    if any(one.period is None for one in known):
        periods.append(None)
    longest = max([one.age or 0 for one in known] + [period or 0 for period in periods] + [30])
    scale = (_WIDTH - _LEFT - 22) / longest
    lanes = []
    for number, period in enumerate(periods):
        y = 4 + number * _ROW + _ROW / 2
        there = [one for one in known if one.period == period]
        due = round(_LEFT + 8 + period * scale, 1) if period else None
        lanes.append(Lane(f"{period} days" if period else "no period", y, due, _dots(there, y, scale, today)))
    step = next(step for step in (10, 30, 90, 180, 365, 730, 3650, longest) if longest / step < 4.5)
    ticks = [(round(_LEFT + 8 + day * scale, 1), day) for day in range(0, longest + 1, step)]
    return Plot(_WIDTH, 4 + len(periods) * _ROW + 32, _LEFT, lanes, ticks)


def _dots(secrets: Sequence[Aged], y: float, scale: float, today: date) -> list[Dot]:
    """Those of one age lie above and below each other, as far as there is room."""
    seen: dict[int, int] = {}
    dots = []
    for one in sorted(secrets, key=lambda each: (each.age or 0, each.place)):
        age = one.age or 0
        place = round(age * scale / 7)
        nth = seen[place] = seen.get(place, -1) + 1
        shift = (nth + 1) // 2 * 7 * (1 if nth % 2 else -1) if nth < 5 else 0
        dots.append(
            Dot(round(_LEFT + 8 + age * scale, 1), y + shift, bool(one.overdue(today)), f"{one.place}, {age} days")
        )
    return dots
