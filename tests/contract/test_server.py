# SPDX-License-Identifier: GPL-3.0-or-later
"""What the current era of the stand-in does, beyond the shape of single answers."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from tests.support.servers import Account, Infisical, Postgres, Redis, Reply, infisical_server


@dataclass
class Caller:
    """Someone with a token, in a project."""

    server: Infisical
    token: str
    project: str

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Reply:
        target = path + (f"?{urlencode(query)}" if query else "")
        return self.server.request(method, target, body, self.token)

    def where(self, path: str = "/", environment: str = "dev") -> dict[str, str]:
        return {"projectId": self.project, "environment": environment, "secretPath": path}

    def write(self, values: dict[str, str], path: str = "/", environment: str = "dev") -> Reply:
        items = [{"secretKey": name, "secretValue": value} for name, value in values.items()]
        return self.ask("POST", "/api/v4/secrets/batch", {**self.where(path, environment), "secrets": items})

    def change(self, mode: str, values: dict[str, str]) -> Reply:
        items = [{"secretKey": name, "secretValue": value} for name, value in values.items()]
        return self.ask("PATCH", "/api/v4/secrets/batch", {**self.where(), "mode": mode, "secrets": items})

    def read(self, path: str = "/", environment: str = "dev", **flags: str) -> dict[str, str]:
        reply = self.ask("GET", "/api/v4/secrets", **self.where(path, environment), **flags)
        assert reply.status == 200, reply.body
        return {secret["secretKey"]: secret["secretValue"] for secret in reply.body["secrets"]}

    def folder(self, name: str, path: str = "/") -> Reply:
        body = {"projectId": self.project, "environment": "dev", "name": name, "path": path}
        return self.ask("POST", "/api/v2/folders", body)


def new_project(server: Infisical, token: str) -> str:
    # The server's own slugs have a short tail: of a hundred projects of one name two may get the same.
    wanted = {"projectName": "one", "slug": f"one-{secrets.token_hex(8)}"}
    return str(server.request("POST", "/api/v1/projects", wanted, token).body["project"]["id"])


@pytest.fixture
def owner(infisical: Infisical, admin: Account) -> Caller:
    """The administrator, in a project of its own for each test."""
    return Caller(infisical, admin.token, new_project(infisical, admin.token))


def member(owner: Caller, admin: Account, *roles: str) -> Caller:
    """A machine identity with these roles in the owner's project."""
    credentials = owner.server.identity(admin, "someone", owner.project, *roles)
    return Caller(owner.server, owner.server.log_in(*credentials), owner.project)


def test_the_front_page_says_that_it_is_a_stand_in(infisical: Infisical) -> None:
    reply = infisical.request("GET", "/")
    assert "stand-in for Infisical" in reply.body
    assert reply.headers["content-type"].startswith("text/html")


def test_it_describes_its_routes(infisical: Infisical) -> None:
    paths = infisical.request("GET", "/api/docs/json").body["paths"]
    assert "get" in paths["/api/v4/secrets/{secretName}"]


def test_a_second_bootstrap_is_refused(infisical: Infisical, admin: Account) -> None:
    body = {"email": "other@homelab.example", "password": "something", "organization": "other"}
    reply = infisical.request("POST", "/api/v1/admin/bootstrap", body)
    assert (reply.status, reply.body["message"]) == (400, "Instance has already been set up")
    assert infisical.request("GET", "/api/v1/admin/config").body["config"]["initialized"] is True


def test_a_wrong_password_is_refused(infisical: Infisical, admin: Account) -> None:
    reply = infisical.request("POST", "/api/v3/auth/login", {"email": admin.email, "password": "wrong"})
    assert (reply.status, reply.body["error"]) == (400, "BadRequest")
    assert "accessToken" not in reply.body


def test_a_token_without_an_organisation_only_serves_to_choose_one(infisical: Infisical, admin: Account) -> None:
    body = {"email": admin.email, "password": admin.password}
    token = infisical.request("POST", "/api/v3/auth/login", body).body["accessToken"]
    assert infisical.request("POST", "/api/v1/projects", {"projectName": "no"}, token).status == 403
    found = infisical.request("GET", "/api/v1/organization", None, token).body["organizations"]
    assert [org["id"] for org in found] == [admin.organization_id]


