# SPDX-License-Identifier: GPL-3.0-or-later
"""How rows look in an answer."""

from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

from .database import Row


def encode(answer: Any) -> bytes:
    return json.dumps(answer, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        moment = value.astimezone(datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def pick(row: Row, *names: str) -> Row:
    return {name: row[name] for name in names}


def without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}
