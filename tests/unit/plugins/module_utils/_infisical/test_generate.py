# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated values."""

from __future__ import annotations

import base64
import string

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import generate
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.secret_plan import stored_form
from hypothesis import given
from hypothesis import strategies as st

URL_SAFE = string.ascii_letters + string.digits + "-_"
ALPHABETS = {
    "hex": "0123456789abcdef",
    "digits": string.digits,
    "alphanumeric": string.ascii_letters + string.digits,
    "base64": string.ascii_letters + string.digits + "+/",
    "base64url": URL_SAFE,
    "alphabet": "xyz!",
}


@given(st.sampled_from(sorted(ALPHABETS)), st.integers(1, 200))
def test_a_value_has_its_length_and_alphabet_and_survives_the_server(kind: str, length: int) -> None:
    value = generate.value({"kind": kind, "length": length, "alphabet": "xyz!"})
    assert len(value) == length
    assert set(value) <= set(ALPHABETS[kind])
    assert stored_form(value) == value


@given(st.integers(1, 50))
def test_base64_of_whole_groups_can_be_decoded(groups: int) -> None:
    value = generate.value({"kind": "base64", "length": 4 * groups})
    assert len(base64.b64decode(value, validate=True)) == 3 * groups


def test_two_values_differ() -> None:
    recipe = {"kind": "alphanumeric", "length": 32}
    assert generate.value(recipe) != generate.value(recipe)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ({"kind": "hex", "length": 0}, "length of 1"),
        ({"kind": "alphabet", "length": 8}, "at least two"),
        ({"kind": "alphabet", "length": 8, "alphabet": "aa"}, "at least two"),
        ({"kind": "alphabet", "length": 8, "alphabet": "a b"}, "a blank or a"),
        ({"kind": "alphabet", "length": 8, "alphabet": "ab$"}, "a blank or a"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(recipe: dict[str, object], said: str) -> None:
    with pytest.raises(InfisicalError, match=said):
        generate.check(recipe)


def test_a_recipe_that_makes_sense_is_accepted() -> None:
    generate.check({"kind": "alphabet", "length": 8, "alphabet": "ab"})
    generate.check({"kind": "hex", "length": 8})
