# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a listing to one value for each name: pure, and the place that knows which of several wins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.resolved import Resolved

if TYPE_CHECKING:
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Listing, Secret


def resolve(listing: Listing) -> Resolved:
    """The nearest wins: the folder's own secrets, then those of the folders below by depth, then imports.

    Of imports the last one wins, and within one the first, as Infisical itself has it.
    """
    result = Resolved()
    taken: set[str] = set()
    for _depth, secrets in _by_depth(listing.secrets):
        _add(result, secrets, taken)
    for imported in reversed(listing.imports):
        fresh: dict[str, Secret] = {}
        for secret in imported.secrets:
            fresh.setdefault(secret.name, secret)
        _add(result, fresh.values(), taken)
    return result


def _by_depth(secrets: Iterable[Secret]) -> list[tuple[int, list[Secret]]]:
    levels: dict[int, list[Secret]] = {}
    for secret in secrets:
        depth = 0 if secret.path == "/" else secret.path.count("/")
        levels.setdefault(depth, []).append(secret)
    return sorted(levels.items())


def _add(result: Resolved, secrets: Iterable[Secret], taken: set[str]) -> None:
    """Adds secrets of equal rank; names that are taken stay with whoever has them."""
    places: dict[str, list[Secret]] = {}
    for secret in secrets:
        if secret.name not in taken:
            places.setdefault(secret.name, []).append(secret)
    for name, found in places.items():
        if len(found) > 1:
            result.ambiguous[name] = sorted(secret.path for secret in found)
        elif found[0].hidden:
            result.hidden.append(name)
        else:
            result.values[name] = found[0].value
    taken.update(places)
