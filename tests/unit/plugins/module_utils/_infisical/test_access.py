# SPDX-License-Identifier: GPL-3.0-or-later
"""Rights that are held to environments and paths: what is sent to either generation, and what counts as the same."""

from __future__ import annotations

from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import access
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Given
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import (
    Client,
    ErasOfProcess,
    LoginTokens,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.eras import Member

from tests.support.scripted import Scripted

NEW = "/api/v2/identity-project-additional-privilege"
OLD = "/api/v1/additional-privilege/identity"
MEMBER = Member("i1", "p1", "omakase")
READ = {"environments": ["prod"], "path": "grafana/", "write": False}
WRITE = {"environments": None, "path": "/", "write": True}
CURRENT_READ: list[dict[str, Any]] = [
    {
        "subject": subject,
        "action": ["read"],
        "conditions": {"environment": "prod", "secretPath": {"$glob": "/grafana/**"}},
    }
    for subject in ("secret-imports", "secrets")
]


def client_of(server: Scripted) -> Client:
    exchange = server.exchange()
    return Client(exchange, LoginTokens(Given.from_options({"token": "a-token-under-test"}), exchange), ErasOfProcess())


def settle(server: Scripted, *grants: dict[str, Any]) -> str:
    """Reads and makes what is wanted; the step that it took."""
    client, wanted = client_of(server), access.rules(grants)
    found = access.find(client, MEMBER)
    step = access.plan_access(client, wanted, found)
    access.perform(client, MEMBER, step, found, wanted)
    return step.step


def read(server: Scripted, permissions: list[dict[str, Any]]) -> Scripted:
    return server.on(f"GET {NEW}/slug/managed-access", {"privilege": {"id": "r1", "permissions": permissions}})


def test_a_grant_becomes_one_rule_for_each_subject(server: Scripted) -> None:
    server.refuse(f"GET {NEW}/slug/managed-access", 404, "NotFound", "no")
    body = {"identityId": "i1", "projectId": "p1", "type": {"isTemporary": False}, "permissions": CURRENT_READ}
    server.on("POST " + NEW, {}, body=body)
    assert settle(server, READ) == "create"


def test_what_the_server_gives_back_in_other_words_is_the_same(server: Scripted) -> None:
    told = {**CURRENT_READ[1], "action": "read", "inverted": False}
    told["conditions"] = {"secretPath": {"$glob": "/grafana/**"}, "environment": {"$eq": "prod"}}
    assert settle(read(server, [told, CURRENT_READ[0]]), READ) == ""


def test_a_rule_that_somebody_has_changed_is_set_right(server: Scripted) -> None:
    conditions = CURRENT_READ[1]["conditions"]
    for changed in (
        {"inverted": True},
        {"action": ["read", "edit"]},
        {"conditions": {**conditions, "environment": {"$ne": "prod"}}},
        {"conditions": {**conditions, "secretPath": {"$eq": "/grafana/**"}}},
    ):
        read(server, [{**CURRENT_READ[1], **changed}, CURRENT_READ[0]])
        server.on(f"PATCH {NEW}/r1", {}, body={"slug": "managed-access", "permissions": CURRENT_READ})
        assert settle(server, READ) == "update"


def test_no_grant_removes_the_privilege_once(server: Scripted) -> None:
    assert settle(read(server, CURRENT_READ).on(f"DELETE {NEW}/r1", {})) == "delete"
    assert settle(server.refuse(f"GET {NEW}/slug/managed-access", 404, "NotFound", "no")) == ""


def test_an_older_server_gets_rules_for_secrets_one_action_each(server: Scripted) -> None:
    server.unknown(f"GET {NEW}/slug/managed-access").refuse(f"GET {OLD}/managed-access", 404, "NotFound", "no")
    actions = [{"subject": "secrets", "action": action} for action in ("create", "delete", "edit", "read")]
    server.on(f"POST {OLD}/permanent", {}, body={"projectSlug": "omakase", "permissions": actions})
    assert settle(server, WRITE) == "create"
    server.unknown(f"GET {NEW}/slug/managed-access")
    server.on(f"GET {OLD}/managed-access", {"privilege": {"id": "r1", "permissions": actions}})
    assert settle(server, WRITE) == ""
    server.unknown(f"GET {NEW}/slug/managed-access")
    server.on(f"GET {OLD}/managed-access", {"privilege": {"id": "r1", "permissions": actions}})
    server.on("PATCH " + OLD, {}, body={"identityId": "i1", "privilegeSlug": "managed-access"})
    assert settle(server, READ) == "update"
    server.unknown(f"GET {NEW}/slug/managed-access")
    server.on(f"GET {OLD}/managed-access", {"privilege": {"id": "r1", "permissions": actions}}).on("DELETE " + OLD, {})
    assert settle(server) == "delete"


def test_rules_are_shown_by_place() -> None:
    assert access.shown(access.rules([READ, WRITE])) == ["*:/ read and write", "prod:/grafana read"]
    odd = frozenset({access.Rule("secrets", "dev", "/x", "edit")})
    assert access.shown(odd) == ["dev:/x edit"]
