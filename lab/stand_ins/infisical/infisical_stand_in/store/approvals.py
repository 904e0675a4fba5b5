# SPDX-License-Identifier: GPL-3.0-or-later
"""Approval policies: under one, a write makes a request instead of a change."""

from __future__ import annotations

from typing import Any

from ..crypto import new_client_secret
from ..database import Db, Row, as_id
from ..errors import not_found
from ..permissions import matches_glob
from ..web import Actor
from .secrets import Place


def add_policy(db: Db, env: Row, name: str, path: str | None, approvals: int) -> Row:
    return db.insert("secret_approval_policies", name=name, secretPath=path, approvals=approvals, envId=env["id"])


def project_of_policy(db: Db, policy_id: str) -> str:
    wanted = as_id(policy_id)
    row = wanted and db.one(
        """SELECT e."projectId" FROM secret_approval_policies p JOIN project_environments e ON e.id = p."envId"
           WHERE p.id = %s""",
        wanted,
    )
    if not row:
        raise not_found(f"Secret approval policy with ID '{policy_id}' not found")
    return str(row["projectId"])


def remove_policy(db: Db, policy_id: str) -> Row:
    return db.the("DELETE FROM secret_approval_policies WHERE id = %s RETURNING *", as_id(policy_id))


def request(db: Db, place: Place, actor: Actor, names: list[str]) -> dict[str, Any] | None:
    """The approval request that stands in for a write to this place; None where no policy holds."""
    policies = db.all('SELECT * FROM secret_approval_policies WHERE "envId" = %s', place.folder["envId"])
    policy = next((row for row in policies if matches_glob(row["secretPath"] or "/**", place.path)), None)
    if policy is None:
        return None
    row = db.insert(
        "secret_approval_requests",
        slug=new_client_secret()[:10],
        policyId=policy["id"],
        folderId=place.folder["id"],
        committerUserId=actor.id if actor.kind == "user" else None,
        secretKeys=names,
    )
    return {name: row[name] for name in row if name != "secretKeys"} | {"conflicts": None, "isReplicated": False}
