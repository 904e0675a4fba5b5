# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filter that tells which hosts hold the client secret of which machine identity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_UNREAD = "unread"


def held_identities(
    hosts: Iterable[tuple[str, str, str]], kept: Mapping[str, Mapping[str, Any]], deployment: str = "omakase-deployment"
) -> list[list[str]]:
    """Return pairs of a host and an identity: the one that it logs in as, and the one that it is to log in as.

    hosts: of each its name, its environment, and the client id that its .env names, or "unread".
    kept: by the name of an identity what its Infisical host keeps of it, client_id among that.
    """
    names = {about.get("client_id"): name for name, about in kept.items()}
    pairs: list[list[str]] = []
    for host, environment, login in hosts:
        reader = f"omakase-{environment}"
        wanted = reader if reader in kept else deployment
        # What nobody could read may be what hosts had before there were identities that only read.
        present = deployment if login == _UNREAD else names.get(login, "")
        pairs += [[host, name] for name in dict.fromkeys((wanted, present)) if name]
    return pairs


class FilterModule:
    """The collection's filter for identities."""

    def filters(self) -> dict[str, Any]:
        """Return the filter by name."""
        return {"held_identities": held_identities}
