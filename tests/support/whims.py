# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that answers whatever comes to its mind, in the shapes of Infisical's answers and in none."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from random import Random
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Answer, Request

from tests.meta.repository import ROOT

# What a name or a value may be, and had better not be.
ODD_TEXTS = [
    "", " ", "\n", "a\nb", "../../etc/passwd", "/", "//", "..", "\x00", "\x1b[2J\x1b]0;x\x07", "\u202eabc", "\x9b31m",
    "{{ 7 * 7 }}", "{% raw %}", "${OTHER}", "$(id)", "`id`", "'\"", "A=B", "#", "%s{}", "x" * 5000, "ü€😀", "-1",
]  # fmt: skip
ODD: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    10**30,
    0.5,
    1e308,
    [],
    {},
    [[]],
    [None],
    [1],
    {"a": {"b": [{}]}},
    *ODD_TEXTS,
]
_STATUSES = [200] * 12 + [400, 401, 403, 404, 404, 409, 422, 429, 500, 503, 301, 204]


@cache
def fields() -> tuple[list[str], list[str]]:
    """The fields that the client reads: those that hold lists and objects, and all of them."""
    folder = ROOT / "plugins" / "module_utils"
    found: dict[str, set[str]] = {"records": set(), "text": set()}
    for path in [*(folder / "_infisical").glob("*.py"), *(folder / "_audit").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                kind = "records" if called in ("records", "record") else "text"
                texts = [item.value for item in node.args if isinstance(item, ast.Constant)]
                found[kind].update(str(one) for one in texts if re.fullmatch(r"_?[a-z][A-Za-z]+", str(one)))
    return sorted(found["records"]), sorted(found["text"] - found["records"])


class Whims:
    """The transport. `sent` is what it was asked; `plausible` is what names and ids are where nothing odd is told."""

    def __init__(self, random: Random, plausible: list[str]) -> None:
        self.random = random
        self.plausible = plausible
        self.sent: list[Request] = []

    def send(self, request: Request) -> Answer:
        self.sent.append(request)
        # What comes after it is asked of a server alone that is well.
        if request.url.endswith("/api/status") and self.random.random() < 0.5:
            return Answer(200, {"date": self._text()}, b'{"message": "Ok"}')
        status = self.random.choice(_STATUSES)
        if "/login" in request.url:
            status = 200
        return Answer(status, {"date": self._text(), "retry-after": self._text()}, json.dumps(self._object(0)).encode())

    def _object(self, depth: int) -> dict[str, Any]:
        containers, plain = fields()
        found = {name: self._plain(name) for name in self.random.sample(plain, min(len(plain), 25))}
        if depth < 2:
            inside = containers if depth == 0 else self.random.sample(containers, 4)
            found.update({name: self._container(depth + 1) for name in inside})
        return found

    def _container(self, depth: int) -> Any:
        chance = self.random.random()
        if chance < 0.1:
            return self.random.choice(ODD)
        if chance < 0.4:
            return self._object(depth)
        return [
            self._object(depth) if self.random.random() < 0.9 else self.random.choice(ODD)
            for _item in range(self.random.randrange(3))
        ]

    def _plain(self, name: str) -> Any:
        if self.random.random() < 0.25:
            return self.random.choice(ODD)
        if name.endswith("At"):
            return "2026-11-24T01:00:00.000Z"
        return self._text()

    def _text(self) -> str:
        return self.random.choice(self.plausible if self.random.random() < 0.8 else ODD_TEXTS)
