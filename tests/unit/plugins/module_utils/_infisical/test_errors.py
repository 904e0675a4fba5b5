# SPDX-License-Identifier: GPL-3.0-or-later
"""What an answer means: decided by its error field, since servers swap the meaning of statuses."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, "UnauthorizedError", "No identity access token found"),
        (401, "UnauthorizedError", "Token missing"),
        (403, "TokenError", "invalid token"),
        (403, "UnauthorizedError", "Failed to authorize"),
        (500, "InternalServerError", "jwt expired"),
        (500, "", "jwt malformed"),
        (500, "", "invalid signature"),
    ],
)
def test_a_refused_token_is_recognised_in_both_generations(status: int, error: str, message: str) -> None:
    assert InfisicalError("", "", status, error, message).token_refused


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        (401, "PermissionDenied", "You are not allowed"),
        (403, "PermissionDenied", "You are not allowed"),
        (403, "PermissionBoundaryError", "more than your own"),
        (401, "ValidationFailure", "list"),
        (403, "ValidationFailure", "list"),
        (403, "Identity is not a member of the specified project with ID 'x'", "You are not allowed"),
        (403, "Forbidden access to /api/v1/workspace", "You are not allowed"),
        (500, "Create", "Something went wrong"),
        (404, "NotFound", "token"),
        (0, "", ""),
    ],
)
def test_a_new_login_is_not_tried_where_it_cannot_help(status: int, error: str, message: str) -> None:
    assert not InfisicalError("", "", status, error, message).token_refused


def test_a_missing_route_is_not_a_missing_thing() -> None:
    route = InfisicalError("", "", 404, "Not Found", "Route GET:/api/v4/secrets not found")
    thing = InfisicalError("", "", 404, "NotFound", "Secret with name 'X' not found")
    july = InfisicalError("", "", 400, "BadRequest", "Secret not found")
    assert (route.unknown_route, route.missing) == (True, False)
    assert (thing.unknown_route, thing.missing) == (False, True)
    assert july.missing
