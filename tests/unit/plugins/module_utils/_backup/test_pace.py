# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup that nobody waits for leaves half of the time to others."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import pace


class Clock:
    """Time that passes when somebody works or sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 1000.0, 0.0

    def monotonic(self) -> float:
        return self.now

    def process_time(self) -> float:
        return 0.3

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(pace, "time", found)
    return found


def test_it_rests_as_long_as_it_worked_however_small_the_pieces_are(clock: Clock) -> None:
    ours = pace.Pace()
    ours.slow_down()
    for _piece in range(1000):
        clock.now += 0.004
        ours.rest()
    # Four seconds of work, and 0.3 s that the process had computed before
    assert clock.slept == pytest.approx(4.3, abs=0.1)


def test_no_rest_is_longer_than_a_second(clock: Clock) -> None:
    ours = pace.Pace()
    ours.slow_down()
    clock.now += 60
    ours.rest()
    assert clock.slept == 1


def test_nobody_rests_unasked(clock: Clock) -> None:
    ours = pace.Pace()
    clock.now += 5
    ours.rest()
    assert clock.slept == 0
