# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights of an identity that are held to environments and paths, as an additional privilege of its membership.

A custom role would say the same, but servers assign those on a paid plan alone; no plan restricts additional
privileges. The membership itself then has the role no-access.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client, existing
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.eras import Member
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Json
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import record, records, text
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Plan

# By this slug the privilege is found again; others of the identity are left alone.
SLUG = "managed-access"
NO_ROLE = "no-access"

_READING = {"secrets": ("read",), "secret-imports": ("read",)}
_WRITING = {
    "secrets": ("read", "create", "edit", "delete"),
    "secret-folders": ("create", "edit", "delete"),
    "secret-imports": ("read", "create", "edit", "delete"),
}


@dataclass(frozen=True, order=True)
class Rule:
    """One action on one subject. environment and path (a glob): empty for all."""

    subject: str
    environment: str
    path: str
    action: str


Rules = frozenset[Rule]


@dataclass(frozen=True)
class Found:
    """The privilege as the server has it."""

    id: str
    rules: Rules


def rules(grants: Iterable[Mapping[str, Any]]) -> Rules:
    """grants: each with environments (a list of slugs, or None for all), path and write."""
    found: set[Rule] = set()
    for grant in grants:
        path = normal_path(grant["path"])
        # The glob takes in the folder itself.
        glob = "" if path == "/" else path + "/**"
        for environment in grant["environments"] or [""]:
            for subject, actions in (_WRITING if grant["write"] else _READING).items():
                found.update(Rule(subject, environment, glob, action) for action in actions)
    return frozenset(found)


def shown(found: Rules) -> list[str]:
    """The same for people, such as "dev:/db read and write"."""
    places: dict[tuple[str, str], set[str]] = {}
    for rule in found:
        if rule.subject == "secrets":
            places.setdefault((rule.environment, rule.path), set()).add(rule.action)
    return [
        f"{environment or '*'}:{(path[:-3] if path.endswith('/**') else path) or '/'} {_level(actions)}"
        for (environment, path), actions in sorted(places.items())
    ]


def _level(actions: set[str]) -> str:
    levels = {("read",): "read", tuple(sorted(_WRITING["secrets"])): "read and write"}
    ordered = tuple(sorted(actions))
    return levels.get(ordered, ", ".join(ordered))


def find(client: Client, member: Member) -> Found | None:
    """The privilege of ours; None if the identity has none in the project."""
    answer = existing(client, eras.get_privilege(member.project_slug, member.identity_id, SLUG))
    if answer is None:
        return None
    privilege = record(answer, "privilege")
    return Found(text(privilege, "id"), _parsed(records(privilege, "permissions")))


def plan_access(client: Client | None, wanted: Rules, found: Found | None) -> Plan:
    """An empty wanted stands for no privilege."""
    if not wanted:
        return Plan("delete", before={"access": shown(found.rules)}) if found else Plan()
    after = {"access": shown(wanted)}
    if found is None:
        return Plan("create", before=None, after=after)
    if _comparable(client, wanted) == _comparable(client, found.rules):
        return Plan()
    return Plan("update", before={"access": shown(found.rules)}, after=after)


def _comparable(client: Client | None, one: Rules) -> Rules:
    """Older servers keep rules for secrets alone; these stand for folders and imports too."""
    if client is None or not client.eras.is_older(eras.PRIVILEGES):
        return one
    return frozenset(rule for rule in one if rule.subject == "secrets")


def perform(client: Client, member: Member, step: Plan, found: Found | None, wanted: Rules) -> None:
    if step.step == "create":
        client.ask(eras.create_privilege(member, SLUG, _for_server(wanted), _for_older(wanted)))
    elif step.step == "update" and found is not None:
        client.ask(eras.update_privilege(member, found.id, SLUG, _for_server(wanted), _for_older(wanted)))
    elif step.step == "delete" and found is not None:
        client.ask(eras.delete_privilege(member, found.id, SLUG))


def _for_server(wanted: Rules) -> list[Json]:
    """One rule for each subject and place."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for rule in sorted(wanted):
        places.setdefault((rule.subject, rule.environment, rule.path), []).append(rule.action)
    return [_rule(subject, actions, environment, path) for (subject, environment, path), actions in places.items()]


def _for_older(wanted: Rules) -> list[Json]:
    """One rule for each action."""
    return [
        _rule(rule.subject, rule.action, rule.environment, rule.path)
        for rule in sorted(wanted)
        if rule.subject == "secrets"
    ]


def _rule(subject: str, action: str | list[str], environment: str, path: str) -> Json:
    conditions: Json = {}
    if environment:
        conditions["environment"] = environment
    if path:
        conditions["secretPath"] = {"$glob": path}
    result: Json = {"subject": subject, "action": action}
    return dict(result, conditions=conditions) if conditions else result


def _parsed(permissions: Sequence[Mapping[str, Any]]) -> Rules:
    found = set()
    for permission in permissions:
        actions = permission.get("action")
        conditions = permission.get("conditions") or {}
        environment = _only(conditions.get("environment", ""), "$eq")
        path = _only(conditions.get("secretPath", ""), "$glob")
        if permission.get("inverted") or set(conditions) - {"environment", "secretPath"}:
            environment = json.dumps(permission, sort_keys=True)  # not a rule of ours: equal to none
        for action in actions if isinstance(actions, list) else [actions]:
            found.add(Rule(text(permission, "subject"), environment, path, str(action)))
    return frozenset(found)


def _only(condition: Any, operator: str) -> str:
    if isinstance(condition, str):
        return condition
    if isinstance(condition, Mapping) and list(condition) == [operator]:
        return str(condition[operator])
    return json.dumps(condition, sort_keys=True)