def test_what_is_written_is_read_again_trimmed_but_for_one_newline(owner: Caller) -> None:
    owner.write({"PLAIN": "  padded ", "KEY": "line\nline\n\n", "EMPTY": "", "UNI": "pä✓"})
    assert owner.read() == {"PLAIN": "padded", "KEY": "line\nline\n", "EMPTY": "", "UNI": "pä✓"}


@pytest.mark.parametrize("name", ["A/B", "A?B", "A B", "A%B", "ä"])
def test_odd_names_are_kept(owner: Caller, name: str) -> None:
    path = f"/api/v4/secrets/{quote(name, safe='')}"
    assert owner.ask("POST", path, {**owner.where(), "secretValue": "1"}).status == 200
    assert owner.ask("GET", path, **owner.where()).body["secret"]["secretKey"] == name


def test_a_name_with_a_colon_is_refused(owner: Caller) -> None:
    reply = owner.write({"A:B": "1"})
    assert (reply.status, reply.body["error"]) == (422, "ValidationFailure")
    assert reply.body["message"][0]["path"] == ["secrets", 0, "secretKey"]


def test_a_batch_with_a_name_that_exists_fails_as_a_whole(owner: Caller) -> None:
    owner.write({"OLD": "1"})
    reply = owner.write({"NEW": "1", "OLD": "2"})
    assert (reply.status, reply.body["message"]) == (400, "Secret already exist: OLD")
    assert owner.read() == {"OLD": "1"}


def test_an_update_of_a_missing_name_fails_as_a_whole_unless_told_otherwise(owner: Caller) -> None:
    owner.write({"OLD": "1"})
    assert owner.change("failOnNotFound", {"OLD": "2", "NEW": "2"}).status == 404
    assert owner.read() == {"OLD": "1"}
    assert owner.change("ignore", {"OLD": "3", "NEW": "3"}).status == 200
    assert owner.read() == {"OLD": "3"}
    assert owner.change("upsert", {"OLD": "4", "NEW": "4"}).status == 200
    assert owner.read() == {"OLD": "4", "NEW": "4"}


def test_an_update_counts_versions_and_former_values_stay(owner: Caller) -> None:
    owner.write({"NAME": "first"})
    owner.change("failOnNotFound", {"NAME": "second"})
    owner.change("failOnNotFound", {"NAME": "second"})
    path = "/api/v4/secrets/NAME"
    assert owner.ask("GET", path, **owner.where()).body["secret"]["version"] == 3
    assert owner.ask("GET", path, **owner.where(), version="1").body["secret"]["secretValue"] == "first"
    assert owner.ask("GET", path, **owner.where(), version="9").body["secret"]["version"] == 3


def test_a_batch_deletes_all_or_nothing(owner: Caller) -> None:
    owner.write({"ONE": "1", "TWO": "2"})
    body = {**owner.where(), "secrets": [{"secretKey": "ONE"}, {"secretKey": "NOPE"}]}
    assert owner.ask("DELETE", "/api/v4/secrets/batch", body).status == 404
    assert owner.read().keys() == {"ONE", "TWO"}
    assert owner.ask("DELETE", "/api/v4/secrets/batch", {**body, "secrets": body["secrets"][:1]}).status == 200
    assert owner.read().keys() == {"TWO"}


def test_references_are_followed_across_folders_and_environments(owner: Caller) -> None:
    owner.folder("db")
    owner.write({"HOST": "pg", "SELF": "${SELF}", "LOCAL": "${HOST}"}, "/db")
    owner.write({"PORT": "5432"}, environment="prod")
    owner.write({"URL": "${dev.db.LOCAL}:${prod.PORT}/${NAME} ${NOWHERE} $${x}", "NAME": "app"})
    assert owner.read()["URL"] == "pg:5432/app ${NOWHERE} $${x}"
    assert owner.read(expandSecretReferences="false")["URL"].startswith("${dev.db.LOCAL}")
    assert owner.read("/db")["SELF"] == "${SELF}"


