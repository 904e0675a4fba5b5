# SPDX-License-Identifier: GPL-3.0-or-later
"""compose_variables and compose_includes find what a Compose file reads."""

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.omakase.homelab.plugins.filter.compose import compose_includes, compose_variables
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


def _found(value: str) -> dict[str, tuple[bool, bool]]:
    """Return (required, default) of each variable of a Compose file that holds this value."""
    text = json.dumps({"services": {"one": {"image": value}}})
    return {item["name"]: (item["required"], item["default"]) for item in compose_variables([text])}


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("no variable, 5 $ and $1", {}),
        ("$NAME", {"NAME": (False, False)}),
        ("${NAME}", {"NAME": (False, False)}),
        ("${NAME:?err}", {"NAME": (True, False)}),
        ("${NAME?}", {"NAME": (True, False)}),
        ("${NAME:-value}", {"NAME": (False, True)}),
        ("${NAME-}", {"NAME": (False, True)}),
        ("${NAME:+replacement}", {"NAME": (False, True)}),
        ("$$NAME and $${NAME}", {}),
        ("$$$NAME", {"NAME": (False, False)}),
        ("${A:-${B:?err}}", {"A": (False, True), "B": (True, False)}),
        ("${A:-$B}", {"A": (False, True), "B": (False, False)}),
        ("${A:-x}${A:?err}", {"A": (True, False)}),
        ("$lower_case-$_x", {"lower_case": (False, False), "_x": (False, False)}),
    ],
)
def test_finds_every_form_of_interpolation(value: str, found: dict[str, tuple[bool, bool]]) -> None:
    assert _found(value) == found


@given(st.lists(NAMES, unique=True))
def test_finds_each_name_once_in_order_wherever_it_stands(names: list[str]) -> None:
    files = [{"services": {"one": {"environment": [f"X=${name}"], "image": f"${{{name}}}"}}} for name in names]
    texts = [json.dumps(file) for file in files]
    assert [item["name"] for item in compose_variables(texts)] == sorted(names)


def test_reads_values_and_neither_comments_nor_names_of_fields() -> None:
    text = """
    # ${IN_A_COMMENT}
    services:
      ${in_a_key}:
        labels: {'${another_key}': "${VALUE}"}
    """
    assert [item["name"] for item in compose_variables([text])] == ["VALUE"]


def test_knows_compose_s_own_tags_and_shared_parts() -> None:
    text = """
    x-common: &common {environment: ["A=${A}"]}
    services:
      one: {<<: *common, ports: !override ["${PORT}:80"], volumes: !reset []}
    """
    assert [item["name"] for item in compose_variables([text])] == ["A", "PORT"]


def test_an_empty_file_reads_nothing() -> None:
    assert compose_variables(["", "# nothing\n"]) == []
    assert compose_includes("") == []


def test_finds_the_includes_in_each_way_of_writing_them() -> None:
    text = """
    include:
      - compose/one.yml
      - path: compose/two.yml
        env_file: two.env
      - path: [compose/three.yml, compose/override.yml]
    """
    assert compose_includes(text) == ["compose/one.yml", "compose/two.yml", "compose/three.yml", "compose/override.yml"]


@pytest.mark.parametrize("text", ["a: canary\x1b", "a: 2024-13-01"])
def test_what_yaml_does_not_take_is_no_traceback(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match="no YAML that can be read") as refusal:
        compose_variables([text])
    assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("text", ["a: [canary", "password: canary: x", "\t- canary"])
def test_says_where_a_file_is_no_yaml_without_showing_the_line(text: str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"no YAML: .+ in line \d") as refusal:
        compose_variables([text])
    assert "canary" not in str(refusal.value)
