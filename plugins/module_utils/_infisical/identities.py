# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machine identities on the server: their role, membership, universal auth and client secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import (
    Call,
    Json,
    get,
    segment,
    write,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import number, record, records, text

_MAY_MANAGE = "May this identity manage identities of the organisation?"


@dataclass(frozen=True)
class Identity:
    """A machine identity; role is the slug of its role in the organisation."""

    id: str
    name: str
    role: str


def by_name(client: Client, organization_id: str, name: str) -> Identity | None:
    """The only identity of that name, or None. The server would make a second one, so this comes first."""
    return only(everyone(client, organization_id), name)


def everyone(client: Client, organization_id: str) -> list[Identity]:
    """All identities of the organisation."""
    answer = client.call(get("/api/v1/identities", _MAY_MANAGE, {"orgId": organization_id}))
    return [_identity(item) for item in records(answer, "identities")]


def only(identities: Sequence[Identity], name: str) -> Identity | None:
    """The one of that name, or None."""
    found = [item for item in identities if item.name == name]
    if len(found) > 1:
        ids = ", ".join(identity.id for identity in found)
        raise InfisicalError(
            f"{len(found)} identities of the organisation are called {name}: {ids}.",
            "Delete all but one, or give the one that is meant another name.",
        )
    return found[0] if found else None


def create(client: Client, organization_id: str, name: str, role: str) -> Identity:
    body: Json = {"name": name, "organizationId": organization_id, "role": role}
    answer = client.call(write("POST", "/api/v1/identities", body, _MAY_MANAGE))
    return Identity(text(record(answer, "identity"), "id"), name, role)


def update(client: Client, identity_id: str, role: str) -> None:
    client.call(write("PATCH", "/api/v1/identities/" + segment(identity_id), {"role": role}, _MAY_MANAGE))


def delete(client: Client, identity_id: str) -> None:
    client.call(write("DELETE", "/api/v1/identities/" + segment(identity_id), {}, _MAY_MANAGE))


def project_roles(client: Client, project_id: str, identity_id: str) -> list[str] | None:
    """Slugs of the identity's roles in the project, sorted; None if it does not belong to it."""
    try:
        answer = client.ask(eras.get_membership(project_id, identity_id))
    except InfisicalError as error:
        if error.missing:
            return None
        raise
    return sorted(_role(item) for item in records(record(answer, "identityMembership"), "roles"))


def members(client: Client, project_id: str) -> list[tuple[Identity, list[str]]]:
    """The identities that belong to the project, each with the slugs of its roles there; role is not told."""
    found = []
    for item in records(client.ask(eras.list_memberships(project_id)), "identityMemberships"):
        who = record(item, "identity")
        roles = sorted(_role(role) for role in records(item, "roles"))
        found.append((Identity(text(who, "id") or text(item, "identityId"), text(who, "name"), ""), roles))
    return found


def set_project_roles(client: Client, project_id: str, identity_id: str, roles: Sequence[str], member: bool) -> None:
    method = "PATCH" if member else "POST"
    try:
        client.ask(eras.write_membership(method, project_id, identity_id, roles))
    except InfisicalError as error:
        if "RBAC restriction" not in error.message:
            raise
        raise InfisicalError(
            f"{client.server} gives no role of your own to an identity on its present plan"
            f" (wanted: {', '.join(roles)}).",
            "Take admin, member, viewer or no-access, or say with access which environments and paths it may read"
            " and write: that needs no plan.",
            error.status,
            error.error,
            error.message,
        ) from None


def leave_project(client: Client, project_id: str, identity_id: str) -> None:
    client.ask(eras.write_membership("DELETE", project_id, identity_id, []))


def projects_of(client: Client, identity_id: str) -> dict[str, str]:
    """Names of the projects that the identity belongs to, by id."""
    path = f"/api/v1/identities/{segment(identity_id)}/identity-memberships"
    found = [record(item, "project") for item in records(client.call(get(path, _MAY_MANAGE)), "identityMemberships")]
    return {text(project, "id"): text(project, "name") for project in found}


def universal_auth(client: Client, identity_id: str) -> Json | None:
    """Settings as the server has them, clientId included; None if the identity has no universal auth."""
    try:
        answer = client.call(_universal("GET", identity_id))
    except InfisicalError as error:
        if error.missing:
            return None
        raise
    return record(answer, "identityUniversalAuth")


def set_universal_auth(client: Client, identity_id: str, settings: Json, attached: bool) -> Json:
    """The settings afterwards. settings: fields of the API that are to differ."""
    answer = client.call(_universal("PATCH" if attached else "POST", identity_id, body=settings))
    return record(answer, "identityUniversalAuth")


