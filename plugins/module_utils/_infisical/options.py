# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From options to a way to the server."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.address import base_url
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Connection, UrlTransport


def connection(options: Mapping[str, Any]) -> Connection:
    """Raises InfisicalError for files that cannot be read and numbers that make no sense."""
    for name in ("ca_path", "client_cert", "client_key"):
        path: str | None = options.get(name)
        if path and not _is_readable(path):
            raise InfisicalError(f"{name} cannot be read: {path}.", "Is it on this machine?")
    if options["timeout"] <= 0 or options["retries"] < 0:
        raise InfisicalError("timeout has to be more than 0 seconds, and retries 0 or more.")
    return Connection(
        validate_certs=options["validate_certs"],
        ca_path=options.get("ca_path"),
        client_cert=options.get("client_cert"),
        client_key=options.get("client_key"),
        use_proxy=options["use_proxy"],
        timeout=options["timeout"],
    )


def _is_readable(path: str) -> bool:
    try:
        return os.access(path, os.R_OK)
    except ValueError:  # a zero byte in it
        return False


def exchange(options: Mapping[str, Any]) -> Exchange:
    """The way to the server that the options of CONNECTION describe."""
    return Exchange(base_url(options["url"]), UrlTransport(connection(options)), options["retries"])
