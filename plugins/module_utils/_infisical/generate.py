# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random values for secrets that do not exist yet."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError

ALPHABETS: dict[str, str] = {
    "hex": "0123456789abcdef",
    "alphanumeric": string.ascii_letters + string.digits,
    "digits": string.digits,
}

# Encodings of random bytes: the characters of the result are not independent, but all of it is.
ENCODINGS = ("base64", "base64url")


def check(recipe: Mapping[str, Any]) -> None:
    """recipe: kind, length in characters, and alphabet for the kind alphabet. Raises InfisicalError."""
    if recipe["length"] < 1:
        raise InfisicalError("A generated secret needs a length of 1 or more.")
    if recipe["kind"] != "alphabet":
        return
    alphabet = recipe.get("alphabet") or ""
    if len(set(alphabet)) < 2:
        raise InfisicalError("generate needs an alphabet of at least two different characters.")
    if any(character.isspace() or character == "$" for character in alphabet):
        raise InfisicalError(
            "The alphabet of generate holds a blank or a $.",
            "Servers trim blanks, and read ${...} as a reference to another secret.",
        )


def value(recipe: Mapping[str, Any]) -> str:
    """A fresh value of exactly the wanted number of characters."""
    kind, length = recipe["kind"], recipe["length"]
    if kind in ENCODINGS:
        encode = base64.b64encode if kind == "base64" else base64.urlsafe_b64encode
        # Whole groups of three bytes, so that no padding comes before the cut.
        return encode(secrets.token_bytes(3 * (length // 4 + 1))).decode()[:length]
    alphabet = recipe["alphabet"] if kind == "alphabet" else ALPHABETS[kind]
    return "".join(secrets.choice(alphabet) for _position in range(length))
