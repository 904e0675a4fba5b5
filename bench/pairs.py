# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of runs that took turns, kept in a file: of 200 hosts one takes half an hour, and five a day."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.plays import Run

# The figures are of so many, the newest.
COUNTED = 5


@dataclass(frozen=True)
class Pair:
    """The same play with lookups and with constants. date: of the day, as 2026-11-26."""

    date: str
    hosts: int
    lookups: Run
    constants: Run

    @classmethod
    def of(cls, line: str) -> Pair:
        read = json.loads(line)
        return cls(read["date"], read["hosts"], Run(**read["lookups"]), Run(**read["constants"]))


@dataclass(frozen=True)
class Summary:
    """Of the newest pairs of a size. Ratios are medians of those of the pairs, since a pair is of one time."""

    pairs: Sequence[Pair]

    @property
    def wall(self) -> float:
        return statistics.median(pair.lookups.seconds / pair.constants.seconds for pair in self.pairs)

    @property
    def cpu(self) -> float:
        return statistics.median(pair.lookups.cpu / pair.constants.cpu for pair in self.pairs)

    @property
    def days(self) -> str:
        found = sorted({pair.date for pair in self.pairs})
        return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


def keep(file: Path, pair: Pair) -> None:
    with file.open("a") as kept:
        kept.write(json.dumps(asdict(pair)) + "\n")


def newest(file: Path, hosts: int) -> Summary:
    """The newest pairs of so many hosts."""
    found = [pair for pair in map(Pair.of, file.read_text().splitlines()) if pair.hosts == hosts]
    return Summary(found[-COUNTED:])
