# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules and lookups take: said once, here. The documentation fragments say it in words, and a test compares."""

from __future__ import annotations

from typing import Any

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

# What an identity may in a project, by environment and folder
ACCESS: Spec = {
    "environments": {"type": "list", "elements": "str"},
    "path": {"type": "str", "default": "/"},
    "write": {"type": "bool", "default": False},
}
