# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints, compared with what gpg says of the same keys."""

from __future__ import annotations

import base64

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._apt import openpgp

# Made with: gpg --quick-generate-key 'x <x@y>' ed25519 sign never
ARMOURED = b"""\
-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawUCRBYJKwYBBAHaRw8BAQdAKiXhapvcW9dZX4RJJpbB9FprwbwqwxWajC6/
3xSS5z20B3ggPHhAeT6IkAQTFggAOBYhBBozrHmHasGa23VvwGTCqL8/GjZaBQJr
BQJEAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEGTCqL8/GjZaVpwBAOil
kzfGSIyZk9yQR7Ej7h8ouieTG3DI7ioa6wBVkgswAQCL6Op8/ZITG4aKU+IJMNjA
057CtnL3qC9NtDEsfj+XBg==
=Btxi
-----END PGP PUBLIC KEY BLOCK-----
"""
FINGERPRINT = "1A33AC79876AC19ADB756FC064C2A8BF3F1A365A"
BINARY = base64.b64decode(b"".join(line for line in ARMOURED.splitlines()[2:-1] if not line.startswith(b"=")))


def test_the_fingerprint_is_that_of_gpg_for_text_and_for_binary() -> None:
    assert openpgp.fingerprints(ARMOURED) == [FINGERPRINT]
    assert openpgp.fingerprints(BINARY) == [FINGERPRINT]
    assert openpgp.is_armoured(ARMOURED) and not openpgp.is_armoured(BINARY)


def test_headers_and_line_ends_of_windows_make_no_difference() -> None:
    head, _, rest = ARMOURED.partition(b"\n")
    text = head + b"\nComment: from somewhere\nVersion: 1\n" + rest
    assert openpgp.fingerprints(text) == [FINGERPRINT]
    assert openpgp.fingerprints(text.replace(b"\n", b"\r\n")) == [FINGERPRINT]


def test_every_key_of_a_file_counts() -> None:
    assert openpgp.fingerprints(ARMOURED + ARMOURED) == [FINGERPRINT] * 2
    assert openpgp.fingerprints(BINARY + BINARY) == [FINGERPRINT] * 2


@pytest.mark.parametrize(
    ("body", "length"),
    [(b"a" * 191, b"\xbf"), (b"a" * 400, b"\xc0\xd0"), (b"a" * 9000, b"\xff\x00\x00\x23\x28")],
)
def test_lengths_of_the_newer_format_are_read(body: bytes, length: bytes) -> None:
    user_id = b"\xcd" + length + body
    assert openpgp.fingerprints(user_id + BINARY) == [FINGERPRINT]


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "holds no OpenPGP public key"),
        (b"<html>404</html>", "is not an OpenPGP key"),
        (BINARY[:20], "cut off"),
        (ARMOURED.replace(b"mDM", b"m#M"), "armour is damaged"),
        (b"\xc6\x01\x03", "version 3"),
        (b"\xc6\xe1\x03", "in pieces"),
    ],
)
def test_what_is_no_key_is_named(data: bytes, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        openpgp.fingerprints(data)


def test_a_fingerprint_may_be_written_as_people_write_it() -> None:
    assert openpgp.plain("1a33 ac79 876a c19a db75  6fc0 64c2 a8bf 3f1a 365a") == FINGERPRINT
