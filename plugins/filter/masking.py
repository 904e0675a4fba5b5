# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter that hides known secret values in a text that a person is about to read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

MASK = "********"
# Shorter ones ("on", "5432") would blot out half of a log and are nobody's secret.
_SHORTEST = 6


def mask(text: str, values: Iterable[Any]) -> str:
    """Return the text with every one of the values replaced by asterisks, also where it stands percent-encoded in an address."""
    secrets = {str(value) for value in values if len(str(value)) >= _SHORTEST}
    # The longest first: a value that is part of another must not leave the rest of it readable.
    for secret in sorted(secrets | {quote(value, safe="") for value in secrets}, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class FilterModule:
    """The collection's filters for masking."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"mask": mask}