def test_imports_stand_beside_own_secrets_nested_ones_included(owner: Caller) -> None:
    for environment, source in (("dev", "staging"), ("staging", "prod")):
        body = {"projectId": owner.project, "environment": environment, "path": "/"}
        owner.ask("POST", "/api/v2/secret-imports", {**body, "import": {"environment": source, "path": "/"}})
    owner.write({"OWN": "1", "BOTH": "own"})
    owner.write({"BOTH": "staging", "MIDDLE": "1"}, environment="staging")
    owner.write({"MIDDLE": "2", "FAR": "1"}, environment="prod")
    body = owner.ask("GET", "/api/v4/secrets", **owner.where()).body
    assert {secret["secretKey"] for secret in body["secrets"]} == {"OWN", "BOTH"}
    (imported,) = body["imports"]
    values = {secret["secretKey"]: secret["secretValue"] for secret in imported["secrets"]}
    assert (imported["environment"], values) == ("staging", {"BOTH": "staging", "MIDDLE": "1", "FAR": "1"})
    assert "imports" not in owner.ask("GET", "/api/v4/secrets", **owner.where(), includeImports="false").body
    assert owner.ask("GET", "/api/v4/secrets/FAR", **owner.where()).body["secret"]["secretValue"] == "1"
    assert owner.ask("GET", "/api/v4/secrets/FAR", **owner.where(), includeImports="false").status == 404


def test_a_recursive_list_names_the_path_of_each(owner: Caller) -> None:
    owner.folder("c", "/a/b")
    owner.write({"NAME": "top"})
    owner.write({"NAME": "deep"}, "/a/b/c")
    body = owner.ask("GET", "/api/v4/secrets", **owner.where(), recursive="true").body
    assert {s["secretPath"]: s["secretValue"] for s in body["secrets"]} == {"/": "top", "/a/b/c": "deep"}


@pytest.mark.parametrize("place", [("/nope", "dev"), ("/", "nope"), ("db", "dev")])
def test_a_list_of_what_does_not_exist_is_empty(owner: Caller, place: tuple[str, str]) -> None:
    owner.folder("db")
    owner.write({"NAME": "1"}, "/db")
    assert owner.read(*place) == {}


def test_values_can_be_hidden(owner: Caller) -> None:
    owner.write({"NAME": "value"})
    (secret,) = owner.ask("GET", "/api/v4/secrets", **owner.where(), viewSecretValue="false").body["secrets"]
    assert (secret["secretValue"], secret["secretValueHidden"]) == ("<hidden-by-infisical>", True)


def test_old_routes_still_serve(owner: Caller) -> None:
    where = {"workspaceId": owner.project, "environment": "dev", "secretPath": "/"}
    assert owner.ask("POST", "/api/v3/secrets/raw/OLD", {**where, "secretValue": "1"}).status == 200
    assert owner.ask("GET", "/api/v3/secrets/raw", **where).body["secrets"][0]["secretKey"] == "OLD"
    assert owner.read() == {"OLD": "1"}


def test_folders_are_made_with_their_parents_and_only_once(owner: Caller) -> None:
    assert owner.folder("leaf", "/a/b").body["folder"]["path"] == "/a/b/leaf"
    assert owner.folder("leaf", "/a/b").status == 400
    assert owner.folder("bad name").status == 400
    where = {"projectId": owner.project, "environment": "dev", "path": "/"}
    listed = owner.ask("GET", f"/api/v2/folders?{urlencode(where)}&recursive=true").body["folders"]
    assert [folder["relativePath"] for folder in listed] == ["/a", "/a/b", "/a/b/leaf"]
    assert owner.ask("DELETE", "/api/v2/folders/a", where).status == 200
    assert owner.ask("GET", f"/api/v2/folders?{urlencode(where)}").body["folders"] == []


