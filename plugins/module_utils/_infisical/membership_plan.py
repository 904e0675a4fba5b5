# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an identity may in a project: its roles, and its access held to environments and paths. Planned as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import access, identities
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.access import Found as Privilege
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.access import Rules
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.eras import Member
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Plan, plan


@dataclass(frozen=True)
class Found:
    """roles: None where the identity does not belong to the project. access: the privilege of ours, if it has one."""

    roles: list[str] | None = None
    access: Privilege | None = None


NO_MEMBER = Found()
NOTHING = Plan()


@dataclass(frozen=True)
class MembershipPlan:
    """A step for each of the two. rules: what the access is to be."""

    roles: Plan = NOTHING
    access: Plan = NOTHING
    rules: Rules = frozenset()
    found: Found = NO_MEMBER

    def __bool__(self) -> bool:
        return bool(self.roles or self.access)

    def preview(self) -> Found:
        """The membership as perform would leave it."""
        roles = self.roles.changes.get("roles", self.found.roles)
        privilege = {"": self.found.access, "delete": None}
        return Found(roles, privilege.get(self.access.step, Privilege("", self.rules)))

    def perform(self, client: Client, member: Member) -> None:
        """What is given comes before what is taken, where the server lets it."""
        joins = self.roles.step == "create"
        taken = joins or self.access.step == "delete"
        if not taken:
            access.perform(client, member, self.access, self.found.access, self.rules)
        if self.roles:
            roles = self.roles.changes["roles"]
            identities.set_project_roles(client, member.project_id, member.identity_id, roles, not joins)
        if taken:
            access.perform(client, member, self.access, self.found.access, self.rules)


def find(client: Client, member: Member, with_access: bool) -> Found:
    roles = identities.project_roles(client, member.project_id, member.identity_id)
    return Found(roles, access.find(client, member) if with_access and roles is not None else None)


def plan_membership(
    client: Client | None, roles: Sequence[str] | None, grants: Iterable[Mapping[str, Any]] | None, found: Found
) -> MembershipPlan:
    """roles and grants: None for what is not to be touched. Grants alone mean that it may nothing else."""
    if not roles and grants is None:
        return MembershipPlan(found=found)
    wanted = {"roles": sorted(roles) if roles else [access.NO_ROLE]}
    rules = access.rules(grants or [])
    return MembershipPlan(
        plan(wanted, None if found.roles is None else {"roles": found.roles}),
        NOTHING if grants is None else access.plan_access(client, rules, found.access),
        rules,
        found,
    )
