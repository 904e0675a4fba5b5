# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do to an identity, its membership and its universal auth: decided as a whole, then shown or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import identities
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Json
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import text
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Plan, diff, plan

_NUMBERS = {
    "access_token_ttl": "accessTokenTTL",
    "access_token_max_ttl": "accessTokenMaxTTL",
    "access_token_num_uses_limit": "accessTokenNumUsesLimit",
}
_ADDRESSES = {
    "client_secret_trusted_ips": "clientSecretTrustedIps",
    "access_token_trusted_ips": "accessTokenTrustedIps",
}


@dataclass(frozen=True)
class Found:
    """An identity with what belongs to it; universal_auth and project_roles are None where there is none."""

    id: str
    name: str
    role: str
    client_id: str = ""
    universal_auth: dict[str, Any] | None = None
    project_roles: list[str] | None = None

    def as_result(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "client_id": self.client_id,
            "project_roles": self.project_roles or [],
        }


def find(client: Client, wanted: Mapping[str, Any], project_id: str) -> Found | None:
    """What there is of the wanted identity; reads only what the wanted options are about."""
    identity = identities.by_name(client, wanted["organization_id"], wanted["name"])
    if identity is None:
        return None
    settings = identities.universal_auth(client, identity.id)
    roles = identities.project_roles(client, project_id, identity.id) if project_id else None
    return Found(
        identity.id,
        identity.name,
        identity.role,
        text(settings or {}, "clientId"),
        None if settings is None else _readable(settings),
        roles,
    )


@dataclass(frozen=True)
class IdentityPlan:
    """A step for each of the three."""

    identity: Plan
    membership: Plan
    universal_auth: Plan

    def __bool__(self) -> bool:
        return bool(self.identity or self.membership or self.universal_auth)

    def as_diff(self) -> dict[str, Any]:
        return diff(identity=self.identity, membership=self.membership, universal_auth=self.universal_auth)

    def preview(self, found: Found | None) -> Found | None:
        """The identity as perform would leave it; ids that do not exist yet are empty."""
        if self.identity.step == "delete" or (found is None and not self.identity):
            return None
        result = replace(found or Found("", "", ""), **self.identity.changes)  # name and role alone
        if self.membership:
            result = replace(result, project_roles=self.membership.changes["roles"])
        return result

    def perform(self, client: Client, found: Found | None, organization_id: str, project_id: str) -> Found | None:
        """The identity as it is afterwards; None if there is none."""
        if self.identity.step == "delete" and found is not None:
            identities.delete(client, found.id)
            return None
        result = self.preview(found)
        if result is None:
            return None
        if found is None:
            created = identities.create(client, organization_id, result.name, result.role)
            result = replace(result, id=created.id)
        elif self.identity:
            identities.update(client, found.id, result.role)
        if self.membership:
            member = self.membership.step == "update"
            identities.set_project_roles(client, project_id, result.id, self.membership.changes["roles"], member)
        if self.universal_auth:
            settings = _for_server(self.universal_auth.changes)
            attached = self.universal_auth.step == "update"
            answer = identities.set_universal_auth(client, result.id, settings, attached)
            result = replace(result, client_id=text(answer, "clientId"))
        return result


def plan_identity(wanted: Mapping[str, Any], found: Found | None) -> IdentityPlan:
    """wanted: the module's parameters."""
    state = wanted["state"]
    have = {"name": found.name, "role": found.role} if found else None
    identity = plan({"name": wanted["name"], "role": wanted["organization_role"]}, have, state)
    if state == "absent":
        return IdentityPlan(identity, Plan(), Plan())
    roles = wanted["project_roles"]
    membership = Plan()
    if roles:
        found_roles = found.project_roles if found else None
        membership = plan({"roles": sorted(roles)}, None if found_roles is None else {"roles": found_roles})
    settings = wanted["universal_auth"]
    universal = Plan() if settings is None else plan(_sorted(settings), found.universal_auth if found else None)
    return IdentityPlan(identity, membership, universal)


def _sorted(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Addresses have no order, and one without a length is a network of one."""
    result = dict(settings)
    for name in _ADDRESSES:
        if result.get(name) is not None:
            result[name] = sorted(identities.full_address(address) for address in result[name])
    return result


def _readable(settings: Json) -> dict[str, Any]:
    """The server's settings under the names of the module's options."""
    result: dict[str, Any] = {name: settings.get(field) for name, field in _NUMBERS.items()}
    for name, field in _ADDRESSES.items():
        result[name] = identities.found_ips(settings, field)
    return result


def _for_server(changes: Mapping[str, Any]) -> Json:
    """Changes under the names of the API."""
    result: Json = {field: changes[name] for name, field in _NUMBERS.items() if name in changes}
    for name, field in _ADDRESSES.items():
        if name in changes:
            result[field] = identities.trusted_ips(changes[name])
    return result