def test_environments_are_made_renamed_moved_and_removed(owner: Caller) -> None:
    path = f"/api/v1/projects/{owner.project}/environments"
    made = owner.ask("POST", path, {"name": "Lab", "slug": "lab"}).body["environment"]
    assert owner.ask("POST", path, {"name": "Lab", "slug": "lab"}).status == 400
    assert owner.ask("PATCH", f"{path}/{made['id']}", {"name": "First", "position": 1}).status == 200
    found = owner.ask("GET", f"/api/v1/projects/{owner.project}").body["project"]["environments"]
    assert [env["slug"] for env in found] == ["lab", "dev", "staging", "prod"]
    assert owner.ask("DELETE", f"{path}/{made['id']}").status == 200
    found = owner.ask("GET", f"/api/v1/projects/{owner.project}").body["project"]["environments"]
    assert [env["name"] for env in found] == ["Development", "Staging", "Production"]


def test_a_taken_slug_is_refused_and_projects_are_found_by_slug(owner: Caller) -> None:
    slug = owner.ask("GET", f"/api/v1/projects/{owner.project}").body["project"]["slug"]
    assert owner.ask("POST", "/api/v1/projects", {"projectName": "two", "slug": slug}).status == 400
    assert owner.ask("GET", f"/api/v1/projects/slug/{slug}").body["id"] == owner.project
    assert owner.ask("GET", "/api/v1/projects/slug/no-such-slug").status == 404


def test_two_identities_may_have_one_name(owner: Caller, admin: Account) -> None:
    body = {"name": "twin", "organizationId": admin.organization_id}
    first, second = (owner.ask("POST", "/api/v1/identities", body).body["identity"]["id"] for _ in range(2))
    found = owner.ask("GET", "/api/v1/identities", orgId=admin.organization_id).body["identities"]
    assert {first, second} <= {entry["identity"]["id"] for entry in found}


def test_roles_are_enforced(owner: Caller, admin: Account) -> None:
    owner.write({"NAME": "1"})
    viewer, writer, outsider = (member(owner, admin, role) for role in ("viewer", "member", "no-access"))
    assert viewer.read() == {"NAME": "1"}
    refused = viewer.write({"NEW": "1"})
    assert (refused.status, refused.body["error"]) == (403, "PermissionDenied")
    assert refused.body["message"] == "You are not allowed to create on secrets"
    assert writer.write({"NEW": "1"}).status == 200
    assert writer.ask("DELETE", f"/api/v1/projects/{owner.project}").status == 403
    assert outsider.ask("GET", "/api/v4/secrets", **outsider.where()).status == 403
    assert outsider.read(recursive="true") == {}


def test_a_caller_outside_the_project_is_told_so(owner: Caller, admin: Account) -> None:
    stranger = member(Caller(owner.server, owner.token, new_project(owner.server, owner.token)), admin, "admin")
    reply = stranger.ask("GET", "/api/v4/secrets", **owner.where())
    assert reply.status == 403
    assert reply.body["error"] == f"Identity is not a member of the specified project with ID '{owner.project}'"
    assert stranger.ask("GET", "/api/v1/projects").body["projects"][0]["id"] == stranger.project


def rules(*subjects: str, **where: Any) -> list[dict[str, Any]]:
    """Permission to read and create there."""
    return [{"subject": subject, "action": ["read", "create"], "conditions": where} for subject in subjects]


DATABASE = {"environment": {"$eq": "dev"}, "secretPath": {"$glob": "/db/**"}}


def is_held_to_the_database(limited: Caller) -> None:
    assert limited.write({"NAME": "1"}, "/db").status == 200
    assert limited.read("/db") == {"NAME": "1"}
    assert limited.ask("GET", "/api/v4/secrets", **limited.where()).status == 403
    assert limited.ask("GET", "/api/v4/secrets", **limited.where("/db", "prod")).status == 403


