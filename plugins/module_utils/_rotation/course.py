# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a rotation, each of which may be the last one before a kill.

    journal created    old and new value are on record; nothing has changed
    passwords set      databases take the new ones, as the journal says; services still use the old ones
    secrets written    all at once
    (the role: services restart with them, and are seen to be healthy)
    others dropped     by databases that have taken old and new ones meanwhile
    journal removed

If a step fails, the journal is turned back first, and then the same steps lead to the old values. Whoever finds a
journal goes on in its direction: a step says what is to be, and not what is to be done, so that it can be taken twice.
At any moment what a database takes is the secret's value or in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import (
    COMMENT,
    JOURNAL,
    WENT_BACK,
    WENT_BACK_COMMENT,
    Change,
    Journal,
    Place,
    went_back,
)


class Vault(Protocol):
    """The folder of the project that holds the secrets."""

    def read(self) -> dict[str, Secret]:
        """All of them, by name."""

    def create(self, name: str, value: str, comment: str) -> None:
        """One that is not there yet."""

    def update(self, values: Mapping[str, str]) -> None:
        """All of them or none."""

    def delete(self, name: str) -> None:
        """One that is there."""


class Databases(Protocol):
    """The databases whose passwords are secrets."""

    def accepts(self, place: Place, password: str) -> bool:
        """Whether the role can log in with it, over the network."""

    def set_password(self, place: Place, password: str) -> None:
        """One that can take several goes on to take those that it took."""

    def keep_only(self, place: Place, password: str) -> None:
        """Of several, if it takes this one."""


@dataclass(frozen=True)
class Settled:
    """Names that now have the value that the journal wants, and those that somebody else changed meanwhile."""

    names: list[str]
    left_alone: list[str]
    back: bool


def found_journal(secrets: Mapping[str, Secret]) -> Journal | None:
    """The journal of a rotation that did not come to its end."""
    secret = secrets.get(JOURNAL)
    return Journal.from_text(secret.value) if secret else None


def begin(vault: Vault, journal: Journal) -> None:
    """Puts it on record. A second run at the same time fails here, since the name is taken."""
    vault.create(JOURNAL, journal.as_text(), COMMENT)


def turn_back(vault: Vault, journal: Journal) -> Journal:
    back = journal.turned_back()
    if not journal.back:
        vault.update({JOURNAL: back.as_text()})
    return back


def settle(vault: Vault, databases: Databases, journal: Journal, secrets: Mapping[str, Secret]) -> Settled:
    """Databases first, then the secrets."""
    changed: dict[str, str] = {}
    result = Settled([], [], journal.back)
    for change in journal.changes:
        secret = secrets.get(change.name)
        ours = secret is not None and secret.value in (change.old, change.new)
        (result.names if ours else result.left_alone).append(change.name)
        if secret is None:
            continue
        # What somebody else has written meanwhile is the truth, and the database follows it.
        wanted = journal.wanted(change) if ours else secret.value
        _set(databases, change, wanted)
        if secret.value != wanted:
            changed[change.name] = wanted
    if changed:
        vault.update(changed)
    return result


def _set(databases: Databases, change: Change, wanted: str) -> None:
    if change.place and not databases.accepts(change.place, wanted):
        databases.set_password(change.place, wanted)


def finish(vault: Vault, databases: Databases, journal: Journal, secrets: Mapping[str, Secret]) -> None:
    """The end: what is on record is true, and services use it. secrets: as they are now."""
    places = [(change, change.place) for change in journal.changes if change.place and change.name in secrets]
    for change, place in places:
        value = secrets[change.name].value
        if value != journal.wanted(change) and not databases.accepts(place, value):
            raise InfisicalError(
                f"{change.name} was changed by somebody in the last moment, and {place.service} does not know it yet.",
                "Run playbooks/rotate.yml again: it goes on from here.",
            )
    for change, place in places:
        databases.keep_only(place, secrets[change.name].value)
    _remember(vault, journal, secrets)
    vault.delete(JOURNAL)


def _remember(vault: Vault, journal: Journal, secrets: Mapping[str, Secret]) -> None:
    """The true age of what was put back."""
    before = went_back(secrets)
    after = {name: stamps for name, stamps in before.items() if name not in [change.name for change in journal.changes]}
    for change in journal.changes if journal.back else ():
        secret = secrets.get(change.name)
        if secret is not None and secret.value == change.old and change.since and secret.updated:
            after[change.name] = {"since": change.since, "put_back": secret.updated}
    if after and after != before:
        text = json.dumps(after)
        if WENT_BACK in secrets:
            vault.update({WENT_BACK: text})
        else:
            vault.create(WENT_BACK, text, WENT_BACK_COMMENT)
    elif WENT_BACK in secrets and not after:
        vault.delete(WENT_BACK)
