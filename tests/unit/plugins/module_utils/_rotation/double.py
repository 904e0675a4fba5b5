# SPDX-License-Identifier: GPL-3.0-or-later
"""A homelab in memory: a project, a database, services, and a kill or a failure at a chosen step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret
from ansible_collections.omakase.homelab.plugins.module_utils._rotation import course
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import MARIADB, Change, Journal, Place


class KilledError(Exception):
    """SIGKILL: nobody cleans up."""


@dataclass
class Homelab:
    """steps: what has changed so far. kill_before: the number of the step that does not come to pass any more.

    breaks: steps, by their name, that fail. sick_with: values that no service starts with.
    older: what a MariaDB still takes beside the last password that it was given.
    """

    secrets: dict[str, str]
    passwords: dict[Place, str]
    services: dict[str, str] = field(default_factory=dict)
    updated: dict[str, str] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)
    kill_before: int | None = None
    breaks: set[str] = field(default_factory=set)
    sick_with: set[str] = field(default_factory=set)
    older: dict[Place, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services = dict(self.secrets)
        self.updated = dict.fromkeys(self.secrets, "long ago")

    def step(self, name: str) -> None:
        if self.kill_before is not None and len(self.steps) >= self.kill_before:
            raise KilledError(name)
        if name in self.breaks:
            raise InfisicalError(f"{name} failed.")
        self.steps.append(name)

    # The vault
    def read(self) -> dict[str, Secret]:
        return {name: Secret(name, value, updated=self.updated.get(name, "")) for name, value in self.secrets.items()}

    def create(self, name: str, value: str, comment: str) -> None:
        if name in self.secrets:
            raise InfisicalError("Secret already exist")
        self.step(f"create {name}")
        self.secrets[name] = value
        self.updated[name] = f"after step {len(self.steps)}"
        self.holds()

    def update(self, values: Mapping[str, str]) -> None:
        self.step(f"write {', '.join(values)}")
        self.secrets.update(values)
        self.updated.update(dict.fromkeys(values, f"after step {len(self.steps)}"))
        self.holds()

    def delete(self, name: str) -> None:
        self.step(f"delete {name}")
        del self.secrets[name]
        self.holds()

    # The databases
    def accepts(self, place: Place, password: str) -> bool:
        return password in self.takes(place)

    def takes(self, place: Place) -> set[str]:
        return {self.passwords[place], *self.older.get(place, ())}

    def set_password(self, place: Place, password: str) -> None:
        self.step(f"alter {place.role}")
        if place.engine == MARIADB:
            self.older[place] = self.takes(place)
        self.passwords[place] = password
        self.holds()

    def keep_only(self, place: Place, password: str) -> None:
        if self.takes(place) > {password}:
            self.step(f"keep one of {place.role}")
            self.passwords[place] = password
            self.older[place] = set()
            self.holds()

    # The services
    def start(self) -> None:
        self.step("start")
        self.services = {
            name: value for name, value in self.secrets.items() if not name.startswith("OMAKASE_ROTATION_")
        }
        if self.sick_with & set(self.services.values()):
            raise InfisicalError("A service is unhealthy.")

    def holds(self) -> None:
        """At every moment what a database takes is on record where a person or the next run finds it."""
        journal = course.found_journal(self.read())
        for place, password in self.passwords.items():
            known = {self.secrets.get(place.role.upper())}
            for change in journal.changes if journal else ():
                known |= {change.old, change.new} if change.place == place else set()
            assert password in known, f"nobody knows the password of {place.role} any more: {self.steps}"
            if place.engine == MARIADB:
                assert self.services[place.role.upper()] in self.takes(place), f"a service is locked out: {self.steps}"


def run(homelab: Homelab, changes: list[Change]) -> str:
    """One run of the role's tasks/rotate.yml: what it says in the end. Raises InfisicalError where the role fails."""
    try:
        secrets = homelab.read()
        journal = course.found_journal(secrets)
        if journal is None:
            if not changes:
                return "nothing"
            journal = Journal(tuple(changes))
            course.begin(homelab, journal)
        course.settle(homelab, homelab, journal, secrets)
        homelab.start()
        back = journal.back
    except InfisicalError:
        secrets = homelab.read()
        found = course.found_journal(secrets)
        if found is not None:
            course.settle(homelab, homelab, course.turn_back(homelab, found), secrets)
        homelab.start()
        back = True
    secrets = homelab.read()
    found = course.found_journal(secrets)
    if found is not None:
        course.finish(homelab, homelab, found, secrets)
    return "back" if back else "rotated"
