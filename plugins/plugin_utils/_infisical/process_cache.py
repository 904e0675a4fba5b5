# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In place of the run's directory where it cannot be used. Loaded only then."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Union

from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import (
    EVERY_PROJECT,
    NEVER,
    Drawer,
    Entry,
    RunCache,
    joined,
)


class ProcessCache:
    """In place of the directory where there is none: what it knows ends with this process."""

    def __init__(self) -> None:
        self._notes: set[str] = set()
        self._generations: dict[str, str] = {}
        self._entries: dict[tuple[str, ...], Entry] = {}

    def drawer(self, secret: str, guessable: bool) -> ProcessDrawer:
        return ProcessDrawer(self._entries, secret)

    def generation(self, project_id: str) -> str:
        return joined([self._generations.get(EVERY_PROJECT, ""), self._generations.get(project_id, "")])

    def forget(self, project_id: str, for_good: bool = False) -> None:
        self._generations[project_id] = NEVER if for_good else os.urandom(8).hex()

    def note(self, name: str) -> None:
        self._notes.add(name)

    def noted(self, name: str) -> bool:
        return name in self._notes


class ProcessDrawer(Drawer):
    """Entries of one credential in memory."""

    def __init__(self, entries: dict[tuple[str, ...], Entry], secret: str) -> None:
        self._entries = entries
        self._secret = secret

    def read(self, *parts: str) -> Entry | None:
        return self._entries.get((self._secret, *parts))

    def write(self, entry: Entry, *parts: str) -> None:
        self._entries[(self._secret, *parts)] = entry

    @contextlib.contextmanager
    def alone(self, *parts: str) -> Iterator[None]:
        yield


# Several lookups of one task share it.
of_this_process = ProcessCache()

Cache = Union[RunCache, ProcessCache]
