# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of a server that may be someone else's: bounded in time, in size, and in what they become in memory."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

# 50,000 secrets as a server of 2026 tells them are 45 MB.
MOST_BYTES = 64 * 2**20
# Values, lists and objects: each takes some 70 bytes, where it takes two in the answer.
MOST_PARTS = 4_000_000
# One read of an answer's body; between two reads the clock is looked at.
_CHUNK = 64 * 1024


class TooLongError(Exception):
    """It takes more time than it may."""

    def __str__(self) -> str:
        return "it took too long"


class TooLargeError(Exception):
    """It is more than anybody asked for."""

    def __str__(self) -> str:
        return "it is too large"


class PartialError(Exception):
    """It ends before its end."""

    def __str__(self) -> str:
        return "only a part of it came"


def within(seconds: float, work: Callable[[], T]) -> T:
    """What work returns or raises. Raises TooLongError once the time is up, and leaves it behind.

    A socket's own timeout never passes where a byte comes now and then, and an answer's head may have many.
    """
    done = threading.Event()
    returned: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            returned.append(work())
        except BaseException as error:  # whatever it is, it is raised again where it was asked for
            raised.append(error)
        done.set()

    threading.Thread(target=run, daemon=True).start()
    if not done.wait(seconds):
        raise TooLongError
    if raised:
        raise raised[0]
    return returned[0]


def body(response: Any, seconds: float, most: int = MOST_BYTES) -> bytes:
    """All bytes of an open answer. Raises TooLongError, TooLargeError and PartialError."""
    limit = time.monotonic() + seconds
    parts: list[bytes] = []
    size = 0
    read = response.read1 if hasattr(response, "read1") else response.read
    while part := read(_CHUNK):
        parts.append(part)
        size += len(part)
        if size > most:
            raise TooLargeError
        if time.monotonic() > limit:
            raise TooLongError
    if getattr(response, "length", None):  # bytes that were promised and did not come
        raise PartialError
    return b"".join(parts)


def parsed(content: bytes) -> Any:
    """Its JSON. Raises ValueError for what is none, is nested deeper than Python goes, or has too many parts."""
    if sum(map(content.count, (b",", b"[", b"{"))) > MOST_PARTS:
        raise ValueError("too many parts")
    text = content.decode()
    try:
        found = json.loads(text)
        if "\\u" in text:  # halves of a character, which no encoding can write down again
            json.dumps(found, ensure_ascii=False).encode()
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found
