# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to log in by name, and the one to take if none was named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Given, Options, Universal
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import AuthMethod


def choose(options: Options) -> AuthMethod:
    """The method that was asked for, or the one whose credentials are given. Raises InfisicalError."""
    name = options.get("auth_method") or _given(options)
    if name == "universal":
        return Universal.from_options(options)
    if name == "token":
        return Given.from_options(options)
    return _others()[name](options)


def _given(options: Options) -> str:
    if options.get("client_id") or options.get("client_secret"):
        return "universal"
    if options.get("token"):
        return "token"
    if options.get("ldap_username") or options.get("ldap_password"):
        return "ldap"
    if options.get("jwt") or options.get("jwt_path"):
        raise InfisicalError(
            "A jwt is given, and five methods take one.",
            "Say which with auth_method: oidc, jwt, kubernetes, gcp or azure.",
        )
    raise InfisicalError(
        "No credentials for Infisical were given.",
        "Give client_id and client_secret of a machine identity, or token, or choose another method with auth_method.",
    )


def _others() -> dict[str, Callable[[Options], AuthMethod]]:
    """Imported here: few need them, and every first lookup would pay for it."""
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical import auth_jwt
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_aws import Aws
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_ldap import Ldap

    return {
        "oidc": auth_jwt.from_given("oidc"),
        "jwt": auth_jwt.from_given("jwt"),
        "kubernetes": auth_jwt.from_kubernetes,
        "ldap": Ldap.from_options,
        "aws": Aws.from_options,
        "gcp": auth_jwt.from_gcp,
        "azure": auth_jwt.from_azure,
    }
