# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding a JSON value to a described shape, as `current-2026-05.json` writes shapes.

A `?` ends the name of a field that may be absent; one without it must be there but may be null.
"""

from __future__ import annotations

import re
from typing import Any

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
FREE = ("any", "one of a fixed set, or one of several shapes")


def faults(shape: Any, value: Any, at: str = "") -> list[str]:
    """What is wrong with the value, each with its place."""
    if isinstance(shape, dict):
        return _object_faults(shape, value, at)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at}: no list"]
        return [fault for place, item in enumerate(value) for fault in faults(shape[0], item, f"{at}[{place}]")]
    return [] if _fits(shape, value) else [f"{at}: {value!r} is no {shape}"]


def _object_faults(shape: dict[str, Any], value: Any, at: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{at}: no object"]
    known = {name.rstrip("?") for name in shape}
    found = [f"{at}.{name}: not described" for name in value if name not in known]
    for name, member in shape.items():
        plain = name.rstrip("?")
        if plain not in value:
            found += [] if name.endswith("?") else [f"{at}.{plain}: missing"]
        elif value[plain] is not None:
            found += faults(member, value[plain], f"{at}.{plain}")
    return found


def _fits(kind: str, value: Any) -> bool:
    if kind in FREE:
        return True
    if kind == "boolean":
        return isinstance(value, bool)
    if kind in ("number", "int"):
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    patterns = {"uuid": UUID, "date-time": MOMENT}
    return isinstance(value, str) and (kind not in patterns or bool(patterns[kind].fullmatch(value)))


def example(shape: Any) -> Any:
    """A value of this shape, for a request."""
    if isinstance(shape, dict):
        return {name.rstrip("?"): example(member) for name, member in shape.items()}
    if isinstance(shape, list):
        return [example(shape[0])]
    return {"number": 1, "int": 1, "boolean": True, "email": "someone@homelab.example"}.get(shape, "text")
