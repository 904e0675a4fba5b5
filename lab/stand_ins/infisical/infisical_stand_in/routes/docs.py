# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's description of itself, as far as a client asks it which routes there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..web import Area, Call, Route
from .instance import NOBODY


def docs_area(routes: Callable[[], Iterable[Route]]) -> Area:
    """GET /api/docs/json over these routes."""
    area = Area()

    @area.route("GET", "/api/docs/json", actors=NOBODY, limit="none")
    def docs(_: Call) -> Any:
        paths: dict[str, dict[str, Any]] = {}
        for route in routes():
            operation = {"responses": {"200": {"description": "Default Response"}}}
            paths.setdefault("/" + "/".join(route.segments), {})[route.method.lower()] = operation
        return {
            "openapi": "3.0.3",
            "info": {"title": "Infisical API (the lab's stand-in)", "version": "0.0.1"},
            "paths": dict(sorted(paths.items())),
        }

    return area
