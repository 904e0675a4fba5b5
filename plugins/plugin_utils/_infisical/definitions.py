# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookups' options as ansible-core's configuration wants them, made from the option table.

ansible-core would read them from the documentation, in each of its short-lived processes anew: some 20 ms for every
task on every host, more than all else that a lookup does when the run's cache answers it. It does so only for a plugin
whose definitions it does not have yet. A test holds them to the documentation.
"""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.option_table import (
    AUTH,
    CONNECTION,
    SCOPE,
    Spec,
)

LOOKUP: Spec = {
    "expand_references": {"type": "bool", "default": True},
    "include_imports": {"type": "bool", "default": True},
    "recursive": {"type": "bool", "default": False},
    "default": {"type": "raw"},
    "on_missing": {"type": "str", "choices": ["error", "warn", "skip"], "default": "error"},
    "cache": {"type": "bool", "default": True},
}

# The last one that is set wins: the one to prefer comes last.
ENVIRONMENT = {
    "url": ("INFISICAL_API_URL", "INFISICAL_DOMAIN"),
    "project_id": ("INFISICAL_PROJECT_ID",),
    "environment": ("INFISICAL_ENVIRONMENT",),
    "path": ("INFISICAL_SECRET_PATH",),
    "client_id": ("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "INFISICAL_CLIENT_ID"),
    "client_secret": ("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "INFISICAL_CLIENT_SECRET"),
    "token": ("INFISICAL_TOKEN",),
}


def definitions() -> dict[str, dict[str, Any]]:
    """What the documentation says of each option, without the words."""
    result: dict[str, dict[str, Any]] = {}
    for name, spec in {**CONNECTION, **AUTH, **SCOPE, **LOOKUP}.items():
        sources: dict[str, Any] = {
            "vars": [{"name": f"infisical_{name}"}],
            "ini": [{"section": "infisical", "key": name}],
        }
        if name in ENVIRONMENT:
            sources["env"] = [{"name": variable} for variable in ENVIRONMENT[name]]
        result[name] = {**{key: value for key, value in spec.items() if key != "no_log"}, **sources}
    return result


def define(plugin_name: str) -> None:
    """To be called by a lookup's file when it is loaded. plugin_name: its __name__, by which ansible-core knows it."""
    if not constants.config.has_configuration_definition("lookup", plugin_name):
        constants.config.initialize_plugin_configuration_definitions("lookup", plugin_name, definitions())