def test_a_custom_role_is_held_to_its_environment_and_path(postgres: Postgres, redis: Redis) -> None:
    with infisical_server(postgres, redis, LICENSE_KEY="of a paid plan") as server:
        admin = server.bootstrap()
        owner = Caller(server, admin.token, new_project(server, admin.token))
        body = {"slug": "db-only", "name": "Database only", "permissions": rules("secrets", **DATABASE)}
        assert owner.ask("POST", f"/api/v1/projects/{owner.project}/roles", body).status == 200
        owner.folder("db")
        is_held_to_the_database(member(owner, admin, "db-only"))
        path = f"/api/v1/projects/{owner.project}/memberships/identities"
        (membership,) = owner.ask("GET", path).body["identityMemberships"]
        assert (membership["roles"][0]["role"], membership["roles"][0]["customRoleSlug"]) == ("custom", "db-only")


def test_a_free_plan_assigns_no_custom_role_and_restricts_no_additional_privilege(
    owner: Caller, admin: Account
) -> None:
    owner.folder("db")
    limited = member(owner, admin, "no-access")
    identity = owner.ask("GET", f"/api/v1/projects/{owner.project}/memberships/identities").body
    whose = {"identityId": identity["identityMemberships"][0]["identity"]["id"], "projectId": owner.project}
    path = f"/api/v1/projects/{owner.project}/memberships/identities/{whose['identityId']}"
    refused = owner.ask("PATCH", path, {"roles": [{"role": "db-only"}]})
    assert (refused.status, "plan RBAC restriction" in refused.body["message"]) == (400, True)
    assert limited.ask("GET", "/api/v4/secrets", **limited.where("/db")).status == 403

    privileges = "/api/v2/identity-project-additional-privilege"
    given = {**whose, "slug": "db-only", "type": {"isTemporary": False}}
    permissions = rules("secrets", "secret-folders", **DATABASE)
    made = owner.ask("POST", privileges, {**given, "permissions": permissions}).body["privilege"]
    assert owner.ask("POST", privileges, {**given, "permissions": permissions}).status == 400
    is_held_to_the_database(limited)
    assert owner.ask("GET", f"{privileges}/{made['id']}").body["privilege"] == made
    project = owner.ask("GET", f"/api/v1/projects/{owner.project}").body["project"]["slug"]
    named = {"identityId": whose["identityId"], "projectSlug": project}
    assert owner.ask("GET", f"{privileges}/slug/db-only", **named).body["privilege"]["permissions"] == [
        {**rule, "inverted": False} for rule in permissions
    ]
    assert owner.ask("DELETE", f"{privileges}/{made['id']}").status == 200
    assert limited.ask("GET", "/api/v4/secrets", **limited.where("/db")).status == 403


def test_the_projects_of_an_identity_are_told(owner: Caller, admin: Account) -> None:
    member(owner, admin, "viewer")
    one = owner.ask("GET", f"/api/v1/projects/{owner.project}/memberships/identities").body["identityMemberships"][0]
    found = owner.ask("GET", f"/api/v1/identities/{one['identity']['id']}/identity-memberships").body
    assert [each["project"]["id"] for each in found["identityMemberships"]] == [owner.project]


def test_an_unknown_role_is_refused(owner: Caller, admin: Account) -> None:
    body = {"name": "x", "organizationId": admin.organization_id}
    made = owner.ask("POST", "/api/v1/identities", body).body["identity"]["id"]
    path = f"/api/v1/projects/{owner.project}/memberships/identities/{made}"
    assert owner.ask("POST", path, {"role": "no-such-role"}).status == 400  # the plan is looked at first
    assert owner.ask("GET", path).status == 404


