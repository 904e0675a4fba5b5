# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option table: what modules take, and how options become a client. One table for all of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Connection, UrlTransport

Spec = dict[str, dict[str, Any]]

CLOUD = "https://app.infisical.com"

CONNECTION: Spec = {
    "url": {"type": "str", "default": CLOUD},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path"},
    "use_proxy": {"type": "bool", "default": True},
    "timeout": {"type": "float", "default": 20.0},
    "retries": {"type": "int", "default": 4},
}

AUTH: Spec = {
    "auth_method": {
        "type": "str",
        "choices": ["universal", "token", "oidc", "jwt", "kubernetes", "ldap", "aws", "gcp", "azure"],
    },
    "client_id": {"type": "str"},
    "client_secret": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "auth_identity_id": {"type": "str"},
    "jwt": {"type": "str", "no_log": True},
    "jwt_path": {"type": "path"},
    "ldap_username": {"type": "str"},
    "ldap_password": {"type": "str", "no_log": True},
    "aws_region": {"type": "str"},
    "azure_resource": {"type": "str"},
    "organization_slug": {"type": "str"},
}

PROJECT: Spec = {"project_id": {"type": "str"}, "project_slug": {"type": "str"}}

SCOPE: Spec = dict(
    PROJECT,
    environment={"type": "str", "default": "dev"},
    path={"type": "str", "default": "/"},
)


def base_url(url: str) -> str:
    """The server's address without /api and slashes at its end. Raises InfisicalError for anything but http(s)."""
    from urllib.parse import urlsplit

    address = url.strip().rstrip("/")
    if address.endswith("/api"):
        address = address[: -len("/api")].rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InfisicalError(f"url is not an address: {url}.", "It looks like https://vault.example.com.")
    if parts.username is not None or parts.query or parts.fragment:
        raise InfisicalError(
            "url holds more than an address.",
            "Give only scheme, host, port and path; credentials have options of their own.",
        )
    return address


def connection(options: Mapping[str, Any]) -> Connection:
    """Raises InfisicalError for files that cannot be read and numbers that make no sense."""
    for name in ("ca_path", "client_cert", "client_key"):
        path: str | None = options.get(name)
        if path and not os.access(path, os.R_OK):
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


def exchange(options: Mapping[str, Any]) -> Exchange:
    """The way to the server that the options of CONNECTION describe."""
    return Exchange(base_url(options["url"]), UrlTransport(connection(options)), options["retries"])
