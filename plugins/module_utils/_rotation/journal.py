# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of a rotation: old and new value of each secret, kept as a secret of the project until all is well again.

So no value lies on a disk of ours, and what was begun on one machine can be finished from another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret

JOURNAL = "OMAKASE_ROTATION_JOURNAL"
COMMENT = "A rotation is under way, or was stopped: playbooks/rotate.yml finishes it and removes this"
WENT_BACK = "OMAKASE_ROTATION_WENT_BACK"
WENT_BACK_COMMENT = "Since when secrets really have their values, where a rotation failed and put the old ones back"


POSTGRESQL, MARIADB = "postgresql", "mariadb"


@dataclass(frozen=True)
class Place:
    """A role of a database that runs as a Compose service. role: empty for its superuser."""

    service: str
    role: str = ""
    engine: str = POSTGRESQL


@dataclass(frozen=True)
class Change:
    """One secret. place: where the value is a password of a database. since: when the old value was written."""

    name: str
    old: str = field(repr=False)
    new: str = field(repr=False)
    place: Place | None = None
    since: str = ""


@dataclass(frozen=True)
class Journal:
    """Everything that one rotation changes. back: it failed, and the old values are put back."""

    changes: tuple[Change, ...]
    back: bool = False

    def turned_back(self) -> Journal:
        return replace(self, back=True)

    def wanted(self, change: Change) -> str:
        return change.old if self.back else change.new

    def as_text(self) -> str:
        return json.dumps({"back": self.back, "changes": [asdict(change) for change in self.changes]})

    @classmethod
    def from_text(cls, text: str) -> Journal:
        """Raises InfisicalError for what is no journal."""
        try:
            content = json.loads(text)
            return cls(tuple(_change(item) for item in content["changes"]), bool(content["back"]))
        except (ValueError, KeyError, TypeError):
            raise InfisicalError(
                f"The secret {JOURNAL} is not a journal of a rotation.",
                "Was it changed by hand? Its former versions on the web page of Infisical tell old and new values.",
            ) from None


def _change(item: Mapping[str, Any]) -> Change:
    place = Place(**item["place"]) if item["place"] else None
    return Change(str(item["name"]), str(item["old"]), str(item["new"]), place, str(item["since"]))


def truly_dated(secrets: Mapping[str, Secret]) -> dict[str, Secret]:
    """The secrets with the time at which their value was first written.

    To put an old value back is a new version for the server: without this it would not be due for months.
    """
    stamps = went_back(secrets)
    return {
        name: replace(secret, updated=stamps[name]["since"])
        if name in stamps and stamps[name]["put_back"] == secret.updated
        else secret
        for name, secret in secrets.items()
    }


def went_back(secrets: Mapping[str, Secret]) -> dict[str, dict[str, str]]:
    """since and put_back, times of the server, by name of the secret. What is no record of ours is as good as none."""
    try:
        content = json.loads(secrets[WENT_BACK].value)
        return {
            name: {"since": str(item["since"]), "put_back": str(item["put_back"])} for name, item in content.items()
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}
