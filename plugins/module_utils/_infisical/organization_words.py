# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps of an organisation's plan do, as sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import (
    access,
    client_secret_plan,
    identity_plan,
    membership_plan,
    project_plan,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.identities import ClientSecret


def project(slug: str, step: project_plan.ProjectPlan) -> list[str]:
    sentences = {
        "create": f"make the project {slug}",
        "update": f"change the project {slug}: {', '.join(sorted(step.project.changes))}",
        "delete": f"delete the project {slug}",
    }
    said = [sentences[step.project.step]] if step.project else []
    for environment, each in step.environments.items():
        name = each.changes.get("name", "")
        of = {
            "create": f"make the environment {environment} ({name}) in {slug}",
            "update": f"rename the environment {environment} of {slug} to {name}",
            "delete": f"delete the environment {environment} of {slug}",
        }
        said += [of[each.step]] if each else []
    return said


def identity(name: str, step: identity_plan.IdentityPlan) -> list[str]:
    if step.identity.step == "create":
        return [f"make the identity {name}"]
    parts = [each for each in (step.identity, step.universal_auth) if each]
    changes = {key: value for each in parts for key, value in each.changes.items()}
    return [f"change the identity {name}: " + ", ".join(f"{key} {value}" for key, value in sorted(changes.items()))]


def membership(name: str, slug: str, step: membership_plan.MembershipPlan) -> list[str]:
    roles, privilege = step.roles, step.access
    said = []
    if roles and roles.changes["roles"] != [access.NO_ROLE]:
        said.append(f"give {name} in {slug} the role {', '.join(roles.changes['roles'])}")
    elif roles.step == "update":
        said.append(f"take from {name} in {slug} the role {', '.join((roles.before or {})['roles'])}")
    elif roles and not privilege:
        said.append(f"add {name} to {slug}")
    if privilege.after:
        said.append(f"let {name} in {slug}: {'; '.join(privilege.after['access'])}")
    elif privilege.before:
        said.append(f"end what {name} may in {slug} beyond its roles: {'; '.join(privilege.before['access'])}")
    return said


def client_secret(
    name: str, step: client_secret_plan.ClientSecretPlan, state: client_secret_plan.Found, path: str
) -> list[str]:
    if not step.create:
        return [f"close {path} to everyone but its owner"]
    limits = [f"{step.wanted['ttl']} seconds"] if step.wanted["ttl"] else []
    limits += [f"{step.wanted['num_uses_limit']} uses"] if step.wanted["num_uses_limit"] else []
    until = f", for {' and '.join(limits)}" if limits else ""
    revoked = [secret for secret in state.secrets if secret.id in step.revoke]
    also = f", and then revoke {_number(revoked)}" if revoked else ""
    return [f"make a client secret for {name}, kept in {path}{until}{also}"]


def _number(secrets: Sequence[ClientSecret]) -> str:
    return "the one before" if len(secrets) == 1 else f"the {len(secrets)} before"
