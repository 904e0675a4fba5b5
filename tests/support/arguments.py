# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments for a module or a role, made of its own specification: what it takes, and what it does not."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ansible.module_utils import basic
from hypothesis import strategies as st

from tests.support.modules import BASE
from tests.support.whims import ODD, ODD_TEXTS

Spec = Mapping[str, Mapping[str, Any]]
Arguments = dict[str, Any]

# Nothing that leads out of the folder of the test: a module may take it for the name of a file.
TEXTS = st.one_of(st.text(max_size=20).filter(lambda text: not text.startswith(("/", "~", "$"))), st.just("x" * 5000))
NAMES = st.sampled_from(["a", "NAME", "dev", "web-1", "10.0.0.1/24", "https://vault.test", "app/db", "0600", "1"])
ANYTHING = st.one_of(
    st.sampled_from([one for one in ODD if one not in ("../../etc/passwd", "/", "//")]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=6,
    ),
)


class _TakenError(BaseException):
    """Instead of a module's work."""


def specification(module: str) -> Arguments:
    """What the module gives AnsibleModule: argument_spec, required_if, and the like."""
    taken: list[Arguments] = []

    def take(_self: Any, argument_spec: Any, **rules: Any) -> None:
        taken.append({"argument_spec": argument_spec, **rules})
        raise _TakenError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(basic.AnsibleModule, "__init__", take)
        with pytest.raises(_TakenError):
            importlib.import_module(f"{BASE}.{module}").main()
    return taken[0]


def names(spec: Spec) -> Iterator[str]:
    """All options, those of options included."""
    for name, option in spec.items():
        yield name
        yield from names(option.get("options") or {})


def arguments(spec: Spec, wild: bool = True) -> st.SearchStrategy[Arguments]:
    """Some or all of the options; wild: one in ten holds something else than it takes."""
    required: dict[str, st.SearchStrategy[Any]] = {}
    others: dict[str, st.SearchStrategy[Any]] = {}
    for name, option in spec.items():
        given = _value(option, wild)
        (required if option.get("required") else others)[name] = _mostly(given, ANYTHING) if wild else given
    complete = st.fixed_dictionaries(required, optional=others)
    return _mostly(complete, st.fixed_dictionaries({}, optional=others)) if wild and required else complete


def _mostly(usual: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One in ten is odd. st.one_of counts a strategy that is named nine times once."""
    return st.integers(0, 9).flatmap(lambda chance: odd if chance == 9 else usual)


def _value(option: Mapping[str, Any], wild: bool) -> st.SearchStrategy[Any]:
    if option.get("no_log"):
        return st.just("canary-secret")  # what is shorter would be blotted out of every message
    if option.get("choices") and option.get("type", "str") != "list":
        return st.sampled_from(list(option["choices"]))
    return _of_type(option.get("type", "str"), option, wild)


def _of_type(kind: str, option: Mapping[str, Any], wild: bool) -> st.SearchStrategy[Any]:
    if kind == "list":
        inner = {key: value for key, value in option.items() if key != "type"}
        element = option.get("elements", "str")
        choices = st.sampled_from(list(option["choices"])) if option.get("choices") else None
        return st.lists(choices or _of_type(element, inner, wild), max_size=3)
    if kind == "dict":
        if option.get("options"):
            return arguments(option["options"], wild)
        return st.dictionaries(st.one_of(NAMES, TEXTS), st.one_of(NAMES, TEXTS, st.integers()), max_size=3)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "bool": st.booleans(),
        "float": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-5, 100),
        "int": st.one_of(st.integers(-3, 100), st.integers()),
        "path": st.sampled_from(["here", "here/there", ".", "", "a b", "n\0ul", "x" * 300, "new\nline"]),
        "raw": ANYTHING,
    }
    odd = [text for text in ODD_TEXTS if not text.startswith(("/", ".", "$"))]
    return simple.get(kind, st.one_of(NAMES, TEXTS, st.sampled_from(odd)))
