# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of roles in PostgreSQL, which takes one at a time.

It is given the verifier that it would make of the password itself, so that its log of statements does not hold it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64encode

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.containers import Containers, last_line
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import Place

_ITERATIONS = 4096
# Over the container's own address: most images trust whoever comes by the socket or by 127.0.0.1.
_LOG_IN = (
    'exec psql -X -w -A -t -q -h "$(hostname -i | cut -d" " -f1)" -U "${1:-${POSTGRES_USER:-postgres}}" '
    '-d postgres -c "SELECT 1"'
)
_ADMINISTER = 'exec psql -X -w -A -t -q -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres'


def verifier(password: str, salt: bytes, iterations: int = _ITERATIONS) -> str:
    """What PostgreSQL keeps of a password (RFC 5803). Only for ASCII, which needs no normalisation."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown = [b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{shown[0]}${shown[1]}:{shown[2]}"


class Postgres:
    """See databases.Engine."""

    def __init__(self, containers: Containers) -> None:
        self._containers = containers

    def obstacle(self, place: Place, _password: str) -> str:
        role = f"rolname = {_literal(place.role)}" if place.role else "rolname = current_user"
        found = self._administer(place, f"SELECT 1 FROM pg_roles WHERE {role} AND NOT pg_is_in_recovery();")  # noqa: S608
        if found.strip() != "1":
            return f"{place.service} has no role {place.role} to change: set database_service and database_role"
        return ""

    def accepts(self, place: Place, password: str) -> bool:
        status, _said, error = self._containers.run(
            place.service, _LOG_IN, argument=place.role, env={"PGPASSWORD": password}
        )
        # The password was right where only the database is denied.
        if status == 0 or "permission denied for database" in error:
            return True
        if "authentication failed" in error:
            return False
        raise InfisicalError(
            f"{place.service} does not let {place.role or 'its superuser'} log in: {last_line(error)}."
        )

    def set_password(self, place: Place, password: str) -> None:
        role = _identifier(place.role) if place.role else "CURRENT_USER"
        self._administer(place, f"ALTER ROLE {role} PASSWORD {_literal(verifier(password, os.urandom(16)))};")

    def keep_only(self, _place: Place, _password: str) -> None:
        """It never takes two."""

    def _administer(self, place: Place, statement: str) -> str:
        status, said, error = self._containers.run(place.service, _ADMINISTER, data=statement)
        if status:
            raise InfisicalError(f"{place.service} refused its superuser: {last_line(error)}.")
        return said


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
