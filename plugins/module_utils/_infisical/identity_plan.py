# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do to an identity, its membership and its universal auth: decided as a whole, then shown or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import access, identities, membership_plan
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.eras import Member
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
    """An identity with what belongs to it; universal_auth is None where there is none."""

    id: str
    name: str
    role: str
    client_id: str = ""
    universal_auth: dict[str, Any] | None = None
    membership: membership_plan.Found = membership_plan.NO_MEMBER

    def as_result(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "client_id": self.client_id,
            "project_roles": self.membership.roles or [],
            "access": access.shown(self.membership.access.rules) if self.membership.access else [],
        }


def find(client: Client, wanted: Mapping[str, Any], project: Member | None) -> Found | None:
    """What there is of the wanted identity; reads only what the wanted options are about. project: see perform."""
    identity = identities.by_name(client, wanted["organization_id"], wanted["name"])
    if identity is None:
        return None
    found = found_of(client, identity)
    if project is None:
        return found
    member = replace(project, identity_id=identity.id)
    return replace(found, membership=membership_plan.find(client, member, wanted["access"] is not None))


def found_of(client: Client, identity: identities.Identity) -> Found:
    """A known identity with its universal auth."""
    settings = identities.universal_auth(client, identity.id)
    return Found(
        identity.id,
        identity.name,
        identity.role,
        text(settings or {}, "clientId"),
        None if settings is None else _readable(settings),
    )


@dataclass(frozen=True)
class IdentityPlan:
    """A step for each of the three."""

    identity: Plan
    membership: membership_plan.MembershipPlan
    universal_auth: Plan

    def __bool__(self) -> bool:
        return bool(self.identity or self.membership or self.universal_auth)

    def as_diff(self) -> dict[str, Any]:
        parts = {"membership": self.membership.roles, "access": self.membership.access}
        return diff(identity=self.identity, **parts, universal_auth=self.universal_auth)

    def preview(self, found: Found | None) -> Found | None:
        """The identity as perform would leave it; ids that do not exist yet are empty."""
        if self.identity.step == "delete" or (found is None and not self.identity):
            return None
        result = replace(found or Found("", "", ""), **self.identity.changes)  # name and role alone
        return replace(result, membership=self.membership.preview())

    def perform(
        self, client: Client, found: Found | None, organization_id: str, project: Member | None = None
    ) -> Found | None:
        """The identity as it is afterwards; None if there is none. project: a member of it, whose id does not count."""
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
        if self.membership and project is not None:
            self.membership.perform(client, replace(project, identity_id=result.id))
        if self.universal_auth:
            settings = _for_server(self.universal_auth.changes)
            attached = self.universal_auth.step == "update"
            answer = identities.set_universal_auth(client, result.id, settings, attached)
            result = replace(result, client_id=text(answer, "clientId"))
        return result


def plan_identity(wanted: Mapping[str, Any], found: Found | None, client: Client | None = None) -> IdentityPlan:
    """wanted: the module's parameters."""
    state = wanted["state"]
    have = {"name": found.name, "role": found.role} if found else None
    identity = plan({"name": wanted["name"], "role": wanted["organization_role"]}, have, state)
    if state == "absent":
        return IdentityPlan(identity, membership_plan.MembershipPlan(), Plan())
    there = found.membership if found else membership_plan.NO_MEMBER
    membership = membership_plan.plan_membership(client, wanted["project_roles"], wanted["access"], there)
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