def test_a_second_user_is_invited_and_seen_with_own_rights(owner: Caller, admin: Account) -> None:
    email = "second@homelab.example"
    body = {"inviteeEmails": [email], "organizationId": admin.organization_id}
    (link,) = owner.ask("POST", "/api/v1/invite-org/signup", body).body["completeInviteLinks"]
    code = parse_qs(urlsplit(link["link"]).query)["token"][0]
    account = {"email": email, "firstName": "Second", "password": "a long password"}
    path = "/api/v3/signup/complete-account/invite"
    token = owner.server.request("POST", path, account, code).body["token"]
    choice = {"organizationId": admin.organization_id}
    token = owner.server.request("POST", "/api/v3/auth/select-organization", choice, token).body["token"]
    second = Caller(owner.server, token, owner.project)
    assert second.ask("GET", "/api/v4/secrets", **second.where()).status == 403
    roles = {"emails": [email], "roleSlugs": ["viewer"]}
    assert owner.ask("POST", f"/api/v1/projects/{owner.project}/memberships", roles).status == 200
    assert second.read() == {}
    assert second.write({"NAME": "1"}).status == 403


def test_a_personal_secret_stands_in_for_the_shared_one_for_its_user_only(owner: Caller, admin: Account) -> None:
    owner.write({"NAME": "shared"})
    body = {**owner.where(), "secretValue": "mine", "type": "personal"}
    assert owner.ask("POST", "/api/v4/secrets/NAME", body).status == 200
    assert owner.read() == {"NAME": "shared"}
    assert owner.read(includePersonalOverrides="true") == {"NAME": "mine"}
    assert member(owner, admin, "viewer").read(includePersonalOverrides="true") == {"NAME": "shared"}


def test_under_an_approval_policy_a_write_answers_200_and_changes_nothing(owner: Caller) -> None:
    owner.write({"NAME": "before"})
    policy = {"projectId": owner.project, "environment": "dev", "secretPath": "/", "approvers": [], "approvals": 1}
    made = owner.ask("POST", "/api/v1/secret-approvals", policy).body["approval"]["id"]
    for reply in (owner.change("upsert", {"NAME": "after"}), owner.write({"NEW": "1"})):
        assert (reply.status, [*reply.body]) == (200, ["approval"])
    assert owner.read() == {"NAME": "before"}
    assert owner.write({"FREE": "1"}, environment="prod").body["secrets"]
    assert owner.ask("DELETE", f"/api/v1/secret-approvals/{made}").status == 200
    assert "secrets" in owner.change("upsert", {"NAME": "after"}).body


def identity_with(owner: Caller, admin: Account, **settings: int) -> tuple[str, str]:
    """The id and client id of an identity with these settings of universal auth."""
    body = {"name": "timed", "organizationId": admin.organization_id}
    made = owner.ask("POST", "/api/v1/identities", body).body["identity"]["id"]
    reply = owner.ask("POST", f"/api/v1/auth/universal-auth/identities/{made}", settings)
    assert reply.status == 200, reply.body
    return made, reply.body["identityUniversalAuth"]["clientId"]


def client_secret(owner: Caller, identity: str, **limits: int) -> tuple[str, str]:
    """The id and the text of a new client secret."""
    path = f"/api/v1/auth/universal-auth/identities/{identity}/client-secrets"
    body = owner.ask("POST", path, limits).body
    return body["clientSecretData"]["id"], body["clientSecret"]


def log_in(owner: Caller, client_id: str, secret: str) -> Reply:
    body = {"clientId": client_id, "clientSecret": secret}
    return owner.server.request("POST", "/api/v1/auth/universal-auth/login", body)


def test_three_refused_logins_lock_the_method_until_it_is_cleared(owner: Caller, admin: Account, redis: Redis) -> None:
    identity, client_id = identity_with(owner, admin)
    _, secret = client_secret(owner, identity)
    for _ in range(3):
        assert log_in(owner, client_id, "wrong").body["message"] == "Invalid credentials"
    locked = log_in(owner, client_id, secret)
    assert (locked.status, locked.body["error"]) == (401, "UnauthorizedError")
    assert "temporarily locked" in locked.body["message"]
    path = f"/api/v1/auth/universal-auth/identities/{identity}/clear-lockouts"
    assert owner.ask("POST", path).body == {"deleted": 1}
    assert log_in(owner, client_id, secret).status == 200


def test_an_unknown_client_is_refused_like_a_wrong_secret(owner: Caller) -> None:
    for client_id in ("00000000-0000-0000-0000-00000000dead", "no uuid"):
        reply = log_in(owner, client_id, "x")
        assert (reply.status, reply.body["error"]) == (401, "UnauthorizedError")


