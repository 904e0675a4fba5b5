# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of servers. Apart from the rest, since a lookup that is answered by the run's cache needs no more."""

from __future__ import annotations

from urllib.parse import urlsplit

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError


def base_url(url: str) -> str:
    """The server's address without /api and slashes at its end. Raises InfisicalError for anything but http(s)."""
    address = url.strip().rstrip("/")
    if address.endswith("/api"):
        address = address[: -len("/api")].rstrip("/")
    # Before anything of it is repeated: it may be a password.
    if any(mark in address for mark in "@?#"):
        raise InfisicalError(
            "url holds more than an address.",
            "Give only scheme, host, port and path; credentials have options of their own.",
        )
    try:
        parts = urlsplit(address)
    except ValueError:  # brackets that hold no address
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InfisicalError(f"url is not an address: {url}.", "It looks like https://vault.example.com.")
    return address
