# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's keys: recognised without being known, and held against the database."""

from __future__ import annotations

import base64
import binascii
import ctypes
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

KEYS = ("ENCRYPTION_KEY", "ROOT_ENCRYPTION_KEY", "AUTH_SECRET")
_ROOT_KEYS = ("ROOT_ENCRYPTION_KEY", "ENCRYPTION_KEY")
_OPENSSL = ("libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so")
_NONCE, _TAG = 12, 16
_SET_TAG = 0x11  # EVP_CTRL_AEAD_SET_TAG


def fingerprint(key: str, salt: str) -> str:
    """By which a key is recognised, and from which it cannot be learnt."""
    return hmac.new(key.encode(), f"infisical-backup {salt}".encode(), hashlib.sha256).hexdigest()


def digest_key(variables: Mapping[str, str], salt: str) -> bytes:
    """The key of the digests in a manifest: who has the server's own can make them again, and nobody else can.

    Empty where the server has none.
    """
    own = next((variables[name] for name in _ROOT_KEYS if variables.get(name)), "")
    return hmac.new(own.encode(), f"infisical-backup digest {salt}".encode(), hashlib.sha256).digest() if own else b""


def fits(variables: Mapping[str, str], root_keys: Iterable[Mapping[str, Any]]) -> bool | None:
    """Whether the server's key opens a root key of its database; None where that cannot be told.

    The rows are those of the server's table kms_root_config. It takes the first that its key opens, and so do we: while
    the key is rotated, the old and the new one are both right.
    """
    sealed = [row for row in root_keys if row.get("encryptionStrategy", "SOFTWARE") == "SOFTWARE"]
    keys = [key for name in _ROOT_KEYS for key in _readings(variables.get(name, ""))]
    if not sealed:
        return None
    results = {opens(key, bytes.fromhex(row["encryptedRootKey"][2:])) for row in sealed for key in keys}
    if True in results:
        return True
    return None if None in results else False


def _readings(text: str) -> list[bytes]:
    """The 32 bytes that a server may take a key for, by its version: as it stands, hexadecimal, base64."""
    readings = [text.encode()]
    with suppress(ValueError):
        readings.append(bytes.fromhex(text))
    with suppress(binascii.Error, ValueError):
        readings.append(base64.b64decode(text, validate=True))
    return [reading for reading in readings if len(reading) == 32]


def opens(key: bytes, sealed: bytes) -> bool | None:
    """Whether the key opens what AES-256-GCM has sealed (nonce, text, tag); None on a host without OpenSSL.

    Python's standard library has no cipher, but the OpenSSL that it hashes with has.
    """
    openssl = _openssl()
    if openssl is None:
        return None
    nonce, text, tag = sealed[:_NONCE], sealed[_NONCE:-_TAG], sealed[-_TAG:]
    context = ctypes.c_void_p(openssl.EVP_CIPHER_CTX_new())
    cipher = ctypes.c_void_p(openssl.EVP_aes_256_gcm())
    out, length = ctypes.create_string_buffer(len(text) + 16), ctypes.c_int()
    try:
        return bool(
            openssl.EVP_DecryptInit_ex(context, cipher, None, key, nonce)
            and openssl.EVP_DecryptUpdate(context, out, ctypes.byref(length), text, len(text))
            and openssl.EVP_CIPHER_CTX_ctrl(context, _SET_TAG, _TAG, tag)
            and openssl.EVP_DecryptFinal_ex(context, out, ctypes.byref(length)) == 1
        )
    finally:
        openssl.EVP_CIPHER_CTX_free(context)


def _openssl() -> ctypes.CDLL | None:
    for name in _OPENSSL:
        with suppress(OSError):
            library = ctypes.CDLL(name)
            library.EVP_CIPHER_CTX_new.restype = ctypes.c_void_p
            library.EVP_aes_256_gcm.restype = ctypes.c_void_p
            return library
    return None
