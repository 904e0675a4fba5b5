# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and encryption for the run cache, from the credential that fetched what is in it.

Whoever holds the credential can ask the server anyway; whoever finds a directory that a killed run has left cannot.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Protocol

_NONCE = 12
_KEY = 32


class Cipher(Protocol):
    """Authenticated encryption, as cryptography's AESGCM has it."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """The data, unreadable, with a mark that shows every change of it or of what goes with it."""

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        """What was encrypted; raises InvalidTag where anything differs."""


class Seal:
    """One credential's keys in one run.

    salt: random, the same for all processes of the run.
    guessable: a person chose the credential, so guessing it from a left-over file has to be slow.
    Raises ImportError where ansible-core came without cryptography.
    """

    def __init__(self, secret: str, salt: bytes, guessable: bool) -> None:
        # Imported here: without a cache there is no need for it. ansible-core itself loads most of it for its vault.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        root = _stretched(secret.encode(), salt) if guessable else _keyed(salt, secret.encode())
        # HKDF (RFC 5869) with SHA-256: root is its first step, each of these its second for one block.
        self._names = _keyed(root, b"omakase.homelab names\x01")
        self._cipher: Cipher = AESGCM(_keyed(root, b"omakase.homelab content\x01"))

    def name(self, *parts: str) -> str:
        """A file name that says nothing of its parts."""
        return _keyed(self._names, "\0".join(parts).encode()).hex()[:_KEY]

    def close(self, name: str, content: bytes) -> bytes:
        """Bytes that only open() of the same credential, run and name understands."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, content, name.encode())

    def open(self, name: str, sealed: bytes) -> bytes | None:
        """The content; None if it was made with another credential, for another name, or was changed."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except (InvalidTag, ValueError):
            return None


def _keyed(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _stretched(secret: bytes, salt: bytes) -> bytes:
    return hashlib.scrypt(secret, salt=salt, n=2**14, r=8, p=1, dklen=_KEY)
