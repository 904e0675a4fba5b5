# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that asks at a steady pace, and how long the answers took with and without something else going on."""

from __future__ import annotations

import http.client
import itertools
import json
import statistics
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.servers import Api

KINDS = ("a folder", "a secret", "a write")


@dataclass
class Window:
    """Milliseconds by what was asked for."""

    taken: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def all(self) -> list[float]:
        return [each for taken in self.taken.values() for each in taken]

    def median(self) -> float:
        return statistics.median(self.all())


class Client:
    """One connection that is kept, a request at a time."""

    rate = 20  # requests a second

    def __init__(self, api: Api, token: str, project: str, folders: int) -> None:
        self.address = urllib.parse.urlsplit(api.base_url).netloc
        self.project = project
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self.folders = itertools.cycle(range(folders))
        self.kinds = itertools.cycle(KINDS)

    def work(self, seconds: float) -> Window:
        """Ask for so long. An answer that is late delays those after it, and none is left out."""
        window = Window()
        connection = http.client.HTTPConnection(self.address, timeout=60)
        begin = time.perf_counter()
        for number in range(int(seconds * self.rate)):
            wait = begin + number / self.rate - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            kind = next(self.kinds)
            began = time.perf_counter()
            self._ask(connection, kind, next(self.folders))
            window.taken[kind].append((time.perf_counter() - began) * 1000)
        connection.close()
        return window

    def _ask(self, connection: http.client.HTTPConnection, kind: str, folder: int) -> None:
        scope = {"projectId": self.project, "environment": "dev", "secretPath": f"/service-{folder}"}
        query = urllib.parse.urlencode({**scope, "viewSecretValue": "true"})
        name = f"SERVICE_{folder}_3"
        method, path, body = "GET", f"/api/v4/secrets/{name}?{query}", None
        if kind == "a folder":
            path = f"/api/v4/secrets?{query}"
        elif kind == "a write":
            changed: dict[str, Any] = {**scope, "secretValue": str(time.time())}
            method, path, body = "PATCH", f"/api/v4/secrets/{name}", json.dumps(changed)
        connection.request(method, path, body, self.headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{method} {path} answered {answer.status}")


def summary(rounds: Sequence[tuple[Window, ...]]) -> tuple[list[str], list[list[str]]]:
    """A table's head and rows from rounds of windows: with nothing beside them, a backup, and what only computes.

    Ratios are medians of those of the rounds, since a round is of one time and the machine's other work changes.
    """
    rows = []
    for kind in KINDS:
        row = [kind]
        for share in (50, 95):
            without, *others = ([_percentile(window.taken[kind], share) for window in side] for side in zip(*rounds))
            row.append(f"{statistics.median(without):.1f} ms")
            for beside in others:
                ratio = statistics.median(b / a for a, b in zip(without, beside, strict=True))
                row.append(f"{statistics.median(beside):.1f} ms, {ratio:.2f}")
        rows.append(row)
    head = ["asked for", "median alone", "with a backup", "with computing", "95 of 100 alone", "with a backup"]
    return [*head, "with computing"], rows


def _percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[share - 1]
