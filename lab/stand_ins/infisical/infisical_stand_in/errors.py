# SPDX-License-Identifier: GPL-3.0-or-later
"""The refusals of the API, each with the status, `error` and `message` that the real server gives."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than 200. `message` is text, or for a validation failure a list of issues."""

    def __init__(self, status: int, error: str, message: Any, details: Any = None) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.error = error
        self.message = message
        self.details = details
        self.keeps_changes = False  # commit what was done before refusing
        self.headers: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """The JSON object of the answer, without `reqId`."""
        found: dict[str, Any] = {"statusCode": self.status, "message": self.message, "error": self.error}
        if self.details is not None:
            found["details"] = self.details
        return found


class StartError(Exception):
    """The server cannot start; the text says why. The process ends with 1."""


def bad_request(message: str, error: str = "BadRequest") -> ApiError:
    return ApiError(400, error, message)


def unauthorized(message: str, error: str = "UnauthorizedError") -> ApiError:
    return ApiError(401, error, message)


def token_error(message: str) -> ApiError:
    return ApiError(403, "TokenError", message)


def no_access(error: str) -> ApiError:
    """A refusal that says its reason in `error`, as for a caller outside the project."""
    return ApiError(403, error, "You are not allowed to access this resource")


def permission_denied(action: str, subject: str) -> ApiError:
    return ApiError(403, "PermissionDenied", f"You are not allowed to {action} on {subject}")


def not_found(message: str, error: str = "NotFound") -> ApiError:
    return ApiError(404, error, message)


def no_folder(path: str, environment: str, error: str) -> ApiError:
    return not_found(f"Folder with path '{path}' in environment with slug '{environment}' not found", error)


def no_route(method: str, target: str) -> ApiError:
    return ApiError(404, "Not Found", f"Route {method}:{target} not found")
