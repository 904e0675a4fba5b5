# SPDX-License-Identifier: GPL-3.0-or-later
"""An identity's life, with its membership and universal auth."""

from __future__ import annotations

from typing import Any

from tests.support.modules import run_module
from tests.support.scripted import Scripted

LIST = "GET /api/v1/identities"
AUTH = "/api/v1/auth/universal-auth/identities/i1"
MEMBER = "/api/v1/projects/p1/memberships/identities/i1"
ONE = {"role": "no-access", "identity": {"id": "i1", "name": "deploy"}}
SETTINGS = {
    "clientId": "c1",
    "accessTokenTTL": 3600,
    "accessTokenMaxTTL": 7200,
    "clientSecretTrustedIps": [{"ipAddress": "10.0.0.1", "type": "ipv4"}, {"ipAddress": "::", "prefix": 0}],
}
WANTED: dict[str, Any] = {"name": "deploy", "organization_id": "o1", "token": "a-token-under-test"}
FULL: dict[str, Any] = {
    "project_id": "p1",
    "project_roles": ["viewer", "deployer"],
    "universal_auth": {"access_token_ttl": 3600, "client_secret_trusted_ips": ["10.0.0.1", "::/0"]},
}


def run(server: Scripted, check: bool = False, **params: Any) -> dict[str, Any]:
    return run_module("infisical_identity", server, check, **{**WANTED, **params})


def listed(server: Scripted, *identities: dict[str, Any]) -> Scripted:
    return server.on(LIST, {"identities": list(identities)}, query={"orgId": "o1"})


def settings(server: Scripted, found: dict[str, Any] | None) -> Scripted:
    if found is None:
        return server.refuse("GET " + AUTH, 404, "NotFound", "no universal auth")
    return server.on("GET " + AUTH, {"identityUniversalAuth": found})


def roles(server: Scripted, *slugs: str) -> Scripted:
    found = [{"role": "custom", "customRoleSlug": slug} if slug == "deployer" else {"role": slug} for slug in slugs]
    return server.on("GET " + MEMBER, {"identityMembership": {"roles": found}})


def test_a_missing_identity_is_made_with_all_that_belongs_to_it(server: Scripted) -> None:
    listed(server, {"role": "admin", "identity": {"id": "i0", "name": "other"}})
    body = {"name": "deploy", "organizationId": "o1", "role": "no-access"}
    server.on("POST /api/v1/identities", {"identity": {"id": "i1", "name": "deploy"}}, body=body)
    both = [{"role": "deployer", "isTemporary": False}, {"role": "viewer", "isTemporary": False}]
    server.on("POST " + MEMBER, {}, body={"roles": both})
    sent = {"accessTokenTTL": 3600, "clientSecretTrustedIps": [{"ipAddress": "10.0.0.1/32"}, {"ipAddress": "::/0"}]}
    server.on("POST " + AUTH, {"identityUniversalAuth": SETTINGS}, body=sent)
    result = run(server, **FULL)
    assert result["changed"]
    assert result["identity"] == {
        "id": "i1",
        "name": "deploy",
        "role": "no-access",
        "client_id": "c1",
        "project_roles": ["deployer", "viewer"],
        "access": [],
    }


READER: dict[str, Any] = {"project_slug": "omakase", "access": [{"environments": ["prod"], "path": "/grafana"}]}
PRIVILEGES = "/api/v2/identity-project-additional-privilege"
READS = [
    {
        "subject": subject,
        "action": ["read"],
        "conditions": {"environment": "prod", "secretPath": {"$glob": "/grafana/**"}},
    }
    for subject in ("secret-imports", "secrets")
]


def test_access_alone_lets_it_read_one_folder_of_one_environment_and_nothing_else(server: Scripted) -> None:
    server.on("GET /api/v1/projects/slug/omakase", {"id": "p1", "slug": "omakase"})
    listed(server).on("POST /api/v1/identities", {"identity": {"id": "i1", "name": "deploy"}})
    server.on("POST " + MEMBER, {}, body={"roles": [{"role": "no-access", "isTemporary": False}]})
    server.on("POST " + PRIVILEGES, {}, body={"identityId": "i1", "projectId": "p1", "permissions": READS})
    result = run(server, **READER)
    assert (result["identity"]["project_roles"], result["identity"]["access"]) == (
        ["no-access"],
        ["prod:/grafana read"],
    )
    assert result["diff"]["after"]["access"] == {"access": ["prod:/grafana read"]}


def test_access_that_is_as_wanted_is_left_alone_and_an_empty_one_takes_it_away(server: Scripted) -> None:
    def there() -> None:
        server.on("GET /api/v1/projects/p1", {"project": {"id": "p1", "slug": "omakase"}})
        roles(settings(listed(server, ONE), SETTINGS), "no-access")
        server.on(f"GET {PRIVILEGES}/slug/managed-access", {"privilege": {"id": "r1", "permissions": READS}})

    by_id: dict[str, Any] = {"project_id": "p1"}
    there()
    result = run(server, **by_id, access=READER["access"])
    assert (result["changed"], result["identity"]["access"]) == (False, ["prod:/grafana read"])
    there()
    assert run(server, check=True, **by_id, access=[])["identity"]["access"] == []
    there()
    server.on(f"DELETE {PRIVILEGES}/r1", {})
    assert run(server, **by_id, access=[])["changed"]
    # Without the option the privilege is neither read nor touched.
    roles(settings(listed(server, ONE), SETTINGS), "viewer")
    assert not run(server, **by_id, project_roles=["viewer"])["changed"]


