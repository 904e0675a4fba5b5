# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One login for the whole run: the token lies in the run cache, for as long as the server says that it lives."""

from __future__ import annotations

import time
from collections.abc import Callable

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import AuthMethod
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.process_cache import Cache
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import (
    Drawer,
    Entry,
    plain_name,
)

# A token is not used in the last part of its life: seconds, and at most this part of the whole.
_MARGIN = 30.0
_MARGIN_PART = 0.1


class SharedTokens:
    """The run's token of one identity at one server."""

    def __init__(self, method: AuthMethod, exchange: Exchange, drawer: Drawer) -> None:
        self.method = method
        self.exchange = exchange
        self.drawer = drawer
        self._parts = ("token", exchange.base_url, method.identity)

    def token(self) -> str:
        return self._shared(_is_alive)

    def replace(self, refused: str, why: InfisicalError) -> str:
        entry = self.drawer.read(*self._parts)
        if entry is not None and entry.get("token") == refused and entry.get("condemned"):
            raise why
        return self._shared(lambda found: _is_alive(found) and found["token"] != refused)

    def condemn(self, token: str) -> None:
        """Without this, each process of a run would log in to find out what one has found out already."""
        with self.drawer.alone(*self._parts):
            entry = self.drawer.read(*self._parts)
            if entry is not None and entry.get("token") == token:
                self.drawer.write(dict(entry, condemned=True), *self._parts)

    def _shared(self, counts: Callable[[Entry], bool]) -> str:
        token: str = self.drawer.once(self._parts, counts, self._log_in)["token"]
        return token

    def _log_in(self) -> Entry:
        token = self.method.login(self.exchange)
        if token.expires_in is None:
            return {"token": token.value, "expires": None}
        margin = min(_MARGIN, token.expires_in * _MARGIN_PART)
        return {"token": token.value, "expires": time.monotonic() + token.expires_in - margin}


def _is_alive(entry: Entry) -> bool:
    return entry["expires"] is None or time.monotonic() < entry["expires"]


class SharedEras:
    """What a process has found out about the server's routes, the others need not ask again."""

    def __init__(self, cache: Cache, server: str) -> None:
        self.cache = cache
        self.server = server

    def is_older(self, family: str) -> bool:
        return self.cache.noted(self._name(family))

    def remember_older(self, family: str) -> None:
        self.cache.note(self._name(family))

    def _name(self, family: str) -> str:
        return f"older-{family}-{plain_name(self.server)}"
