# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes, and how a request runs through one: caller, limit, validation, handler, one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from .database import Db
from .keys import KeyRing
from .limits import Limits
from .settings import Settings
from .validation import Schema

Handler = Callable[["Call"], Any]
NEWER_PATHS = (
    "/api/v1/admin/bootstrap",
    "/api/v1/projects",
    "/api/v2/folders",
    "/api/v2/identity-project-additional-privilege",
    "/api/v2/secret-imports",
    "/api/v4/",
)
NEWER_ENDS = ("/clear-lockouts",)
PEOPLE = frozenset({"user"})
ANYONE = frozenset({"user", "identity"})


@dataclass(frozen=True)
class Actor:
    """Who calls: a user or a machine identity, always of one organisation (None: a user who chose none yet)."""

    kind: str
    id: Any
    name: str
    org_id: Any
    org_role: str
    super_admin: bool = False

    def as_author(self) -> dict[str, Any]:
        """What a secret remembers of its last writer."""
        return {
            "actorId": str(self.id),
            "actorType": self.kind,
            "name": self.name,
            "membershipId": None,
            "groupId": None,
        }


@dataclass
class Services:
    """What lives as long as the server."""

    settings: Settings
    limits: Limits
    keys: KeyRing


@dataclass
class Call:
    """One request, as a handler sees it."""

    services: Services
    db: Db
    headers: dict[str, str]
    params: dict[str, str]
    query: dict[str, Any]
    body: dict[str, Any]
    caller: Actor | None

    @property
    def actor(self) -> Actor:
        if self.caller is None:
            raise LookupError("this route lets anonymous callers in")
        return self.caller

    @property
    def is_current(self) -> bool:
        return self.services.settings.is_current


@dataclass(frozen=True)
class Route:
    method: str
    segments: tuple[str, ...]
    handler: Handler
    actors: frozenset[str]
    limit: str
    query: Schema
    body: Schema

    @property
    def name(self) -> str:
        return f"{self.method} /" + "/".join(self.segments)

    @property
    def is_old(self) -> bool:
        """Did the server of the v3 era have it?"""
        path = self.name.partition(" ")[2]
        return not path.startswith(NEWER_PATHS) and not path.endswith(NEWER_ENDS)

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """The parameters in the path, or None when it is another's."""
        if len(segments) != len(self.segments):
            return None
        found: dict[str, str] = {}
        for mine, given in zip(self.segments, segments):
            if mine.startswith("{"):
                found[mine[1:-1]] = unquote(given)
            elif mine != given:
                return None
        return found


class Area:
    """The routes of one area of the API."""

    def __init__(self) -> None:
        self.routes: list[Route] = []

    def route(
        self,
        method: str,
        *paths: str,
        actors: frozenset[str] = ANYONE,
        limit: str = "",
        query: Schema | None = None,
        body: Schema | None = None,
    ) -> Callable[[Handler], Handler]:
        """Serve all of these paths with one handler. `limit`: read, write or secrets; by the method if not given."""

        def register(handler: Handler) -> Handler:
            for path in paths:
                self.routes.append(
                    Route(
                        method,
                        tuple(path.strip("/").split("/")),
                        handler,
                        actors,
                        limit or ("read" if method == "GET" else "write"),
                        query or {},
                        body or {},
                    )
                )
            return handler

        return register


class Router:
    """Finds routes. Literal segments win over parameters, as in the real server."""

    def __init__(self, areas: Iterable[Area], is_current: bool) -> None:
        routes = [route for area in areas for route in area.routes if is_current or route.is_old]
        self.routes = sorted(routes, key=lambda route: [part.startswith("{") for part in route.segments])

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """`path` still percent-encoded, so that a name may hold a slash."""
        segments = path.strip("/").split("/")
        for route in self.routes:
            if route.method == method:
                params = route.match(segments)
                if params is not None:
                    return route, params
        return None
