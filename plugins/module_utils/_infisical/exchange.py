# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON in, JSON out, with repeats where they cannot hurt; below the tokens and above the transport.

What may be repeated: reads on connection errors and 5xx; writes on 429 and 503, and where there was no connection at
all; a refused login never.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any, Callable
from urllib.parse import quote, urlencode

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import (
    InfisicalError,
    LoginRefusedError,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import (
    Answer,
    ConnectionFailedError,
    Request,
    Transport,
)
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted import answers
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.words import printable

Json = dict[str, Any]

# A server that asks for more patience than this (seconds) is not waited for; in all, not for one call.
LONGEST_WAIT = 120.0
LONGEST_WAITS = 300.0
_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 10.0
_LONGEST_WORDS = 300
# The fields of a request whose text must never come back in a message.
_SENSITIVE = ("secretValue", "clientSecret", "password", "accessToken", "jwt", "iamRequestHeaders", "iamRequestBody")


class Kind(Enum):
    """What a repeat could do: nothing (READ), harm (WRITE), or lock an identity (LOGIN)."""

    READ = "read"
    WRITE = "write"
    LOGIN = "login"


@dataclass(frozen=True)
class Call:
    """One operation of the API; path segments are already quoted."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = field(default=None, repr=False)
    kind: Kind = Kind.READ
    advice: str = ""

    @property
    def asked(self) -> str:
        return f"{self.method} {self.path}"


def get(path: str, advice: str = "", query: Mapping[str, str] | None = None) -> Call:
    return Call("GET", path, query=query or {}, advice=advice)


def write(method: str, path: str, body: Json, advice: str = "") -> Call:
    return Call(method, path, body=body, kind=Kind.WRITE, advice=advice)


def segment(name: str) -> str:
    """A name as one segment of a path: A/B and A?B must not become other names."""
    return quote(name, safe="")


class Exchange:
    """Sends calls to one server.

    base_url: scheme, host, port and path of the server, without /api.
    retries: how often a call is repeated at most.
    """

    def __init__(
        self,
        base_url: str,
        transport: Transport,
        retries: int = 4,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.base_url = base_url
        self.transport = transport
        self.retries = retries
        self.sleep = sleep
        self.chance = chance
        self._date = ""
        self._came = 0.0

    def send(self, call: Call, token: str | None = None) -> Json:
        """The answer as JSON. Raises InfisicalError, LoginRefusedError for credentials that are not accepted."""
        attempt, waited = 0, 0.0
        while True:
            try:
                answer = self.transport.send(self._request(call, token))
                self._date, self._came = answer.headers.get("date", ""), time.monotonic()
                result = _decoded(answer) if 200 <= answer.status < 300 else None
                if result is not None:
                    return result
                pause = self._pause_after(call, answer, attempt, token is not None)
                if pause is None or attempt == self.retries or waited + pause > LONGEST_WAITS:
                    raise self._refusal(call, answer, token)
            except ConnectionFailedError as failure:
                risky = call.kind is Kind.WRITE and not failure.unsent
                if failure.permanent or risky or attempt == self.retries:
                    raise self._unreachable(call, failure, attempt) from None
                pause = self._backoff(attempt)
            self.sleep(pause)
            waited += pause
            attempt += 1

    def now(self) -> datetime:
        """The server's time, as its last answer said; by it, and not by ours, its secrets were made and expire."""
        from email.utils import parsedate_to_datetime

        try:
            told = parsedate_to_datetime(self._date).astimezone(timezone.utc)
            # The header leaves out the part of a second: what was written in it would lie in the future.
            return told + timedelta(seconds=1 + time.monotonic() - self._came)
        except (IndexError, OverflowError, TypeError, ValueError):  # none, or nothing that is a date
            return datetime.now(timezone.utc)

    def _request(self, call: Call, token: str | None) -> Request:
        headers = {"Accept": "application/json"}
        body = None
        if token is not None:
            headers["Authorization"] = "Bearer " + token
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(call.body).encode()
        url = self.base_url + call.path
        if call.query:
            url += "?" + urlencode(call.query, quote_via=quote)
        return Request(call.method, url, headers, body)

    def _pause_after(self, call: Call, answer: Answer, attempt: int, with_token: bool) -> float | None:
        """Seconds to wait before the call is repeated; None if it must not be."""
        if not _repeatable(call.kind, answer.status):
            return None
        if with_token and _fields(answer)["token_refused"]:
            return None  # the client logs in anew first
        wanted = _retry_after(answer)
        if wanted is None:
            return self._backoff(attempt)
        if wanted > LONGEST_WAIT:
            return None
        return wanted + self.chance()

    def _backoff(self, attempt: int) -> float:
        """Exponential with full jitter, so that ten forks do not come back together."""
        return min(_LONGEST_PAUSE, _FIRST_PAUSE * float(2**attempt)) * (0.5 + self.chance() / 2)

    def _unreachable(self, call: Call, failure: ConnectionFailedError, attempt: int) -> InfisicalError:
        tries = "" if attempt == 0 else f" in {attempt + 1} attempts"
        problem = f"{self.base_url} gave no answer to {call.asked}{tries}: {failure}."
        advice = "Is the address (url) right, and does the server run?"
        if failure.advice:
            advice = failure.advice
        elif call.kind is Kind.WRITE and not failure.unsent:
            advice = "Nothing was repeated, since the server may have done it: run again to find out."
        return InfisicalError(problem, advice)

    def _refusal(self, call: Call, answer: Answer, token: str | None) -> InfisicalError:
        said = _fields(answer)
        sensitive = [*_sensitive(call.body), *([token] if token else [])]
        # Cut last: of a text that is cut in two the first half would stay.
        told, error = (printable(_without(said[name], sensitive)[:_LONGEST_WORDS]) for name in ("message", "error"))
        words = " ".join(word for word in (str(answer.status), error) if word)
        problem = f"{self.base_url} refused {call.asked} ({words})"
        problem += (f": {told}" if told.endswith(("?", "!")) else f": {told.rstrip('.')}.") if told else "."
        advice = call.advice
        kind = InfisicalError
        if 300 <= answer.status < 400:
            problem = f"{self.base_url} sends {call.asked} elsewhere ({answer.status})."
            advice = "Set url to the address that it redirects to, most often the same with https."
        elif answer.status == 429:
            advice = "It limits the rate of requests: wait, or raise its limits."
        elif 200 <= answer.status < 300:
            problem = f"{self.base_url} answered {call.asked} with something that is not JSON ({answer.status})."
            advice = "Is url the address of Infisical itself, and not of a page before it?"
        elif call.kind is Kind.LOGIN and answer.status < 500 and not said["message"].startswith("Route "):
            kind = LoginRefusedError
        return kind(problem, advice, answer.status, said["error"], said["message"])


def _repeatable(kind: Kind, status: int) -> bool:
    if status in (429, 503):
        return True
    if kind is Kind.READ:
        # A page that is not JSON comes from a proxy, or is half an answer.
        return status >= 500 or 200 <= status < 300
    return kind is Kind.LOGIN and status in (502, 504)


def _decoded(answer: Answer) -> Json | None:
    """The JSON object of an answer; None if it holds none."""
    try:
        result = answers.parsed(answer.body)
    except ValueError:
        return None
    return result if isinstance(result, dict) else None


def _fields(answer: Answer) -> Json:
    """error and message as text, whatever the body is: a proxy's page has neither."""
    body = _decoded(answer) or {}
    error = body.get("error")
    said = {"error": error if isinstance(error, str) else "", "message": _readable(body.get("message"))}
    probe = InfisicalError("", "", answer.status, said["error"], said["message"])
    return dict(said, token_refused=probe.token_refused)


def _readable(message: object) -> str:
    """The message of an error; a list of validation errors becomes "field: what" for each."""
    if isinstance(message, str):
        return message
    if not isinstance(message, list):
        return ""
    parts: list[str] = []
    for item in message:
        if isinstance(item, dict):
            path = item.get("path")
            where = ".".join(str(step) for step in path) if isinstance(path, list) else ""
            parts.append("{}: {}".format(where, item.get("message", "")))
    return "; ".join(parts)


def _sensitive(body: object) -> list[str]:
    """Every text in the body that stands under a sensitive name, wherever it is."""
    if isinstance(body, list):
        return [text for item in body for text in _sensitive(item)]
    if not isinstance(body, dict):
        return []
    found: list[str] = []
    for name, value in body.items():
        if name in _SENSITIVE and isinstance(value, str) and value:
            found.append(value)
        else:
            found.extend(_sensitive(value))
    return found


def _without(text: str, sensitive: Sequence[str]) -> str:
    for value in sorted(sensitive, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def _retry_after(answer: Answer) -> float | None:
    """Seconds from the header, which Infisical gives as a number; None if it is missing or a date."""
    try:
        return max(0.0, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return None
