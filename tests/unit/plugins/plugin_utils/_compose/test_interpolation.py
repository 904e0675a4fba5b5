# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of each variable, by Compose's rules, and texts filled in by them."""

from __future__ import annotations

import pytest
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import templates
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.interpolation import (
    UnfilledError,
    fill,
    names,
    states,
)
from hypothesis import given
from hypothesis import strategies as st

VALUES = {"SET": "value", "EMPTY": "", "DOLLAR": "a$b", "OTHER": "other"}
FILLED = {name: value != "" for name, value in VALUES.items()}


@pytest.mark.parametrize(
    ("text", "state", "filled"),
    [
        ("$SET", "given", "value"),
        ("${SET}", "given", "value"),
        ("${SET:?err}", "given", "value"),
        ("${EMPTY}", "empty", ""),
        ("${EMPTY?err}", "empty", ""),
        ("${EMPTY:-d}", "default", "d"),
        ("${EMPTY-d}", "given", ""),
        ("${EMPTY:+d}", "default", ""),
        ("${EMPTY+d}", "given", "d"),
        ("${NONE-d}", "default", "d"),
        ("${NONE:-d}", "default", "d"),
        ("${NONE+d}", "default", ""),
        ("${SET:+d}", "given", "d"),
        ("${SET-${NONE:?err}}", "given", "value"),
        ("${DOLLAR}", "given", "a$b"),
    ],
)
def test_each_form_has_its_verdict_and_its_value(text: str, state: str, filled: str) -> None:
    assert [found for _name, found in states(text, FILLED)] == [state]
    assert fill(text, VALUES.get) == filled


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("$NONE", "missing"),
        ("${NONE}", "missing"),
        ("${NONE:?}", "missing"),
        ("${NONE?e}", "missing"),
        ("${EMPTY:?}", "blank"),
    ],
)
def test_what_has_no_value_is_not_filled_in(text: str, state: str) -> None:
    assert [found for _name, found in states(text, FILLED)] == [state]
    with pytest.raises(UnfilledError, match=text.strip("${}").split(":")[0].split("?")[0]):
        fill(text, VALUES.get)


def test_inside_a_default_only_what_is_taken_counts() -> None:
    text = "${NONE:-${EMPTY:-${SET}x}y} ${NONE:-{$OTHER}}"
    assert list(states(text, FILLED)) == [
        ("NONE", "default"), ("EMPTY", "default"), ("SET", "given"), ("NONE", "default"), ("OTHER", "given"),
    ]  # fmt: skip
    assert fill(text, VALUES.get) == "valuexy {other}"
    assert list(names("${SET:-${NONE:?}}")) == ["SET", "NONE"]


@pytest.mark.parametrize("text", ["5 $", "$1", "${1}", "${}", "${NAME", "${A b}", "$-", "a $ b"])
def test_what_is_no_variable_stays(text: str) -> None:
    assert list(states(text, {})) == []
    assert fill(text, VALUES.get) == text


def test_a_doubled_dollar_is_one() -> None:
    assert fill("$$SET $${SET} $$$SET", VALUES.get) == "$SET ${SET} $value"


def test_in_a_file_that_is_not_compose_s_own_only_braces_count() -> None:
    text = "$host $$ $SET ${SET} $${SET} ${NONE:-d}"
    assert fill(text, VALUES.get, braced=True) == "$host $$ $SET value ${SET} d"
    assert list(states(text, FILLED, braced=True)) == [("SET", "given"), ("NONE", "default")]


@given(st.text(alphabet="ab$${}:-?+_ \n", max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    found = list(states(text, {}))
    assert {name for name, _state in found} <= set(names(text))
    if any(state == "missing" for _name, state in found):
        with pytest.raises(UnfilledError):
            fill(text, lambda _name: None)
    else:
        fill(text, lambda _name: None)


def test_go_templates_are_filled_where_they_take_a_variable_alone() -> None:
    text = (
        'a: "{{ env "SET" }}"\nb: {{env `OTHER`}}\nc: {{- env "SET" -}}  d\ne: {{ range .X }}{{ env "SET" | quote }}\n'
    )
    filled = templates.fill("go", text, VALUES.get)
    assert filled == 'a: "value"\nb: other\nc:valued\ne: {{ range .X }}{{ env "SET" | quote }}\n'
    assert list(templates.go_names(text)) == ["SET", "OTHER", "SET", "SET"]
    with pytest.raises(UnfilledError, match="NONE"):
        templates.fill("go", '{{ env "NONE" }}', VALUES.get)


def test_a_jinja_template_names_what_it_looks_up() -> None:
    text = "{{ lookup('omakase.homelab.infisical', 'A') }}{{ query(\"omakase.homelab.infisical\", \"B\") }}{{ C }}"
    assert templates.lookup_names(text) == ["A", "B"]
    assert [list(templates.states("jinja", part, FILLED)) for part in templates.expressions("jinja", text)] == [
        [("A", "missing")], [("B", "missing")],
    ]  # fmt: skip
