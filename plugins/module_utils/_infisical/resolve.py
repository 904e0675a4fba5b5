# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a listing to one value for each name: pure, and the place that knows which of several wins."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError

if TYPE_CHECKING:
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Listing, Secret


@dataclass
class Resolved:
    """A folder as a dictionary.

    values: by name. hidden: names whose values this identity may not read.
    ambiguous: names that several folders at the same depth hold, with the paths of these folders.
    """

    values: dict[str, str] = field(default_factory=dict, repr=False)
    hidden: list[str] = field(default_factory=list)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def names(self) -> list[str]:
        return sorted({*self.values, *self.hidden, *self.ambiguous})

    def value(self, name: str) -> str | None:
        """The value, or None if there is no such name. Raises InfisicalError for one that cannot be had."""
        if name in self.values:
            return self.values[name]
        if name in self.hidden:
            raise InfisicalError(
                f"The value of {name} is hidden: this identity may see that it exists and not read it.",
                "Give its role the permission to read values.",
            )
        if name in self.ambiguous:
            raise InfisicalError(
                f"{name} is in more than one folder: {', '.join(self.ambiguous[name])}.",
                f"Say which with an absolute path, such as {self.ambiguous[name][0].rstrip('/')}/{name}.",
            )
        return None

    def everything(self) -> dict[str, str]:
        """All values. Raises InfisicalError if one of them cannot be had."""
        for name in [*self.hidden, *self.ambiguous]:
            self.value(name)
        return self.values


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
