# SPDX-License-Identifier: GPL-3.0-or-later
"""The chain of keys: ENCRYPTION_KEY seals the root key, the root key seals a data key for each project."""

from __future__ import annotations

from . import crypto
from .database import Db, Row
from .errors import StartError


class KeyRing:
    """Opens and makes the projects' data keys. Opened keys stay in memory."""

    def __init__(self, root_key: bytes) -> None:
        self.root_key = root_key
        self.opened: dict[bytes, bytes] = {}

    def new_data_key(self) -> bytes:
        """A data key, sealed, ready to be stored."""
        return crypto.seal(self.root_key, crypto.new_key())

    def data_key(self, project: Row) -> bytes:
        sealed = bytes(project["encryptedDataKey"])
        if sealed not in self.opened:
            self.opened[sealed] = crypto.unseal(self.root_key, sealed)
        return self.opened[sealed]


def open_key_ring(db: Db, encryption_key: bytes) -> KeyRing:
    """The ring of this database, made on the first start. Raises StartError for another ENCRYPTION_KEY."""
    label = crypto.key_label(encryption_key)
    db.run("LOCK TABLE kms_root_config IN EXCLUSIVE MODE")
    row = db.one("SELECT * FROM kms_root_config")
    if row is None:
        root_key = crypto.new_key()
        db.insert("kms_root_config", encryptedRootKey=crypto.seal(encryption_key, root_key), keyLabel=label)
        return KeyRing(root_key)
    try:
        return KeyRing(crypto.unseal(encryption_key, bytes(row["encryptedRootKey"])))
    except crypto.WrongKeyError:
        raise StartError(
            f"ENCRYPTION_KEY is not the key that this database was written with: key label '{label}', "
            f"the database needs '{row['keyLabel']}'. Unsupported state or unable to authenticate data"
        ) from None
