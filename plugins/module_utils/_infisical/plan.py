# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deciding before acting: pure functions from what is wanted and what was found to what has to be done."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """One thing's way from found to wanted.

    step: "create", "update", "delete", or "" if nothing is to be done.
    changes: the attributes to send, by name.
    before, after: what to show; None where the thing does not exist.
    """

    step: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def __bool__(self) -> bool:
        return bool(self.step)


def plan(wanted: Attributes, found: Attributes | None, state: str = "present") -> Plan:
    """What turns found (None: it does not exist) into wanted. An attribute that is None in wanted is left as it is."""
    given = {name: value for name, value in wanted.items() if value is not None}
    shown = None if found is None else {name: found.get(name) for name in given}
    if state == "absent":
        return Plan() if found is None else Plan("delete", before=shown)
    if found is None:
        return Plan("create", given, None, given)
    changes = {name: value for name, value in given.items() if found.get(name) != value}
    return Plan("update" if changes else "", changes, shown, given)


def diff(**plans: Plan) -> dict[str, Any]:
    """Ansible's diff of all plans that do something, by name."""
    doing = {name: part for name, part in plans.items() if part}
    return {
        "before": {name: part.before for name, part in doing.items()},
        "after": {name: part.after for name, part in doing.items()},
    }


class Digest:
    """Shows in a diff that a value changes, without saying anything of it.

    Salted anew for each run: the digests of one diff compare with each other and with nothing else.
    """

    def __init__(self, salt: bytes | None = None) -> None:
        self._salt = salt or os.urandom(16)

    def of(self, value: str) -> str:
        return "digest " + hmac.new(self._salt, value.encode(), hashlib.sha256).hexdigest()[:8]
