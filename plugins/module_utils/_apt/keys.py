# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a key may be trusted."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.omakase.homelab.plugins.module_utils._apt import openpgp


class RefusedKeyError(Exception):
    """The key cannot be had, or is not the one meant."""


@dataclass(frozen=True)
class Key:
    """A file with OpenPGP keys, as it was found or fetched."""

    data: bytes
    fingerprints: tuple[str, ...]

    @property
    def armoured(self) -> bool:
        """Whether it is text."""
        return openpgp.is_armoured(self.data)

    def __str__(self) -> str:
        return "key " + ", ".join(self.fingerprints)


def judged(data: bytes, wanted: str, origin: str) -> Key:
    """The key; raises RefusedKeyError if it is none, or if it is not the one, and the only one, that is wanted."""
    try:
        found = openpgp.fingerprints(data)
    except ValueError as wrong:
        raise RefusedKeyError(f"{origin} is not a key that apt could use: {wrong}. Nothing was changed.") from wrong
    if wanted and set(found) != {openpgp.plain(wanted)}:
        raise RefusedKeyError(
            f"The key {origin} has the fingerprint {' and '.join(found)}, not {openpgp.plain(wanted)}: it is not "
            "trusted, and nothing was changed. Find out from the vendor, by another way, which fingerprint is right."
        )
    return Key(data, tuple(found))
