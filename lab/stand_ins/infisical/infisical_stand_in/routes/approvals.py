# SPDX-License-Identifier: GPL-3.0-or-later
"""Approval policies: the way for a test to make writes answer with `approval`."""

from __future__ import annotations

from typing import Any

from ..permissions import find_project, open_project, project_rights
from ..store import approvals, folders
from ..validation import anything, name, number, text
from ..web import Area, Call

area = Area()


@area.route(
    "POST",
    "/api/v1/secret-approvals",
    body={
        "projectId": text().optional(""),
        "workspaceId": text().optional(""),
        "environment": name(),
        "name": text().optional("policy"),
        "secretPath": text(clean=str.strip).or_null(),
        "approvers": anything(),
        "approvals": number(minimum=1).optional(1),
    },
)
def create(call: Call) -> Any:
    body = call.body
    project = open_project(call.db, call.actor, body["projectId"] or body["workspaceId"], "create", "secret-approval")
    env = folders.environment_or_refuse(call.db, project, body["environment"])
    row = approvals.add_policy(call.db, env, body["name"], body.get("secretPath"), body["approvals"])
    return {"approval": {**row, "environment": {"id": env["id"], "name": env["name"], "slug": env["slug"]}}}


@area.route("DELETE", "/api/v1/secret-approvals/{policyId}")
def delete(call: Call) -> Any:
    project_id = approvals.project_of_policy(call.db, call.params["policyId"])
    project = find_project(call.db, call.actor, project_id)
    project_rights(call.db, call.actor, project).require("delete", "secret-approval")
    return {"approval": approvals.remove_policy(call.db, call.params["policyId"])}
