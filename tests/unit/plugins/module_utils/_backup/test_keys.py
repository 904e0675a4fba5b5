# SPDX-License-Identifier: GPL-3.0-or-later
"""A key is held against what it has sealed in the database, without ever being kept or shown."""

from __future__ import annotations

import base64
import os
import secrets
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import keys
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = secrets.token_hex(16)


def sealed(key: bytes, **fields: Any) -> dict[str, Any]:
    """A row of kms_root_config as PostgreSQL's row_to_json prints it."""
    nonce = os.urandom(12)
    return {"encryptedRootKey": "\\x" + (nonce + AESGCM(key).encrypt(nonce, os.urandom(32), None)).hex(), **fields}


def test_the_key_that_sealed_the_root_key_fits() -> None:
    assert keys.fits({"ENCRYPTION_KEY": KEY}, [sealed(KEY.encode(), encryptionStrategy="SOFTWARE")]) is True


def test_another_key_differs() -> None:
    assert keys.fits({"ENCRYPTION_KEY": secrets.token_hex(16)}, [sealed(KEY.encode())]) is False


def test_a_single_changed_bit_of_what_was_sealed_is_noticed() -> None:
    row = sealed(KEY.encode())
    flipped = bytearray.fromhex(row["encryptedRootKey"][2:])
    flipped[20] ^= 1
    assert keys.fits({"ENCRYPTION_KEY": KEY}, [{"encryptedRootKey": "\\x" + flipped.hex()}]) is False


@pytest.mark.parametrize("form", [lambda raw: base64.b64encode(raw).decode(), bytes.hex])
def test_keys_in_base64_and_hexadecimal_are_read_as_the_server_does(form: Any) -> None:
    raw = os.urandom(32)
    assert keys.fits({"ROOT_ENCRYPTION_KEY": form(raw)}, [sealed(raw)]) is True
    assert keys.fits({"ENCRYPTION_KEY": form(raw)}, [sealed(raw)]) is True


def test_while_the_key_is_rotated_the_old_and_the_new_one_fit() -> None:
    new = secrets.token_hex(16)
    rows = [sealed(KEY.encode()), sealed(new.encode())]
    assert keys.fits({"ENCRYPTION_KEY": KEY}, rows) is True
    assert keys.fits({"ENCRYPTION_KEY": new}, rows) is True


def test_what_cannot_be_told_is_not_called_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert keys.fits({"ENCRYPTION_KEY": KEY}, []) is None
    assert keys.fits({"ENCRYPTION_KEY": KEY}, [sealed(os.urandom(32), encryptionStrategy="HSM")]) is None
    monkeypatch.setattr(keys, "_OPENSSL", ("libcrypto.so.0",))
    assert keys.fits({"ENCRYPTION_KEY": KEY}, [sealed(KEY.encode())]) is None


def test_a_fingerprint_tells_keys_apart_and_differs_by_salt() -> None:
    assert keys.fingerprint(KEY, "a") == keys.fingerprint(KEY, "a")
    assert len({keys.fingerprint(KEY, "a"), keys.fingerprint(KEY, "b"), keys.fingerprint(KEY + "x", "a")}) == 3
    assert KEY not in keys.fingerprint(KEY, "a")


def test_the_key_of_digests_is_the_servers_own_and_another_for_each_archive() -> None:
    found = keys.digest_key({"ENCRYPTION_KEY": KEY}, "a")
    assert found == keys.digest_key({"ENCRYPTION_KEY": KEY, "AUTH_SECRET": "x"}, "a")
    assert (
        len({found, keys.digest_key({"ENCRYPTION_KEY": KEY}, "b"), keys.digest_key({"ENCRYPTION_KEY": "x"}, "a")}) == 3
    )
    assert found.hex() != keys.fingerprint(KEY, "a")
    assert keys.digest_key({}, "a") == b""
