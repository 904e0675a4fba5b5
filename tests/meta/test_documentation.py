# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-doc renders everything that this collection offers."""

from __future__ import annotations

import importlib
import json

import pytest

from tests.meta.repository import COLLECTION, ROLES, ROOT, plugins, run

KINDS = {
    "module": plugins("modules"),
    "lookup": plugins("lookup"),
    "filter": plugins("filter"),
    "callback": plugins("callback"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_ansible_doc_renders_every(kind: str) -> None:
    names = KINDS[kind]
    assert names, f"the collection has no {kind}"
    run("ansible-doc", "-t", kind, *names)  # as a person reads it: breaks on markup that it does not know
    found = json.loads(run("ansible-doc", "-t", kind, "--json", *names).stdout)
    assert sorted(found) == names
    assert [name for name in names if not found[name].get("examples")] == []


def test_ansible_doc_renders_every_role() -> None:
    names = [f"{COLLECTION}.{role}" for role in ROLES]
    run("ansible-doc", "-t", "role", *names)
    assert sorted(json.loads(run("ansible-doc", "-t", "role", "--json", *names).stdout)) == names


def test_every_filter_has_documentation() -> None:
    offered = set()
    for path in (ROOT / "plugins" / "filter").glob("*.py"):
        module = importlib.import_module(f"plugins.filter.{path.stem}")
        offered |= {f"{COLLECTION}.{name}" for name in module.FilterModule().filters()}
    assert offered == set(KINDS["filter"])