@dataclass(frozen=True)
class ClientSecret:
    """What the server tells of a client secret, never the secret itself. usable: not revoked, expired or used up.

    ttl, uses_limit: 0 for none. uses: how often it was used. seconds_left, uses_left: None where there is no end.
    age_in_days: None if not told.
    """

    id: str
    description: str
    usable: bool
    revoked: bool = False
    created: str = ""
    ttl: int = 0
    uses: int = 0
    uses_limit: int = 0
    seconds_left: float | None = None
    uses_left: int | None = None
    age_in_days: int | None = None


@dataclass(frozen=True)
class NewClientSecret:
    """A client secret at the only time that the server shows it."""

    id: str
    secret: str


def client_secrets(client: Client, identity_id: str) -> list[ClientSecret]:
    """All of an identity, those that were revoked or used up included."""
    answer = client.call(_universal("GET", identity_id, "/client-secrets"))
    now = client.now()
    return [_client_secret(item, now) for item in records(answer, "clientSecretData")]


def create_client_secret(
    client: Client, identity_id: str, description: str, ttl: int, num_uses_limit: int
) -> NewClientSecret:
    """ttl in seconds; 0 stands for no limit in both."""
    body: Json = {"description": description, "ttl": ttl, "numUsesLimit": num_uses_limit}
    answer = client.call(_universal("POST", identity_id, "/client-secrets", body))
    made = NewClientSecret(text(record(answer, "clientSecretData"), "id"), text(answer, "clientSecret"))
    if not (made.id and made.secret):
        raise InfisicalError(f"{client.server} made a client secret and did not tell it.", "Revoke it there.")
    return made


def revoke_client_secret(client: Client, identity_id: str, client_secret_id: str) -> None:
    suffix = f"/client-secrets/{segment(client_secret_id)}/revoke"
    client.call(_universal("POST", identity_id, suffix, {}))


def _universal(method: str, identity_id: str, suffix: str = "", body: Json | None = None) -> Call:
    path = f"/api/v1/auth/universal-auth/identities/{segment(identity_id)}{suffix}"
    if method == "GET":
        return get(path, _MAY_MANAGE)
    return write(method, path, body or {}, _MAY_MANAGE)


def _identity(item: Mapping[str, Any]) -> Identity:
    inner = record(item, "identity")
    role = text(item, "role")
    if role == "custom":
        role = text(record(item, "customRole"), "slug")
    return Identity(text(inner, "id"), text(inner, "name"), role)


def _role(item: Mapping[str, Any]) -> str:
    return text(item, "customRoleSlug") if text(item, "role") == "custom" else text(item, "role")


def _client_secret(item: Mapping[str, Any], now: datetime) -> ClientSecret:
    limit, ttl = number(item, "clientSecretNumUsesLimit"), number(item, "clientSecretTTL")
    uses = number(item, "clientSecretNumUses")
    uses_left = limit - uses if limit else None
    created = _moment(text(item, "createdAt"))
    seconds_left = ttl - (now - created).total_seconds() if ttl and created else None
    revoked = bool(item.get("isClientSecretRevoked"))
    return ClientSecret(
        id=text(item, "id"),
        description=text(item, "description"),
        usable=not revoked and (uses_left is None or uses_left > 0) and (seconds_left is None or seconds_left > 0),
        revoked=revoked,
        created=text(item, "createdAt"),
        ttl=ttl,
        uses=uses,
        uses_limit=limit,
        seconds_left=seconds_left,
        uses_left=uses_left,
        age_in_days=(now - created).days if created else None,
    )


def _moment(stamp: str) -> datetime | None:
    """A time of the API, None for what is no moment; Python 3.9 does not know its Z."""
    try:
        moment = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def full_address(address: str) -> str:
    """An address with the length of its network, as servers give it back: 10.0.0.1 is 10.0.0.1/32."""
    if "/" in address:
        return address
    return address + ("/128" if ":" in address else "/32")


def trusted_ips(addresses: Sequence[str]) -> list[dict[str, str]]:
    """Addresses and networks as the API takes them."""
    return [{"ipAddress": address} for address in addresses]


def found_ips(settings: Mapping[str, Any], name: str) -> list[str]:
    """Addresses and networks of a setting, as trusted_ips would be given them, sorted."""
    found = []
    for item in records(settings, name):
        prefix = item.get("prefix")
        address = text(item, "ipAddress")
        found.append(full_address(address) if prefix is None else f"{address}/{prefix}")
    return sorted(found)
