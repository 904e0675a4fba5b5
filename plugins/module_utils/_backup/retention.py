# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which archives stay."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Keep:
    """So many of the newest, and the newest of each of so many days, weeks and months; none older than `days`."""

    last: int = 3
    daily: int = 7
    weekly: int = 4
    monthly: int = 6
    days: int = 0  # 0: no limit


def superfluous(times: Iterable[datetime.datetime], now: datetime.datetime, keep: Keep) -> set[datetime.datetime]:
    """The times of the archives that may go. The newest never does."""
    newest_first = sorted(times, reverse=True)
    kept = set(newest_first[: max(keep.last, 1)])
    for period, count in (("%Y-%m-%d", keep.daily), ("%G-W%V", keep.weekly), ("%Y-%m", keep.monthly)):
        newest_of: dict[str, datetime.datetime] = {}
        for moment in newest_first:
            newest_of.setdefault(moment.strftime(period), moment)
        kept.update(list(newest_of.values())[:count])
    if keep.days:
        kept = {moment for moment in kept if now - moment <= datetime.timedelta(days=keep.days)}
        kept.update(newest_first[:1])
    return set(newest_first) - kept
