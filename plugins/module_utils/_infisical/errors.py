# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error of the client: what was asked, of whom, what came back, what to do."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.words import printable


class InfisicalError(Exception):
    """Something that the user has to know, in one sentence or two; never holds a value.

    problem: what was asked, of whom, and what came back.
    advice: what to do about it.
    status, error, message: the fields of the server's answer, 0 and "" if there was none.
    """

    def __init__(
        self,
        problem: str,
        advice: str = "",
        status: int = 0,
        error: str = "",
        message: str = "",
    ) -> None:
        self.problem = printable(problem)  # both may hold words and names of the server's
        self.advice = printable(advice)
        super().__init__(" ".join(part for part in (self.problem, self.advice) if part))
        self.status = status
        self.error = error
        self.message = message

    @classmethod
    def of(cls, problems: Iterable[str]) -> InfisicalError:
        """One for several problems, a line for each."""
        error = cls("")
        error.problem = "\n".join(map(printable, problems))
        error.args = (error.problem,)
        return error

    @property
    def unknown_route(self) -> bool:
        """True if this server is of another era and does not know the route at all."""
        return self.status == 404 and self.message.startswith("Route ")

    @property
    def missing(self) -> bool:
        """True if the thing itself is missing: 404, or 400 on servers of mid-2024."""
        return self.status in (400, 404) and not self.unknown_route

    @property
    def token_refused(self) -> bool:
        """True if logging in anew may help. The error field decides, since statuses swap meaning between servers."""
        if self.status == 500:  # how servers of mid-2024 say that a token is expired or malformed
            said = (self.error + " " + self.message).lower()
            return any(word in said for word in ("jwt", "token", "signature"))
        if self.status not in (401, 403):
            return False
        if self.error in ("PermissionDenied", "PermissionBoundaryError", "ValidationFailure"):
            return False
        return "project" not in self.error.lower() and not self.error.startswith("Forbidden access")


class MissingFolderError(InfisicalError):
    """The folder does not exist, in an environment that does."""


class LoginRefusedError(InfisicalError):
    """The server does not accept the credentials. Never repeated: three failures lock an identity."""
