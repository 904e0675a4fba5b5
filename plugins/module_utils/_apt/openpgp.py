# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fingerprints of OpenPGP keys, by RFC 9580 and RFC 4880, with nothing but Python: a minimal host has no gpg."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

_ARMOUR = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n(?:[^\r\n]+: [^\r\n]*\r?\n)*\r?\n(.*?)"
    rb"-----END PGP PUBLIC KEY BLOCK-----",
    re.S,
)
_PUBLIC_KEY = 6


def is_armoured(data: bytes) -> bool:
    """Whether the key is text (`-----BEGIN PGP…`), not binary."""
    return bool(_ARMOUR.search(data))


def fingerprints(data: bytes) -> list[str]:
    """The fingerprints of the primary keys in a file, in capital letters; raises ValueError if it holds none."""
    found = [
        _fingerprint(body) for block in _binary_blocks(data) for tag, body in _packets(block) if tag == _PUBLIC_KEY
    ]
    if not found:
        raise ValueError("it holds no OpenPGP public key")
    return found


def plain(fingerprint: str) -> str:
    """A fingerprint as people write it, with spaces and small letters, made comparable."""
    return re.sub(r"[\s:]", "", fingerprint).upper()


def _binary_blocks(data: bytes) -> Iterator[bytes]:
    blocks = _ARMOUR.findall(data)
    if not blocks:
        yield data
    for block in blocks:
        # The last line, after "=", is a checksum that adds nothing to the comparison of fingerprints.
        lines = [line for line in block.split() if not line.startswith(b"=")]
        try:
            yield base64.b64decode(b"".join(lines), validate=True)
        except binascii.Error as wrong:
            raise ValueError(f"its armour is damaged ({wrong})") from wrong


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each packet."""
    position = 0
    while position < len(data):
        head = data[position]
        if not head & 0x80:
            raise ValueError("it is not an OpenPGP key")
        tag, start, length = _new_header(data, position) if head & 0x40 else _old_header(data, position)
        if start + length > len(data):
            raise ValueError("it is cut off")
        yield tag, data[start : start + length]
        position = start + length


def _new_header(data: bytes, position: int) -> tuple[int, int, int]:
    first = int.from_bytes(data[position + 1 : position + 2], "big")
    if first < 192:
        return data[position] & 0x3F, position + 2, first
    if first < 224:
        second = int.from_bytes(data[position + 2 : position + 3], "big")
        return data[position] & 0x3F, position + 3, ((first - 192) << 8) + second + 192
    if first == 255:
        return data[position] & 0x3F, position + 6, int.from_bytes(data[position + 2 : position + 6], "big")
    raise ValueError("it has a packet in pieces, which a key may not have")


def _old_header(data: bytes, position: int) -> tuple[int, int, int]:
    size = (1, 2, 4, 0)[data[position] & 0x03]
    start = position + 1 + size
    length = int.from_bytes(data[position + 1 : start], "big") if size else len(data) - start
    return (data[position] >> 2) & 0x0F, start, length


def _fingerprint(body: bytes) -> str:
    version = body[0] if body else 0
    if version == 4:
        # SHA-1 is what the format prescribes for version 4.
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()  # noqa: S324
    if version == 6:
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise ValueError(f"it is an OpenPGP key of version {version}, which is not known here")