def test_a_project_of_an_unknown_id_is_named_before_access_is_given(server: Scripted) -> None:
    server.refuse("GET /api/v1/projects/p1", 404, "NotFound", "no")
    assert "has no project with the id p1" in run(server, project_id="p1", access=[{}])["msg"]


def test_check_mode_shows_the_identity_and_makes_nothing(server: Scripted) -> None:
    listed(server)
    result = run(server, check=True, **FULL)
    assert result["changed"]
    assert result["identity"]["id"] == result["identity"]["client_id"] == ""
    assert result["identity"]["project_roles"] == ["deployer", "viewer"]


def test_an_identity_that_is_as_wanted_is_left_alone(server: Scripted) -> None:
    roles(settings(listed(server, ONE), SETTINGS), "viewer", "deployer")
    result = run(server, **FULL)
    assert not result["changed"]
    assert result["identity"]["client_id"] == "c1"


def test_only_what_differs_is_changed(server: Scripted) -> None:
    roles(settings(listed(server, ONE), SETTINGS), "viewer")
    server.on("PATCH /api/v1/identities/i1", {}, body={"role": "member"})
    server.on("PATCH " + MEMBER, {})
    server.on("PATCH " + AUTH, {"identityUniversalAuth": SETTINGS}, body={"accessTokenTTL": 60})
    changes = {**FULL, "organization_role": "member", "universal_auth": {"access_token_ttl": 60}}
    result = run(server, **changes)
    assert set(result["diff"]["after"]) == {"identity", "membership", "universal_auth"}
    assert result["diff"]["before"]["membership"] == {"roles": ["viewer"]}


def test_universal_auth_is_attached_where_it_is_missing(server: Scripted) -> None:
    settings(listed(server, ONE), None).on("POST " + AUTH, {"identityUniversalAuth": SETTINGS}, body={})
    assert run(server, universal_auth={})["identity"]["client_id"] == "c1"


def test_what_is_not_wanted_is_not_touched(server: Scripted) -> None:
    settings(listed(server, ONE), None)
    result = run(server)
    assert (result["changed"], result["identity"]["project_roles"]) == (False, [])


def test_a_role_of_one_s_own_is_known_by_its_slug(server: Scripted) -> None:
    settings(listed(server, dict(ONE, role="custom", customRole={"slug": "ops"})), None)
    assert not run(server, organization_role="ops")["changed"]


def test_an_identity_is_deleted_once(server: Scripted) -> None:
    settings(listed(server, ONE), SETTINGS).on("DELETE /api/v1/identities/i1", {})
    assert run(server, state="absent")["changed"]
    settings(listed(server, ONE), SETTINGS)
    assert run(server, check=True, state="absent")["changed"]
    result = run(listed(server), state="absent")
    assert (result["changed"], "identity" in result) == (False, False)


def test_two_identities_of_one_name_are_an_error(server: Scripted) -> None:
    listed(server, ONE, dict(ONE, identity={"id": "i2", "name": "deploy"}))
    assert "2 identities of the organisation are called deploy: i1, i2" in run(server)["msg"]


def test_roles_need_a_project(server: Scripted) -> None:
    assert "need project_id" in run(server, project_roles=["viewer"])["msg"]


def test_the_project_may_be_named_by_its_slug(server: Scripted) -> None:
    server.on("GET /api/v1/projects/slug/omakase", {"id": "p1", "slug": "omakase"})
    roles(settings(listed(server, ONE), None), "viewer")
    assert not run(server, project_slug="omakase", project_roles=["viewer"])["changed"]


def test_a_project_that_does_not_exist_is_named(server: Scripted) -> None:
    server.refuse("GET /api/v1/projects/slug/omakase", 404, "NotFound", "no")
    result = run(server, project_slug="omakase", project_roles=["viewer"])
    assert "has no project with the slug omakase" in result["msg"]


def test_refusals_are_told(server: Scripted) -> None:
    listed(server, ONE).refuse("GET " + AUTH, 403, "PermissionDenied", "no")
    assert "manage identities" in run(server)["msg"]
    settings(listed(server, ONE), None).refuse("GET " + MEMBER, 403, "PermissionDenied", "no")
    assert "who belongs to the project" in run(server, project_id="p1", project_roles=["viewer"])["msg"]


def test_a_new_member_of_an_older_server_is_added_by_its_routes(server: Scripted) -> None:
    older = "/api/v2/workspace/p1/identity-memberships/i1"
    settings(listed(server, ONE), None)
    server.unknown("GET " + MEMBER).refuse("GET " + older, 404, "NotFound", "no").on("POST " + older, {})
    assert run(server, project_id="p1", project_roles=["viewer"])["changed"]
