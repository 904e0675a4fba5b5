# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database holds, without what it hides: the rows of each table, and a keyed digest of all that is encrypted.

A dump keeps what the server has encrypted byte for byte: equal digests prove equal secrets, and nothing is decrypted.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .pace import PACE

# A line for each table: how many rows it has.
ROWS = r"""SELECT format('SELECT ''rows'', %L, count(*) FROM %I.%I', tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename \gexec
"""
# A line for each row that has something encrypted in it: the hash of that, and of what the row is. They are sorted, so
# that it does not matter in which order rows lie in the table, and copied, which takes no memory for a result.
# Encrypted are bytes, and in tables of the older servers texts of these names. Folders and environments are the places
# of the secrets.
SEALED = r"""SET bytea_output = 'hex';
WITH columns AS (
    SELECT relname, attname, atttypid = 'bytea'::regtype OR attname ~ '(Ciphertext|IV|Tag)$' AS sealed
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
    AND attnum > 0 AND NOT attisdropped
)
SELECT format('COPY (SELECT ''sealed'', %L, encode(mark, ''hex'') FROM (SELECT sha256(convert_to('
              'ROW(%s)::text, ''UTF8'')) AS mark FROM public.%I) AS marked ORDER BY mark) TO STDOUT',
              relname, string_agg(quote_ident(attname), ', ' ORDER BY attname), relname)
FROM columns
WHERE sealed OR attname IN ('id', 'secretId', 'version', 'type', 'key', 'name', 'slug', 'userId', 'folderId',
                            'parentId', 'envId', 'projectId')
GROUP BY relname HAVING bool_or(sealed) OR relname IN ('secret_folders', 'project_environments')
ORDER BY relname \gexec
"""
# The secrets of newer and older servers, their versions and places: what a server leaves alone when it starts.
SECRETS = (
    *("secrets", "secret_versions", "secrets_v2", "secret_versions_v2"),
    *("secret_folders", "project_environments"),
)


@dataclass(frozen=True)
class Contents:
    """Rows, and digests of what is encrypted, by table. Without digests only rows can be compared."""

    rows: Mapping[str, int] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    def only(self, tables: Sequence[str]) -> Contents:
        """The same of these tables."""
        rows = {name: self.rows[name] for name in tables if name in self.rows}
        return Contents(rows, {name: self.digests[name] for name in tables if name in self.digests})

    def differences(self, found: Contents) -> list[str]:
        """In which tables another database differs from this one, and how."""
        names = sorted({*self.rows, *found.rows})
        differing = [
            f"{name} has {found.rows.get(name, 'no')} rows instead of {self.rows.get(name, 'none')}"
            for name in names
            if found.rows.get(name) != self.rows.get(name)
        ]
        if self.digests:
            sealed = sorted({*self.digests, *found.digests})
            changed = [name for name in sealed if found.digests.get(name) != self.digests.get(name)]
            differing += [f"{name} holds other values" for name in changed]
        return differing


def statements(key: bytes) -> str:
    """The SQL whose answer `read` takes; nothing is digested without a key."""
    return ROWS + SEALED if key else ROWS


def read(lines: Iterable[bytes], key: bytes) -> Contents:
    """What the answer tells, line by line, however long it is."""
    rows: dict[str, int] = {}
    digests: dict[str, hmac.HMAC] = {}
    for line in lines:
        kind, table, told = line.decode().rstrip("\n").split("\t")
        if kind == "rows":
            rows[table] = int(told)
            continue
        if table not in digests:
            digests[table] = hmac.new(key, table.encode(), hashlib.sha256)
        digests[table].update(bytes.fromhex(told))
        PACE.rest()
    return Contents(rows, {table: digest.hexdigest() for table, digest in digests.items()})
