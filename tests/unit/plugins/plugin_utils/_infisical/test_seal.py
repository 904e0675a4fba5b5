# SPDX-License-Identifier: GPL-3.0-or-later
"""Who can read what a run has left behind."""

from __future__ import annotations

import hashlib
import sys

import pytest
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.seal import Seal
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

SALT = b"s" * 32


@given(st.binary(), st.text())
def test_the_same_credential_opens_what_it_has_closed(content: bytes, part: str) -> None:
    seal = Seal("secret", SALT, guessable=False)
    name = seal.name("folder", part.encode("utf-8", "replace").decode())
    assert seal.open(name, seal.close(name, content)) == content


@pytest.mark.parametrize("guessable", [False, True])
def test_another_credential_run_or_name_does_not_open_it(guessable: bool) -> None:
    seal = Seal("secret", SALT, guessable)
    closed = seal.close("name", b"canary")
    assert b"canary" not in closed
    assert Seal("secret", SALT, guessable).open("name", closed) == b"canary"
    assert Seal("other", SALT, guessable).open("name", closed) is None
    assert Seal("secret", b"x" * 32, guessable).open("name", closed) is None
    assert seal.open("another", closed) is None


@pytest.mark.parametrize("damaged", [b"", b"x", b"x" * 28])
def test_what_was_damaged_is_not_opened(damaged: bytes) -> None:
    assert Seal("secret", SALT, guessable=False).open("name", damaged) is None


def test_one_changed_bit_is_enough() -> None:
    seal = Seal("secret", SALT, guessable=False)
    closed = bytearray(seal.close("name", b"content"))
    closed[-1] ^= 1
    assert seal.open("name", bytes(closed)) is None


def test_names_say_nothing_and_differ_by_credential() -> None:
    seal = Seal("secret", SALT, guessable=False)
    assert seal.name("a", "b") == seal.name("a", "b")
    assert len({seal.name("a", "b"), seal.name("ab"), seal.name("a", "c"), Seal("x", SALT, False).name("a", "b")}) == 4


def test_the_key_is_derived_as_rfc_5869_says() -> None:
    key = HKDF(hashes.SHA256(), 32, SALT, b"omakase.homelab content").derive(b"secret")
    closed = Seal("secret", SALT, guessable=False).close("name", b"content")
    assert AESGCM(key).decrypt(closed[:12], closed[12:], b"name") == b"content"


def test_a_password_is_stretched_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    scrypt = hashlib.scrypt

    def counted(*args: object, **kwargs: int) -> bytes:
        asked.append(kwargs["n"])
        return scrypt(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(hashlib, "scrypt", counted)
    Seal("secret", SALT, guessable=False)
    assert asked == []
    Seal("secret", SALT, guessable=True)
    assert asked == [2**14]


def test_without_cryptography_there_is_no_seal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ImportError):
        Seal("secret", SALT, guessable=False)
