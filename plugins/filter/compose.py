# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter that finds the variables of a Compose file."""

from __future__ import annotations

import re
from typing import Any

# https://docs.docker.com/reference/compose-file/interpolation/: $$ is a literal dollar, and a default may nest.
_VARIABLE = re.compile(
    r"\$(?:(?P<escaped>\$)"
    r"|(?P<bare>[A-Za-z_][A-Za-z0-9_]*)"
    r"|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<operator>:?[-?+])?)"
)


def compose_variables(text: str) -> list[dict[str, Any]]:
    """Return what a Compose file interpolates, by name: C<{name, required, default}>.

    C<required> is true for C<${NAME:?message}> and C<${NAME?message}>, which Compose refuses to do without;
    C<default> is true where every use has a value of its own (C<${NAME:-value}>, C<${NAME+value}>).
    A variable inside another one's default is found too.
    """
    found: dict[str, dict[str, Any]] = {}
    for match in _VARIABLE.finditer(text):
        if match["escaped"]:
            continue
        operator = (match["operator"] or "").lstrip(":")
        variable = found.setdefault(
            match["bare"] or match["name"],
            {"name": match["bare"] or match["name"], "required": False, "default": True},
        )
        variable["required"] = variable["required"] or operator == "?"
        variable["default"] = variable["default"] and operator in ("-", "+")
    return [found[name] for name in sorted(found)]


class FilterModule:
    """The collection's filters for Compose files."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {"compose_variables": compose_variables}
