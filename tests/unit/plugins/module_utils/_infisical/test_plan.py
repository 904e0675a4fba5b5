# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done, from what is wanted and what was found."""

from __future__ import annotations

from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import Digest, Plan, diff, plan
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["name", "role", "slug"])
WANTED = st.dictionaries(NAMES, st.none() | st.integers(0, 2))
FOUND = st.none() | st.dictionaries(NAMES, st.integers(0, 2))


def performed(step: Plan, found: dict[str, Any] | None) -> dict[str, Any] | None:
    """What is there after the step."""
    if step.step == "delete":
        return None
    return {**(found or {}), **step.changes} if step else found


@given(WANTED, FOUND, st.sampled_from(["present", "absent"]))
def test_a_second_run_does_nothing(wanted: dict[str, Any], found: dict[str, Any] | None, state: str) -> None:
    after = performed(plan(wanted, found, state), found)
    assert not plan(wanted, after, state)


@given(WANTED, FOUND)
def test_what_is_wanted_is_there_afterwards(wanted: dict[str, Any], found: dict[str, Any] | None) -> None:
    after = performed(plan(wanted, found), found)
    assert after is not None
    assert {name: after[name] for name, value in wanted.items() if value is not None} == {
        name: value for name, value in wanted.items() if value is not None
    }


@given(WANTED, st.dictionaries(NAMES, st.integers(0, 2)))
def test_only_differences_are_sent(wanted: dict[str, Any], found: dict[str, Any]) -> None:
    for name, value in plan(wanted, found).changes.items():
        assert value == wanted[name] != found.get(name)


def test_a_diff_shows_what_is_done_and_nothing_else() -> None:
    shown = diff(a=plan({"name": "x"}, None), b=plan({"name": "x"}, {"name": "x"}), c=plan({}, {"name": "x"}, "absent"))
    assert shown == {"before": {"a": None, "c": {}}, "after": {"a": {"name": "x"}, "c": None}}


def test_a_digest_tells_equal_values_from_others_within_one_run_only() -> None:
    one, other = Digest(), Digest()
    assert one.of("secret") == one.of("secret") != one.of("other")
    assert one.of("secret") != other.of("secret")
    assert "secret" not in one.of("secret").replace("digest", "")
