# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of accounts in MariaDB, which can take several: old and new one both work until the services have the new.

It is given what it would make of a password itself, so that its log of statements does not hold it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.containers import Containers, last_line
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import Place

_SUPERUSER = "root"
_NATIVE, _SOCKET = "mysql_native_password", "unix_socket"
_CLIENT = 'exec "$(command -v mariadb || echo mysql)" --no-defaults --batch --skip-column-names --raw '
# Over the container's own address: by the socket some images trust whoever comes. The way leads out of no container.
_LOG_IN = f"""{_CLIENT} --skip-ssl-verify-server-cert -h "$(hostname -i | cut -d" " -f1)" -u "$1" -e "SELECT 1" """
# As the images make their superuser
_ADMINISTER = f"""
MYSQL_PWD="${{MARIADB_ROOT_PASSWORD:-${{MYSQL_ROOT_PASSWORD:-}}}}"
file="${{MARIADB_ROOT_PASSWORD_FILE:-${{MYSQL_ROOT_PASSWORD_FILE:-}}}}"
[ -z "$file" ] || MYSQL_PWD="$(cat "$file")"
export MYSQL_PWD
{_CLIENT} -u {_SUPERUSER}
"""


@dataclass(frozen=True)
class Account:
    """A user as it may come from a host. ways: plugins by which it proves itself, each with what that one keeps."""

    user: str
    host: str
    ways: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        return f"{self.user}@{self.host}"

    @property
    def kept(self) -> list[str]:
        """What is kept of its passwords."""
        return [kept for plugin, kept in self.ways if plugin == _NATIVE]

    def with_passwords(self, kept: Iterable[str]) -> str:
        """Its part of an ALTER USER."""
        ways = [(_NATIVE, one) for one in kept] + [way for way in self.ways if way[0] != _NATIVE]
        said = [f"{plugin} USING {_literal(using)}" if using else plugin for plugin, using in ways]
        return f"{_literal(self.user)}@{_literal(self.host)} IDENTIFIED VIA {' OR '.join(said)}"


def native(password: str) -> str:
    """What mysql_native_password keeps of a password."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()


def ways(privileges: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """From a row of mysql.global_priv: the one of its own, or a list of several in which {} stands for that."""

    def way(described: Mapping[str, Any]) -> tuple[str, str]:
        return str(described.get("plugin") or _NATIVE), str(described.get("authentication_string") or "")

    return tuple(way(one or privileges) for one in privileges.get("auth_or") or [{}])


class MariaDb:
    """See databases.Engine."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    def obstacle(self, place: Place, password: str) -> str:
        accounts = self._accounts(place)
        if not accounts:
            return f"{place.service} has no user {_user(place)} to change: set database_service and database_role"
        for account in accounts:
            others = sorted({plugin for plugin, _kept in account.ways} - {_NATIVE, _SOCKET})
            if others:
                return f"{place.service} proves {account.name} by {', '.join(others)}, which this recipe cannot set"
        apart = [account.name for account in accounts if native(password) not in account.kept]
        if apart and len(apart) < len(accounts):
            return f"{place.service} has another password for {', '.join(apart)}: give it the same one by hand"
        return ""

    def accepts(self, place: Place, password: str) -> bool:
        status, _said, error = self._containers.run(
            place.service, _LOG_IN, argument=_user(place), env={"MYSQL_PWD": password}
        )
        if status == 0:
            return True
        if "Access denied for user" in error:
            return False
        raise InfisicalError(f"{place.service} does not let {_user(place)} log in: {last_line(error)}.")

    def set_password(self, place: Place, password: str) -> None:
        self._alter(place, {account: [native(password), *account.kept] for account in self._accounts(place)})

    def keep_only(self, place: Place, password: str) -> None:
        wanted = native(password)
        found = self._accounts(place)
        self._alter(place, {one: [wanted] for one in found if wanted in one.kept and len(one.kept) > 1})

    def _alter(self, place: Place, kept: Mapping[Account, Sequence[str]]) -> None:
        if kept:
            parts = [account.with_passwords(dict.fromkeys(passwords)) for account, passwords in kept.items()]
            self._administer(place, f"ALTER USER {', '.join(parts)};")

    def _accounts(self, place: Place) -> list[Account]:
        user = _user(place)
        said = self._administer(
            place,
            "SELECT Host, Priv FROM mysql.global_priv "  # noqa: S608
            f"WHERE User = {_literal(user)} AND @@global.read_only IN ('0', 'OFF');",
        )
        found = []
        for line in said.splitlines():
            host, _tab, privileges = line.partition("\t")
            about = json.loads(privileges)
            if not about.get("is_role"):
                found.append(Account(user, host, ways(about)))
        return found

    def _administer(self, place: Place, statement: str) -> str:
        status, said, error = self._containers.run(place.service, _ADMINISTER, data=statement)
        if "global_priv" in error:
            raise InfisicalError(f"{place.service} is no MariaDB of version 10.4 or newer.")
        if status:
            raise InfisicalError(f"{place.service} refused its superuser: {last_line(error)}.")
        return said


def _user(place: Place) -> str:
    return place.role or _SUPERUSER


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
