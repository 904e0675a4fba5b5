# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases of a stack whose passwords are secrets, whatever each of them is."""

from __future__ import annotations

import secrets
from typing import Protocol

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.containers import Containers, Run
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import MARIADB, POSTGRESQL, Place
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.mariadb import MariaDb
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.postgres import Postgres


class Engine(Protocol):
    """A kind of database. Raises InfisicalError for one that does not answer."""

    def obstacle(self, place: Place, password: str) -> str:
        """What of the role itself stands in the way; empty for nothing."""

    def accepts(self, place: Place, password: str) -> bool:
        """Whether the role can log in with it, over the network."""

    def set_password(self, place: Place, password: str) -> None:
        """One that can take several goes on to take those that it took."""

    def keep_only(self, place: Place, password: str) -> None:
        """Of several, if it takes this one."""


class ComposeDatabases:
    """The databases of the stack in a directory. Raises InfisicalError for one that does not answer."""

    def __init__(self, run: Run, directory: str) -> None:
        self._containers = Containers(run, directory)
        self._engines: dict[str, Engine] = {
            POSTGRESQL: Postgres(self._containers),
            MARIADB: MariaDb(self._containers),
        }

    def problem(self, place: Place, password: str) -> str:
        """Why the password of this role cannot be changed; empty if it can, and password is the one that works."""
        try:
            return self._problem(place, password)
        except InfisicalError as error:
            return str(error)

    def _problem(self, place: Place, password: str) -> str:
        if not self._containers.id_of(place.service):
            return f"the service {place.service or '(database_service is not set)'} does not run"
        obstacle = self._engines[place.engine].obstacle(place, password)
        if obstacle:
            return obstacle
        if self.accepts(place, secrets.token_hex(16)):
            return f"{place.service} takes any password, so a new one cannot be proven: change who it trusts"
        if not self.accepts(place, password):
            return f"{place.service} does not take the present value: is it the password of another database?"
        return ""

    def accepts(self, place: Place, password: str) -> bool:
        return self._engines[place.engine].accepts(place, password)

    def set_password(self, place: Place, password: str) -> None:
        self._engines[place.engine].set_password(place, password)
        if not self.accepts(place, password):
            raise InfisicalError(f"{place.service} does not take the password that was just set.")

    def keep_only(self, place: Place, password: str) -> None:
        self._engines[place.engine].keep_only(place, password)
