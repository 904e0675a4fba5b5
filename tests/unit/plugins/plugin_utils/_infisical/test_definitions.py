# SPDX-License-Identifier: GPL-3.0-or-later
"""The options are said twice, in words for people and as a table for speed: both say the same."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible import constants
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import option_table
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.definitions import define, definitions

from tests.conftest import ROOT

GROUP = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())["action_groups"]["infisical"]
WORDS = ("description", "version_added")


def documented(kind: str, name: str) -> dict[str, dict[str, Any]]:
    """The options of a plugin as its documentation has them, without the words."""
    path = ROOT / "plugins" / kind / f"{name}.py"
    collection = "omakase.homelab"
    docs = get_docstring(str(path), fragment_loader, collection_name=collection, plugin_type=kind.rstrip("s"))[0]
    options = {option: dict(spec) for option, spec in docs["options"].items() if not option.startswith("_")}
    for spec in options.values():
        for word in WORDS:
            spec.pop(word, None)
        for source in ("env", "vars", "ini"):
            for entry in spec.get(source, []):
                entry.pop("version_added_collection", None)
        if "choices" in spec:
            spec["choices"] = list(spec["choices"])
    return options


@pytest.mark.parametrize("name", ["infisical", "infisical_secrets"])
def test_the_lookups_definitions_are_their_documentation(name: str) -> None:
    assert definitions() == documented("lookup", name)


@pytest.mark.parametrize("module", GROUP)
def test_one_group_of_defaults_can_set_the_same_options_for_every_module(module: str) -> None:
    found = documented("modules", module)
    for name, spec in {**option_table.CONNECTION, **option_table.AUTH, **option_table.SCOPE}.items():
        assert found[name] == {key: value for key, value in spec.items() if key != "no_log"}


def test_definitions_that_are_there_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a.lookup.of.the.test"
    define(name)
    first = constants.config.get_configuration_definitions("lookup", name)
    define(name)
    assert constants.config.get_configuration_definitions("lookup", name) is first
    monkeypatch.delitem(constants.config._plugins["lookup"], name)
