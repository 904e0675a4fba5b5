# SPDX-License-Identifier: GPL-3.0-or-later
"""Long proofs (`make soak`): their seed and counts from one place, their progress, and what they found at the end."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import strftime

import pytest

SEED = int(os.environ.get("OMAKASE_SOAK_SEED", "1"))
# Of a hundred: 20 makes 20 rounds of a hundred, and 2,000 of ten thousand.
ROUNDS = int(os.environ.get("OMAKASE_SOAK_ROUNDS", "100"))

figures = pytest.StashKey["list[str]"]()


@dataclass
class Soak:
    """What a long proof draws from, and whom it tells."""

    config: pytest.Config
    seed: int = SEED
    rounds: int = ROUNDS
    _figures: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self._figures = self.config.stash.setdefault(figures, [])

    def count(self, full: int) -> int:
        """A count that is `full` by default, and at least one."""
        return max(1, full * self.rounds // 100)

    def random(self, name: str) -> random.Random:
        """Chance that is the same in every run with this seed, whatever else runs."""
        return random.Random(f"{self.seed} {name}")  # noqa: S311

    def progress(self, text: str) -> None:
        """Say how far it is, at once."""
        with self._uncaptured():
            print(f"\n{strftime('%H:%M:%S')} {text}", end="", flush=True)

    def figure(self, text: str) -> None:
        """A line of the summary."""
        self._figures.append(text)

    @contextmanager
    def _uncaptured(self) -> Iterator[None]:
        capture = self.config.pluginmanager.getplugin("capturemanager")
        if capture is None:  # pytest -s
            yield
        else:
            with capture.global_and_fixture_disabled():
                yield
