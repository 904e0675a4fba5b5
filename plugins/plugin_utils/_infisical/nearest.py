# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of options that stand for each other, the one that was given nearest to the lookup counts.

A project_slug that is an argument means another project than the project_id that the inventory has for all the rest,
and a token that is an argument another login than the client_id of the environment. Loaded only where two meet.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.definitions import ENVIRONMENT

# Each line holds alternatives, the one that wins among equals first.
_ALTERNATIVES: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("project_id",), ("project_slug",)),
    (("client_id", "client_secret"), ("token",), ("ldap_username", "ldap_password"), ("jwt", "jwt_path")),
)


def settle(given: dict[str, Any], variables: Mapping[str, Any], direct: Mapping[str, Any]) -> None:
    """Empties the options that count no more. An auth_method decides by itself."""
    for alternatives in _ALTERNATIVES[: 1 if given["auth_method"] else None]:
        distances = {names: _distance(names, given, variables, direct) for names in alternatives}
        nearest = min(alternatives, key=lambda names: distances[names])  # the first of equals
        for names in alternatives:
            if distances[names] > distances[nearest]:
                given.update(dict.fromkeys(names))


def _distance(
    names: tuple[str, ...], given: Mapping[str, Any], variables: Mapping[str, Any], direct: Mapping[str, Any]
) -> int:
    """0 for an argument, then a variable, the environment, and a file; most for what is not given at all."""
    held = [name for name in names if given[name]]
    if any(direct.get(name) is not None for name in held):
        return 0
    if any(f"infisical_{name}" in variables for name in held):
        return 1
    if any(variable in os.environ for name in held for variable in ENVIRONMENT.get(name, ())):
        return 2
    return 3 if held else 4
