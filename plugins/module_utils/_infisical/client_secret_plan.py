# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do to the client secrets of one description: decided as a whole, then shown or done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import identities
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Universal
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.identities import (
    ClientSecret,
    NewClientSecret,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.kept_secret import KeptSecret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import text


@dataclass(frozen=True)
class Found:
    """client_id of the identity; what is not revoked, newest first; what the file says: None if there is none."""

    client_id: str
    secrets: list[ClientSecret]
    kept: dict[str, str] | None = None
    kept_exists: bool = False
    kept_is_private: bool = True


def find(client: Client, wanted: Mapping[str, Any], kept: KeptSecret | None) -> Found:
    """Raises InfisicalError if the identity has no universal auth."""
    settings = identities.universal_auth(client, wanted["identity_id"])
    if settings is None:
        raise InfisicalError(
            "The identity {} has no universal auth, or does not exist.".format(wanted["identity_id"]),
            "Make it with omakase.homelab.infisical_identity and universal_auth.",
        )
    return find_of(client, wanted, kept, text(settings, "clientId"))


def of(found: Found, client_id: str) -> Found:
    """The same for an identity whose universal auth was attached after this was found."""
    return replace(found, client_id=client_id)


def find_of(client: Client, wanted: Mapping[str, Any], kept: KeptSecret | None, client_id: str) -> Found:
    """The same for an identity whose universal auth is known."""
    everything = identities.client_secrets(client, wanted["identity_id"])
    named = [secret for secret in everything if secret.description == wanted["description"] and not secret.revoked]
    named.sort(key=lambda secret: secret.created, reverse=True)
    content = kept.read() if kept else None
    if content and content["identity_id"] != wanted["identity_id"]:
        content = None
    exists = kept is not None and kept.exists()
    private = not (kept and exists) or kept.is_private()
    return Found(client_id, named, content, exists, private)


@dataclass(frozen=True)
class ClientSecretPlan:
    """create: whether to make one; current: the id of the valid one otherwise; revoke: ids; and the file's steps.

    age: whole days of the one that was valid until now.
    """

    wanted: Mapping[str, Any]
    create: bool
    current: str
    revoke: list[str]
    delete_file: bool = False
    make_private: bool = False
    age: int | None = None

    def __bool__(self) -> bool:
        return bool(self.create or self.revoke or self.delete_file or self.make_private)

    def for_identity(self, identity_id: str) -> ClientSecretPlan:
        """The same for an identity that was made after this was planned."""
        return replace(self, wanted=dict(self.wanted, identity_id=identity_id))

    def as_diff(self) -> dict[str, Any]:
        if not self:
            return {"before": {}, "after": {}}
        before = {"valid": [self.current] if self.current else [], "to_revoke": self.revoke}
        after = {"valid": ["new"] if self.create else before["valid"], "to_revoke": []}
        return {"before": before, "after": after}

    def preview(self, found: Found) -> dict[str, Any]:
        return self._result(found, self.current)

    def perform(self, client: Client, found: Found, kept: KeptSecret | None) -> dict[str, Any]:
        """Makes first and revokes afterwards: whoever is stopped in between has a valid one."""
        result = self._result(found, self.current)
        if self.create:
            result.update(self._create(client, found, kept))
        for secret_id in self.revoke:
            identities.revoke_client_secret(client, self.wanted["identity_id"], secret_id)
        if kept and self.delete_file:
            kept.delete()
        elif kept and self.make_private:
            kept.make_private()
        return result

    def _create(self, client: Client, found: Found, kept: KeptSecret | None) -> dict[str, Any]:
        wanted = self.wanted
        created = identities.create_client_secret(
            client, wanted["identity_id"], wanted["description"], wanted["ttl"], wanted["num_uses_limit"]
        )
        if wanted.get("prove"):
            self._prove(client, found.client_id, created)
        if kept is None:
            return {"client_secret_id": created.id, "client_secret": created.secret}
        kept.write(
            {
                "client_id": found.client_id,
                "client_secret": created.secret,
                "client_secret_id": created.id,
                "identity_id": wanted["identity_id"],
                "description": wanted["description"],
            }
        )
        return {"client_secret_id": created.id}

    def _prove(self, client: Client, client_id: str, created: NewClientSecret) -> None:
        """Raises InfisicalError if nobody can log in with it; it is revoked then, and the older ones stay."""
        try:
            Universal(client_id, created.secret).login(client.exchange)
        except InfisicalError as error:
            identities.revoke_client_secret(client, self.wanted["identity_id"], created.id)
            raise InfisicalError(
                f"The new client secret does not work and was revoked; the old one stays in force. {error.problem}",
                error.advice,
                error.status,
                error.error,
                error.message,
            ) from None

    def _result(self, found: Found, secret_id: str) -> dict[str, Any]:
        result: dict[str, Any] = {"client_id": found.client_id, "revoked": self.revoke}
        if self.wanted["state"] == "present":
            result["client_secret_id"] = secret_id
            result["age_days"] = self.age
            result["superseded"] = [s.id for s in found.secrets if s.id != secret_id and s.id not in self.revoke]
        return result


def plan_client_secret(wanted: Mapping[str, Any], found: Found) -> ClientSecretPlan:
    """wanted: the module's parameters."""
    if wanted["state"] == "absent":
        revoke = [secret.id for secret in found.secrets]
        return ClientSecretPlan(wanted, False, "", revoke, delete_file=found.kept_exists)
    current = _current(wanted, found)
    present = next((secret for secret in found.secrets if secret.id == current), None)
    replace = wanted["rotate"] or present is None or _differs(wanted, present) or _is_old(wanted, present)
    ending = present is not None and is_ending(wanted, present)
    age = present.age_in_days if present else None
    if not replace and not ending:
        revoke = [secret.id for secret in found.secrets if secret.id != current]
        superseded = revoke if wanted.get("revoke_superseded") else []
        return ClientSecretPlan(
            wanted,
            False,
            current,
            superseded,
            make_private=not found.kept_is_private,
            age=age,
        )
    # Those that may stay: only what works, and what somebody is known to hold comes first.
    usable = [secret.id for secret in found.secrets if secret.usable]
    usable.sort(key=lambda secret_id: secret_id != current)
    # One that ends by itself works on until then, for those who have not got the new one yet.
    keep = usable[: wanted["overlap"] if replace else max(1, wanted["overlap"])]
    revoke = [secret.id for secret in found.secrets if secret.id not in keep]
    return ClientSecretPlan(wanted, True, "", revoke, age=age)


def is_ending(wanted: Mapping[str, Any], secret: ClientSecret) -> bool:
    """Whether there is little left of its time or its uses."""
    soon = secret.seconds_left is not None and secret.seconds_left <= wanted["renew_before"]
    return soon or (secret.uses_left is not None and secret.uses_left <= wanted["renew_uses"])


def _is_old(wanted: Mapping[str, Any], secret: ClientSecret) -> bool:
    limit = wanted.get("rotate_after") or 0
    return bool(limit) and secret.age_in_days is not None and secret.age_in_days >= limit


def _differs(wanted: Mapping[str, Any], secret: ClientSecret) -> bool:
    """Whether it has not the end that is wanted; one that is to have none may have any."""
    return (wanted["ttl"] or secret.ttl, wanted["num_uses_limit"] or secret.uses_limit) != (
        secret.ttl,
        secret.uses_limit,
    )


def refuse_endless_renewal(wanted: Mapping[str, Any]) -> None:
    """Raises InfisicalError if a new client secret would have to be renewed at once."""
    for limit, margin in (("ttl", "renew_before"), ("num_uses_limit", "renew_uses")):
        if wanted[limit] and wanted[margin] >= wanted[limit]:
            raise InfisicalError(
                f"{margin} is {wanted[margin]} and {limit} {wanted[limit]}: a new client secret would end too soon.",
                f"Make {margin} smaller than {limit}.",
            )


def _current(wanted: Mapping[str, Any], found: Found) -> str:
    """The id of the client secret that is in use; empty if there is none, or if its text is lost."""
    usable = [secret.id for secret in found.secrets if secret.usable]
    if not wanted["dest"]:
        return usable[0] if usable else ""
    kept = found.kept["client_secret_id"] if found.kept else ""
    return kept if kept in usable else ""
