# SPDX-License-Identifier: GPL-3.0-or-later
"""mask leaves nothing of a secret in a text, and leaves the rest of the text."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.masking import MASK, mask
from hypothesis import given
from hypothesis import strategies as st

# A small alphabet makes values that overlap and contain each other.
VALUES = st.text('abc/ é"\\', min_size=6, max_size=9).filter(lambda value: value == value.strip())
PIECES = st.text('abc/ é"\\x', max_size=4)


@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_no_value_stays_readable(values: list[str], data: st.DataObject) -> None:
    pieces = data.draw(st.lists(st.one_of(PIECES, st.sampled_from(values)), max_size=12))
    shown = mask("".join(pieces), values)
    assert [value for value in values if value in shown] == []


@given(st.text("abcx \n"), st.lists(st.text("uvw", min_size=6)))
def test_a_text_without_the_values_stays_as_it_is(text: str, values: list[str]) -> None:
    assert mask(text, values) == text


SECRET = 'pass/word "é" + $x'


@pytest.mark.parametrize(
    "text",
    [
        f"password {SECRET} refused",
        f"postgres://u:{quote(SECRET)}@db/x",
        f"postgres://u:{quote(SECRET, safe='')}@db/x",
        urlencode({"password": SECRET}),
        json.dumps({"password": SECRET}),
        json.dumps({"password": SECRET}, ensure_ascii=False),
    ],
)
def test_a_value_is_found_as_logs_write_it(text: str) -> None:
    shown = mask(text, [SECRET])
    assert MASK in shown
    assert "word" not in shown.replace("password", "")


def test_each_line_of_a_value_with_several_is_hidden() -> None:
    key = "-----BEGIN KEY-----\nfirst-line-of-it\nsecond-line-of-it\n"
    assert mask("db | first-line-of-it\ndb | second-line-of-it", [key]) == f"db | {MASK}\ndb | {MASK}"


def test_values_that_overlap_are_hidden_as_one() -> None:
    assert mask("<abcdefghi>", ["abcdef", "defghi"]) == f"<{MASK}>"
    assert mask("<abababab>", ["ababab"]) == f"<{MASK}>"


def test_short_values_would_blot_out_the_log_and_are_left() -> None:
    assert mask("port 5432 is on", ["5432", "on", "", True]) == "port 5432 is on"


def test_what_steers_a_terminal_is_gone_and_hides_no_value() -> None:
    seen = "\x1b[2K\x1b[1;31mdb |\x1b[0m secret\x1b[0m-one refused\r\n\x1b]0;compose\x07redis | [2K ready"
    assert mask(seen, ["secret-one"]) == f"db | {MASK} refused\nredis | [2K ready"
    assert mask("pass\x1b[1mword", ["pass\x1b[1mword"]) == MASK
    assert "\x1b" not in mask("cut\x1b[", [])


def test_values_may_be_numbers() -> None:
    assert mask("pin 12345678", [12345678]) == f"pin {MASK}"


def test_the_text_says_nothing_of_a_value_s_length() -> None:
    assert mask("secret-one", ["secret-one"]) == mask("a-much-longer-secret", ["a-much-longer-secret"])
