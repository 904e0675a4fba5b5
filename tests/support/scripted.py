# SPDX-License-Identifier: GPL-3.0-or-later
"""A transport that is a script: it fails on a request that does not come next, and on one that never came."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import (
    Answer,
    ConnectionFailedError,
    Request,
)

URL = "https://vault.test"


@dataclass
class Expected:
    """A request that has to come next, and what it is answered."""

    asked: str
    answer: Answer | ConnectionFailedError
    query: dict[str, str] | None = None
    body: dict[str, Any] | None = None
    token: str | None = None


@dataclass
class Scripted:
    """The transport. `pauses` are what the client waited instead of sleeping."""

    expected: list[Expected] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def on(
        self,
        asked: str,
        answer: Any = None,
        status: int = 200,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Scripted:
        """Expects "METHOD /path". answer: a JSON value, bytes as they are, or the ConnectionFailedError to raise.

        query and body: parts that the request must have.
        """
        if isinstance(answer, ConnectionFailedError):
            self.expected.append(Expected(asked, answer, query, body, token))
        else:
            content = answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode()
            self.expected.append(Expected(asked, Answer(status, headers or {}, content), query, body, token))
        return self

    def refuse(self, asked: str, status: int, error: str = "", message: Any = "", **more: Any) -> Scripted:
        """Expects a request and refuses it in the server's way."""
        return self.on(asked, {"statusCode": status, "error": error, "message": message}, status, **more)

    def unknown(self, asked: str) -> Scripted:
        """Expects a request for a route that this server does not have."""
        method, path = asked.split(" ")
        return self.refuse(asked, 404, "Not Found", f"Route {method}:{path} not found")

    def send(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        asked = f"{request.method} {parts.path}"
        assert self.expected, f"unexpected request: {asked}"
        expected = self.expected.pop(0)
        assert asked == expected.asked, f"{asked} came, {expected.asked} was expected"
        self.requests.append(request)
        _holds(dict(parse_qsl(parts.query, keep_blank_values=True)), expected.query, asked)
        _holds(json.loads(request.body or b"{}"), expected.body, asked)
        if expected.token is not None:
            assert request.headers["Authorization"] == f"Bearer {expected.token}"
        if isinstance(expected.answer, ConnectionFailedError):
            raise expected.answer
        return expected.answer

    def exchange(self, retries: int = 4) -> Exchange:
        """An exchange over this transport that does not sleep."""
        return Exchange(URL, self, retries, sleep=self.pauses.append, chance=lambda: 0.5)

    def finish(self) -> None:
        assert not self.expected, f"never asked: {[expected.asked for expected in self.expected]}"


def _holds(found: dict[str, Any], wanted: dict[str, Any] | None, asked: str) -> None:
    for name, value in (wanted or {}).items():
        assert found.get(name) == value, f"{asked}: {name} is {found.get(name)!r} and not {value!r}"
