# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities of a project: what each may do, whether that is used, and whether it ever ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, ok, problem, warning
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import access, identities, projects
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.access import Rules
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.eras import Member
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.identities import ClientSecret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import number

# Seconds. What a token may live at most; servers give 30 days where nobody says otherwise.
LONGEST_TOKEN = 24 * 3600
# Days after which a client secret is replaced, where nobody says otherwise
CLIENT_SECRET_DAYS = 90
_ALL = "*"


@dataclass(frozen=True)
class Rotated:
    """The identities whose client secrets playbooks/rotate.yml replaces, by name, and after how many days."""

    names: Collection[str] = ()
    days: int = CLIENT_SECRET_DAYS


@dataclass(frozen=True)
class Known:
    """An identity as the server tells it. roles: in the project. organization_role: empty where that is not told.

    token_ttl: seconds, 0 for no end; None for an identity without universal auth, of which nothing more is told.
    told: false where the server does not tell us of its universal auth.
    """

    name: str
    roles: tuple[str, ...]
    organization_role: str = ""
    client_id: str = ""
    token_ttl: int | None = None
    secrets: tuple[ClientSecret, ...] = ()
    rules: Rules = frozenset()
    told: bool = True


def read(client: Client, project_id: str, organization_id: str) -> list[Known]:
    """Those of the project, and those that administer the organisation. Raises InfisicalError.

    organization_id: empty where it is not known.
    """
    belong = {one.id: (one, roles) for one, roles in identities.members(client, project_id)}
    for one in identities.everyone(client, organization_id) if organization_id else []:
        roles = belong[one.id][1] if one.id in belong else []
        if one.id in belong or one.role == "admin":
            belong[one.id] = (one, roles)
    slug = projects.slug_of(client, project_id)
    return [_known(client, Member(one.id, project_id, slug), one, roles) for one, roles in belong.values()]


def _known(client: Client, member: Member, one: identities.Identity, roles: Sequence[str]) -> Known:
    privilege = access.find(client, member) if roles else None
    found = Known(one.name, tuple(roles), one.role, rules=privilege.rules if privilege else frozenset())
    try:
        settings = identities.universal_auth(client, one.id)
    except InfisicalError as error:
        if error.status not in (401, 403):
            raise
        return replace(found, told=False)
    if settings is None:
        return found
    usable = [secret for secret in identities.client_secrets(client, one.id) if secret.usable]
    return replace(
        found,
        client_id=str(settings.get("clientId") or ""),
        token_ttl=number(settings, "accessTokenTTL"),
        secrets=tuple(usable),
    )


def findings(
    known: Sequence[Known],
    uses: Mapping[str, Sequence[str]],
    environments: Sequence[str],
    label: str = "",
    rotated: Rotated | None = None,
) -> list[Finding]:
    """uses: environments that hosts read, by client id. environments: slugs of the project's.

    label: what the project is called, empty for the first one.
    """
    found = []
    untold = sorted(one.name for one in known if not one.told)
    if untold:
        advice = "Audit with an identity that administers the organisation."
        found.append(
            warning(f"identities {label}".rstrip(), f"how they log in is not told: {', '.join(untold)}", advice)
        )
    for one in sorted(known, key=lambda each: each.name):
        check = f"identity {one.name} in {label}" if label else f"identity {one.name}"
        complaints = [*_rights(one, uses, environments), *_ends(one, rotated or Rotated()), *_use(one)]
        found += [say(check, evidence, advice) for say, evidence, advice in complaints]
        if not complaints:
            found.append(ok(check, _shown(one)))
    return found


def _shown(one: Known) -> str:
    rights = access.shown(one.rules) or [role for role in one.roles if role != access.NO_ROLE]
    return f"may {'; '.join(rights) or 'do nothing in the project'}"


def _reach(one: Known) -> set[str]:
    """Environments whose secrets it may read; * for all."""
    found = {rule.environment or _ALL for rule in one.rules if rule.subject == "secrets"}
    return found | ({_ALL} if set(one.roles) - {access.NO_ROLE} else set())


def _rights(one: Known, uses: Mapping[str, Sequence[str]], environments: Sequence[str]) -> list[Any]:
    if one.organization_role == "admin":
        # One has to: it makes the others.
        return []
    if "admin" in one.roles:
        advice = "Give it access to what it uses alone: infisical_project_identities with access."
        return [(warning, "administers the project: it may read, change and destroy everything in it", advice)]
    used = set(uses.get(one.client_id, ()))
    reach = _reach(one)
    reached = set(environments) if _ALL in reach else reach
    unused = sorted(reached - used) if used else []
    if not unused:
        return []
    evidence = f"may read {', '.join(unused)} too, and is used for {', '.join(sorted(used))} alone"
    return [(warning, evidence, "Hold it to those (access), or give each environment an identity of its own.")]


def _ends(one: Known, rotated: Rotated) -> list[Any]:
    found: list[Any] = []
    if one.token_ttl is not None and not 0 < one.token_ttl <= LONGEST_TOKEN:
        evidence = f"its tokens live {f'{one.token_ttl // 86400} days' if one.token_ttl else 'for ever'}"
        found.append((warning, evidence, "An hour is enough: access_token_ttl of infisical_identity."))
    endless = [secret for secret in one.secrets if not secret.ttl]
    if one.name not in rotated.names:
        advice = "Give it a TTL: client_secret_ttl of infisical_project_identities, or ttl of infisical_client_secret."
        return found + ([(warning, f"without an end: {_aged(endless)}", advice)] if endless else [])
    # The playbook ends them, as long as somebody runs it.
    late = [secret for secret in endless if secret.age_in_days is None or secret.age_in_days >= rotated.days]
    if late:
        evidence = f"due every {rotated.days} days: {_aged(late)}"
        found.append((warning, evidence, "Replace it: playbooks/rotate.yml, once a quarter."))
    return found


def _use(one: Known) -> list[Any]:
    if one.token_ttl is None:
        return []
    if not one.secrets:
        return [(warning, "has no client secret that is valid", "Remove it, if nobody logs in as it.")]
    if not any(secret.uses for secret in one.secrets):
        return [(warning, f"never used: {_names(one.secrets)}", "Remove it, if nobody logs in as it.")]
    idle = [secret for secret in one.secrets if not secret.uses]
    if idle:
        return [(warning, f"never used: {_names(idle)}", "Revoke what nobody holds.")]
    return []


def _names(secrets: Sequence[ClientSecret]) -> str:
    return ", ".join(sorted(f"client secret '{secret.description}'" for secret in secrets))


def _aged(secrets: Sequence[ClientSecret]) -> str:
    return ", ".join(sorted(f"client secret '{secret.description}' ({_age(secret)})" for secret in secrets))


def _age(secret: ClientSecret) -> str:
    days = secret.age_in_days
    return "of unknown age" if days is None else "1 day old" if days == 1 else f"{days} days old"


def administrators(known: Sequence[Known]) -> list[Finding]:
    """How many may do everything."""
    names = sorted(one.name for one in known if one.organization_role == "admin")
    if len(names) <= 1:
        return []
    advice = "One is enough, to make the others: give the rest no-access, and rights in projects."
    return [problem("administrators", f"{', '.join(names)} administer the organisation", advice)]