def test_a_client_secret_ends_with_its_uses_and_its_revocation(owner: Caller, admin: Account) -> None:
    identity, client_id = identity_with(owner, admin)
    _, once = client_secret(owner, identity, numUsesLimit=1)
    assert [log_in(owner, client_id, once).status for _ in range(2)] == [200, 401]
    secret_id, other = client_secret(owner, identity)
    path = f"/api/v1/auth/universal-auth/identities/{identity}/client-secrets"
    assert owner.ask("POST", f"{path}/{secret_id}/revoke").body["clientSecretData"]["isClientSecretRevoked"]
    assert log_in(owner, client_id, other).status == 401
    assert secret_id not in {entry["id"] for entry in owner.ask("GET", path).body["clientSecretData"]}


def test_a_token_ends_with_its_uses(owner: Caller, admin: Account) -> None:
    identity, client_id = identity_with(owner, admin, accessTokenNumUsesLimit=2)
    token = log_in(owner, client_id, client_secret(owner, identity)[1]).body["accessToken"]
    caller = Caller(owner.server, token, owner.project)
    assert [caller.ask("GET", "/api/v1/projects").status for _ in range(3)] == [200, 200, 401]


def test_a_token_ends_with_its_time_and_is_renewed_before(owner: Caller, admin: Account) -> None:
    identity, client_id = identity_with(owner, admin, accessTokenTTL=1, accessTokenMaxTTL=60)
    answer = log_in(owner, client_id, client_secret(owner, identity)[1]).body
    assert (answer["expiresIn"], answer["accessTokenMaxTTL"]) == (1, 60)
    body = {"accessToken": answer["accessToken"]}
    assert owner.server.request("POST", "/api/v1/auth/token/renew", body).status == 200
    caller = Caller(owner.server, answer["accessToken"], owner.project)
    limit = time.monotonic() + 10
    while (reply := caller.ask("GET", "/api/v1/projects")).status == 200 and time.monotonic() < limit:
        time.sleep(0.1)
    assert (reply.status, reply.body["error"]) == (401, "UnauthorizedError")
    assert caller.ask("GET", "/api/v1/projects").body["message"] == "No identity access token found"


def test_a_longer_ttl_than_the_maximum_and_narrower_addresses_are_refused(owner: Caller, admin: Account) -> None:
    body = {"name": "x", "organizationId": admin.organization_id}
    made = owner.ask("POST", "/api/v1/identities", body).body["identity"]["id"]
    path = f"/api/v1/auth/universal-auth/identities/{made}"
    assert owner.ask("POST", path, {"accessTokenTTL": 10, "accessTokenMaxTTL": 5}).status == 400
    narrow = owner.ask("POST", path, {"clientSecretTrustedIps": [{"ipAddress": "10.0.0.0/8"}]})
    assert (narrow.status, "plan" in narrow.body["message"]) == (400, True)


def test_every_refusal_has_an_id_of_its_request(owner: Caller) -> None:
    reply = owner.server.request("GET", "/api/v4/secrets", None, "not.a.token")
    assert (reply.status, reply.body["error"]) == (403, "TokenError")
    assert reply.body["reqId"].startswith("req-")


def test_a_body_that_is_no_object_is_refused(owner: Caller) -> None:
    assert owner.ask("POST", "/api/v1/projects", "text").status == 422


def test_no_rate_limit_is_set_by_default(owner: Caller) -> None:
    replies = [owner.ask("GET", "/api/v4/secrets", **owner.where()) for _ in range(70)]
    assert {reply.status for reply in replies} == {200}
    assert "x-ratelimit-limit" not in replies[0].headers


def test_a_thousand_secrets_are_written_and_read_in_two_requests(owner: Caller) -> None:
    values = {f"NAME_{number}": f"value {number}" for number in range(1000)}
    started = time.monotonic()
    assert owner.write(values).status == 200
    assert owner.read() == values
    assert time.monotonic() - started < 5
