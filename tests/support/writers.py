# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that write secrets without pause and remember what was acknowledged when, to hold a backup against it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support.servers import Api

BATCH = 20


@dataclass
class Writer:
    """One client with a folder of its own.

    Its round n writes n into every secret of a batch, all in one request, and then makes the secret DONE_n: whoever
    sees that must see the batch of that round, too.
    """

    api: Api
    token: str
    project: str
    name: str
    batches: list[float] = field(default_factory=list)  # when round n was acknowledged, from round 1 on
    singles: list[float] = field(default_factory=list)

    @property
    def scope(self) -> dict[str, str]:
        return {"projectId": self.project, "environment": "dev", "secretPath": f"/{self.name}"}

    def prepare(self) -> None:
        folder = {"projectId": self.project, "environment": "dev", "path": "/", "name": self.name}
        self._ask("POST", "/api/v2/folders", folder)
        self._write(1)

    def next_round(self) -> None:
        self._write(len(self.batches) + 1)

    def _write(self, number: int) -> None:
        secrets = [{"secretKey": f"BATCH_{index}", "secretValue": str(number)} for index in range(BATCH)]
        method = "POST" if number == 1 else "PATCH"
        self._ask(method, "/api/v4/secrets/batch", {**self.scope, "secrets": secrets})
        self.batches.append(time.time())
        self._ask("POST", f"/api/v4/secrets/DONE_{number}", {**self.scope, "secretValue": str(number)})
        self.singles.append(time.time())

    def _ask(self, method: str, path: str, body: Mapping[str, object]) -> None:
        reply = self.api.request(method, path, body, self.token)
        if reply.status != 200:
            raise RuntimeError(f"{method} {path} answered {reply.status}")

    def losses(self, began: float) -> list[str]:
        """What of the writes that were acknowledged before a backup began its database does not hold, in words.

        Also what shows that it is of no single moment: half a batch, or a write without that which went before it.
        """
        query = "&".join(f"{name}={value}" for name, value in self.scope.items())
        secrets = self.api.request("GET", f"/api/v4/secrets?{query}&viewSecretValue=true", None, self.token).body
        values = {each["secretKey"]: (int(each["secretValue"]), each["version"]) for each in secrets["secrets"]}
        batch = {values.pop(f"BATCH_{index}", (0, 0)) for index in range(BATCH)}
        if len(batch) != 1:
            return [f"{self.name}: half a batch, of the rounds {sorted(batch)}"]
        ((round_, version),) = batch
        done = {number for number, _version in values.values()}
        found = []
        if version != round_:
            found.append(f"{self.name}: round {round_} has the version {version}")
        if round_ < _before(self.batches, began):
            found.append(f"{self.name}: round {round_} instead of {_before(self.batches, began)} or a later one")
        if len(done) < _before(self.singles, began):
            found.append(f"{self.name}: {len(done)} single secrets instead of {_before(self.singles, began)}")
        if done not in ({*range(1, round_)}, {*range(1, round_ + 1)}):
            found.append(f"{self.name}: beside round {round_} the single secrets of {sorted(done)}")
        return found


def _before(moments: list[float], began: float) -> int:
    return sum(moment < began for moment in moments)


@dataclass
class Load:
    """Several writers at work."""

    writers: list[Writer]

    def acknowledged(self, before: float) -> int:
        """How many requests were answered before that moment."""
        return sum(_before(writer.batches, before) + _before(writer.singles, before) for writer in self.writers)

    def go_on(self, more: int, limit: float = 60) -> None:
        """Wait until so many more are answered."""
        goal, until = self.acknowledged(time.time()) + more, time.monotonic() + limit
        while self.acknowledged(time.time()) < goal:
            if time.monotonic() > until:
                raise RuntimeError(f"the writers did not write {more} times in {limit} s")
            time.sleep(0.02)

    def losses(self, began: float) -> list[str]:
        return [loss for writer in self.writers for loss in writer.losses(began)]


@contextmanager
def writing(api: Api, token: str, project: str, prefix: str, count: int = 3) -> Iterator[Load]:
    """Writers that work as long as the block does. An answer other than 200 ends it with an error."""
    load = Load([Writer(api, token, project, f"{prefix}-{number}") for number in range(count)])
    for writer in load.writers:
        writer.prepare()
    ended = threading.Event()
    failed: list[Exception] = []

    def work(writer: Writer) -> None:
        try:
            while not ended.is_set():
                writer.next_round()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=[writer]) for writer in load.writers]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    if failed:
        raise failed[0]
