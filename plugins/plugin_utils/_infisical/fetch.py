# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder from the server, resolved to one value for each name; loaded only if the run's cache does not have it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence, store
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.resolve import resolve
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.resolved import Resolved


def fetch(client: Client, options: Mapping[str, Any], project_id: str, environment: str, path: str) -> Resolved:
    """options: the lookup's. Raises InfisicalError that names what does not exist, also if the answer is just empty."""
    scope = Scope(project_id, environment, path)
    view = store.View(options["expand_references"], options["include_imports"], options["recursive"])
    try:
        listing = store.read(client, scope, view)
    except InfisicalError as error:
        if error.missing:
            existence.explain_empty(client, scope)
        raise
    if listing.is_empty:
        existence.explain_empty(client, scope)
    return resolve(listing)
