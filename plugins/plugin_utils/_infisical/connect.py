# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes to ask the server: loaded only if the run's cache does not have the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import options
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Given
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client, LoginTokens, TokenSource
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import AuthMethod
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.process_cache import Cache
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import Drawer
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.tokens import SharedEras, SharedTokens


def connect(given: Mapping[str, Any], method: AuthMethod, cache: Cache, drawer: Drawer) -> Client:
    """A client that shares its token with the other processes of the run. given: the lookup's options."""
    exchange = options.exchange(given)
    shares = not isinstance(method, Given)
    tokens: TokenSource = SharedTokens(method, exchange, drawer) if shares else LoginTokens(method, exchange)
    return Client(exchange, tokens, SharedEras(cache, exchange.base_url))
