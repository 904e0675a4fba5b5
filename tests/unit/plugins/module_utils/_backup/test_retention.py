# SPDX-License-Identifier: GPL-3.0-or-later
"""Which archives stay: counted by newest, day, week and month, and by age."""

from __future__ import annotations

import datetime

from ansible_collections.omakase.homelab.plugins.module_utils._backup.retention import Keep, superfluous
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime.datetime(2026, 11, 25, 3, 15, tzinfo=datetime.timezone.utc)
NOTHING = Keep(last=0, daily=0, weekly=0, monthly=0)


def nights(count: int) -> list[datetime.datetime]:
    """The last so many nights, the newest first."""
    return [NOW - datetime.timedelta(days=day) for day in range(count)]


def kept(times: list[datetime.datetime], keep: Keep) -> list[datetime.datetime]:
    gone = superfluous(times, NOW, keep)
    return [moment for moment in times if moment not in gone]


def test_so_many_of_the_newest_stay() -> None:
    assert kept(nights(10), Keep(last=3, daily=0, weekly=0, monthly=0)) == nights(3)


def test_of_each_day_the_newest_stays() -> None:
    hours = [NOW - datetime.timedelta(hours=hour) for hour in range(0, 72, 6)]
    days = [moment.date() for moment in kept(hours, Keep(last=0, daily=2, weekly=0, monthly=0))]
    assert days == [NOW.date(), NOW.date() - datetime.timedelta(days=1)]


def test_a_year_of_nights_leaves_days_weeks_and_months() -> None:
    left = kept(nights(365), Keep(last=3, daily=7, weekly=4, monthly=6))
    assert left[:7] == nights(7)
    assert [moment.strftime("%Y-%m") for moment in left][-5:] == ["2026-10", "2026-09", "2026-08", "2026-07", "2026-06"]
    # 7 days with a Sunday among them, then two Sundays more, and the ends of 5 months
    assert len(left) == 14


def test_a_week_belongs_to_the_year_of_its_thursday() -> None:
    times = [
        datetime.datetime(2026, 12, 31, tzinfo=datetime.timezone.utc),
        datetime.datetime(2027, 1, 2, tzinfo=NOW.tzinfo),
    ]
    assert kept(times, Keep(last=0, daily=0, weekly=9, monthly=0)) == times[1:]


def test_none_older_than_the_limit_stays_but_the_newest() -> None:
    assert kept(nights(10), Keep(last=10, days=4)) == nights(5)
    old = [NOW - datetime.timedelta(days=900)]
    assert kept(old, Keep(days=30)) == old


@given(
    st.lists(st.integers(0, 5000), unique=True, min_size=1), st.integers(0, 9), st.integers(0, 9), st.integers(0, 40)
)
def test_the_newest_always_stays_and_a_second_look_removes_nothing(
    hours: set[int], last: int, daily: int, days: int
) -> None:
    times = [NOW - datetime.timedelta(hours=hour) for hour in hours]
    keep = Keep(last=last, daily=daily, weekly=2, monthly=2, days=days)
    left = kept(times, keep)
    assert max(times) in left
    assert kept(left, keep) == left


def test_nothing_asked_for_still_keeps_one() -> None:
    assert kept(nights(3), NOTHING) == nights(1)
