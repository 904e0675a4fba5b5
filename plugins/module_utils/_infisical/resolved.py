# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a folder gives, as the run's cache keeps it."""

from __future__ import annotations

from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError


class Resolved:
    """A folder as a dictionary.

    values: by name. hidden: names whose values this identity may not read.
    ambiguous: names that several folders at the same depth hold, with the paths of these folders.
    """

    def __init__(
        self,
        values: dict[str, str] | None = None,
        hidden: list[str] | None = None,
        ambiguous: dict[str, list[str]] | None = None,
    ) -> None:
        self.values = values or {}
        self.hidden = hidden or []
        self.ambiguous = ambiguous or {}

    def as_json(self) -> dict[str, Any]:
        """What makes an equal one."""
        return {"values": self.values, "hidden": self.hidden, "ambiguous": self.ambiguous}

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
