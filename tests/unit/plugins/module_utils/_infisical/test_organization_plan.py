# SPDX-License-Identifier: GPL-3.0-or-later
"""Wishes for an organisation that contradict each other: all is said before a server is asked."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.organization_plan import (
    inconsistencies,
    refuse,
)


def identity(name: str, **wish: Any) -> dict[str, Any]:
    return {"name": name, "state": "present", "roles": None, "access": None, **wish}


def project(*identities: dict[str, Any], environments: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "slug": "omakase",
        "identities": list(identities),
        "environments": [{"slug": slug} for slug in environments],
    }


def test_what_contradicts_itself_is_said_at_once() -> None:
    reader = identity("a", access=[{}])
    wrong = project(identity("nothing"), reader, identity("nothing"), reader, environments=("dev", "dev"))
    with pytest.raises(InfisicalError) as refused:
        refuse(inconsistencies([project(), wrong]))
    for sentence in (
        "The project omakase is listed twice.",
        "The identity a is listed twice in omakase.",
        "The environment dev is listed twice in omakase.",
        "The identity nothing has neither roles nor access in omakase: say what it may do.",
    ):
        assert sentence in str(refused.value)


def test_an_identity_that_is_to_go_needs_no_rights() -> None:
    assert inconsistencies([project(identity("gone", state="absent"), identity("reader", roles=["viewer"]))]) == []
