# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a live answer with a recorded one: what is volatile by its kind, everything else exactly."""

from __future__ import annotations

import re
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MASKS = {
    "<jwt>": re.compile(r"[\w-]+\.[\w-]+\.[\w-]+"),
    "<client-secret>": re.compile(r"[0-9a-f]{64}"),
    "<client-secret-2>": re.compile(r"[0-9a-f]{64}"),
}
# The server sorts these differently each time.
UNSORTED = {"secrets", "identities"}


class Ids:
    """Which live id stands for which recorded one. One to one, learned from answers."""

    def __init__(self, known: dict[str, str]) -> None:
        self.live = dict(known)

    def copy(self) -> Ids:
        return Ids(self.live)

    def translate(self, value: Any) -> Any:
        """A request, or a text, with the recorded ids and masks replaced by live ones."""
        if isinstance(value, dict):
            return {key: self.translate(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.translate(member) for member in value]
        if not isinstance(value, str):
            return value
        return self.live.get(value) or UUID.sub(lambda match: self.live.get(match.group(), match.group()), value)

    def learn(self, recorded: str, live: str) -> bool:
        if recorded not in self.live and live not in self.live.values():
            self.live[recorded] = live
        return self.live.get(recorded) == live


def differences(recorded: Any, live: Any, ids: Ids, note: str = "", at: str = "") -> list[str]:
    """What differs, each with its place; none for an answer as recorded. `note`: "69 secrets, 12 kept"."""
    if isinstance(recorded, dict) and isinstance(live, dict):
        return _object(recorded, live, ids, note, at)
    if isinstance(recorded, list) and isinstance(live, list):
        is_cut = bool(note) and at == "secrets"
        wanted = int(note.split()[0]) if is_cut else len(recorded)
        if len(live) != wanted:
            return [f"{at}: {len(live)} items, recorded {wanted}"]
        if at.rpartition(".")[2] in UNSORTED:
            return _unsorted(recorded, live, ids, at)
        pairs = enumerate(zip(recorded, live))
        return [found for place, pair in pairs for found in differences(*pair, ids, "", f"{at}[{place}]")]
    return [] if _same(recorded, live, ids) else [f"{at}: {live!r}, recorded {recorded!r}"]


def _object(recorded: dict[str, Any], live: dict[str, Any], ids: Ids, note: str, at: str) -> list[str]:
    found = []
    if recorded.keys() != live.keys():
        missing, extra = sorted(recorded.keys() - live.keys()), sorted(live.keys() - recorded.keys())
        found.append(f"{at}: fields missing {missing}, too many {extra}")
    for key in recorded.keys() & live.keys():
        found += differences(recorded[key], live[key], ids, note, f"{at}.{key}" if at else key)
    return found


def _unsorted(recorded: list[Any], live: list[Any], ids: Ids, at: str) -> list[str]:
    """Each recorded item must have a live one of its own."""
    left, found = list(live), []
    for item in recorded:
        for candidate in left:
            tried = ids.copy()
            if not differences(item, candidate, tried):
                ids.live = tried.live
                left.remove(candidate)
                break
        else:
            found.append(f"{at}: nothing like {item!r}")
    return found


def _same(recorded: Any, live: Any, ids: Ids) -> bool:
    if not isinstance(recorded, str) or not isinstance(live, str):
        return type(recorded) is type(live) and bool(recorded == live)
    if recorded in MASKS:
        ids.live[recorded] = live
        return bool(MASKS[recorded].fullmatch(live))
    if MOMENT.fullmatch(recorded):
        return bool(MOMENT.fullmatch(live))
    if UUID.fullmatch(recorded):
        return bool(UUID.fullmatch(live)) and ids.learn(recorded, live)
    return bool(ids.translate(recorded) == live)
