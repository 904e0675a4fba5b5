# SPDX-License-Identifier: GPL-3.0-or-later
"""The application: ASGI on the outside, one worker thread and one transaction for each request inside."""

from __future__ import annotations

import asyncio
import json
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import psycopg
import redis

from . import crypto
from .answers import encode
from .database import POOL_SIZE, Db, Pool
from .errors import ApiError, no_access, no_route, token_error, unauthorized
from .log import log
from .metrics import Metrics
from .routes import (
    approvals,
    docs,
    folders,
    identities,
    imports,
    instance,
    members,
    memberships,
    privileges,
    projects,
    secrets,
    sessions,
    token_auth,
    universal_auth,
)
from .store import people, tokens
from .validation import check
from .web import Actor, Call, Route, Router, Services

T = TypeVar("T")
Values = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
MODULES = (
    instance,
    sessions,
    members,
    projects,
    identities,
    universal_auth,
    token_auth,
    memberships,
    privileges,
    folders,
    secrets,
    imports,
    approvals,
)
AREAS = [module.area for module in MODULES]
# What the current server says in place of its library's words.
TOKEN_MESSAGES = {
    "jwt expired": "Your token has expired. Please re-authenticate.",
    "jwt malformed": "The provided access token is malformed. "
    "Please use a valid token or generate a new one and try again.",
}
WRONG = "Something went wrong"
NOT_JSON = "Body is not valid JSON but content-type is set to 'application/json'"
LARGEST_BODY = 10 * 1024 * 1024


class Answer:
    """Status, headers and bytes."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        is_page = isinstance(body, str)
        self.status = status
        self.content = body.encode() if isinstance(body, str) else encode(body)
        kind = "text/html" if is_page else "application/json"
        self.headers = {**(headers or {}), "content-type": f"{kind}; charset=utf-8"}


class App:
    """The ASGI application."""

    def __init__(self, services: Services, pool: Pool) -> None:
        self.services = services
        self.pool = pool
        self.metrics = Metrics()
        self.workers = ThreadPoolExecutor(POOL_SIZE)
        self.router = Router([*AREAS, docs.docs_area(lambda: self.router.routes)], services.settings.is_current)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        body = await _read(receive)
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self.workers, self.serve, scope, body)
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        headers.append((b"content-length", str(len(answer.content)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.content if scope["method"] != "HEAD" else b""})

    def serve(self, scope: Scope, body: bytes) -> Answer:
        """Answer one request, whatever happens, and log it without its contents."""
        started, request_id = time.monotonic(), f"req-{uuid.uuid4().hex[:14]}"
        try:
            answer = self._answer(scope, body)
        except ApiError as error:
            answer = Answer(error.status, self._refusal(error, request_id), error.headers)
        except (psycopg.Error, redis.RedisError) as error:
            log("ERROR", f"{type(error).__name__} while serving a request", reqId=request_id)
            answer = Answer(500, self._refusal(ApiError(500, "DatabaseError", WRONG), request_id))
        except Exception as error:  # a fault of ours must still be an answer
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename.rpartition('/')[2]}:{place.lineno}"
            log("ERROR", f"{type(error).__name__} at {where} while serving a request", reqId=request_id)
            answer = Answer(500, self._refusal(ApiError(500, "InternalServerError", WRONG), request_id))
        self.metrics.count(scope["method"], answer.status)
        log(
            "INFO",
            "request completed",
            reqId=request_id,
            req={"method": scope["method"], "url": scope["path"]},
            res={"statusCode": answer.status},
            responseTime=round((time.monotonic() - started) * 1000, 1),
        )
        return answer

    def _refusal(self, error: ApiError, request_id: str) -> dict[str, Any]:
        body = error.body()
        if not self.services.settings.is_current or error.error == "Not Found":
            return body
        if error.error == "TokenError":
            body["message"] = TOKEN_MESSAGES.get(error.message, error.message)
        return {"reqId": request_id, **body}

    def _answer(self, scope: Scope, body: bytes) -> Answer:
        target = scope["raw_path"].decode("ascii", "replace").partition("?")[0]
        query = scope["query_string"].decode("ascii", "replace")
        found = self.router.find("GET" if scope["method"] == "HEAD" else scope["method"], target)
        if found is None:
            raise no_route(scope["method"], f"{target}?{query}" if query else target)
        route, params = found
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        address = scope["client"][0] if scope.get("client") else ""
        # The caller has a transaction of its own: requests with one token would else wait for each other.
        caller = self._transact(lambda db: self._caller(db, headers, route)) if route.actors else None
        limits = self.services.limits.count(route.limit, route.name, address)
        try:
            values = self._validate(route, query, body)
            answer = self._transact(lambda db: route.handler(Call(self.services, db, headers, params, *values, caller)))
            return Answer(200, answer, limits)
        except ApiError as error:
            error.headers = {**limits, **error.headers}
            raise

    def _transact(self, step: Callable[[Db], T]) -> T:
        """The step's result, committed; rolled back when it raises, but for a refusal that keeps changes."""
        refusal = None
        with self.pool.transaction() as db:
            try:
                return step(db)
            except ApiError as error:
                if not error.keeps_changes:
                    raise
                refusal = error
        raise refusal

    def _caller(self, db: Db, headers: dict[str, str], route: Route) -> Actor:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if not token or scheme.lower() != "bearer":
            raise unauthorized("Token missing")
        claims = crypto.read_token(token.strip(), self.services.settings.auth_secret)
        kind = claims.get("authTokenType")
        if kind == "identityAccessToken":
            actor = tokens.identity_actor(db, claims)
        elif kind == "accessToken":
            actor = people.user_actor(db, claims)
        else:
            raise token_error("invalid token")
        if actor.kind not in route.actors:
            raise no_access(f"Forbidden access to {self._plain(route)}")
        return actor

    @staticmethod
    def _plain(route: Route) -> str:
        return re.sub(r"\{(\w+)\}", r":\1", "/" + "/".join(route.segments))

    def _validate(self, route: Route, query: str, body: bytes) -> tuple[Values, Values]:
        """The checked query and body."""
        asked, issues = check(route.query, dict(parse_qsl(query, keep_blank_values=True)))
        given, more = check(route.body, _parse(body)) if route.body else ({}, [])
        if issues or more:
            status = 422 if self.services.settings.is_current else 401
            raise ApiError(status, "ValidationFailure", [*issues, *more])
        return asked, given


def _parse(body: bytes) -> Any:
    if not body.strip():
        return {}
    try:
        return json.loads(body)
    except ValueError:
        raise ApiError(400, "Bad Request", NOT_JSON) from None


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body") or sum(map(len, parts)) > LARGEST_BODY:
            return b"".join(parts)


async def _lifespan(receive: Receive, send: Send) -> None:
    for phase in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{phase}.complete"})
