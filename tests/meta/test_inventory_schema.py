# SPDX-License-Identifier: GPL-3.0-or-later
"""An editor knows the variables of an inventory by a schema, which is made from what the roles declare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from docs import inventory_schema
from tests.meta.repository import INVENTORIES, ROOT, read

SCHEMA = json.loads(inventory_schema.path().read_text(encoding="utf-8"))
FILES = sorted(path for name in INVENTORIES for path in (ROOT / "inventories" / name).glob("group_vars/*/*.yml"))


def wrong(variables: dict[str, Any]) -> list[str]:
    """Where the schema finds something wrong."""
    return [error.json_path for error in Draft7Validator(SCHEMA).iter_errors(variables)]


def test_the_schema_is_up_to_date() -> None:
    found = inventory_schema.path().read_text(encoding="utf-8")
    assert found == inventory_schema.generated(), (
        "run `make docs` (python -m docs.inventory_schema) and commit what it writes"
    )


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT / "inventories")))
def test_the_inventory_names_the_schema_and_follows_it(path: Path) -> None:
    first, _, _ = path.read_text(encoding="utf-8").partition("\n")
    mark, _, where = first.partition("$schema=")
    assert mark == "# yaml-language-server: "
    assert (path.parent / where).resolve() == inventory_schema.path()
    assert wrong(read(path)) == []


def test_a_variable_that_only_looks_like_one_of_a_role_is_found() -> None:
    assert wrong({"omakase_repositry": "https://git.example.org/omakase.git"}) == ["$"]
    assert wrong({"my_own": 1, "ansible_user": "root", "infisical_url": "https://vault.example.org"}) == []


def test_a_value_of_another_type_is_found_and_a_template_may_stand_for_any() -> None:
    assert wrong({"proxmox_lxc_api_port": "many"}) == ["$.proxmox_lxc_api_port"]
    assert wrong({"proxmox_lxc_api_port": "{{ port }}", "omakase_templates": "{{ templates }}"}) == []
    assert wrong({"docker_source": "elsewhere"}) == ["$.docker_source"]


def test_what_an_entry_of_a_list_lacks_or_does_not_know_is_found() -> None:
    container = {"vmid": 101, "hostname": "infisical"}
    assert wrong({"proxmox_lxc_containers": [container]}) == []
    assert wrong({"proxmox_lxc_containers": [{"vmid": 101}]}) == ["$.proxmox_lxc_containers"]
    assert wrong({"proxmox_lxc_containers": [{**container, "memroy": 1}]}) == ["$.proxmox_lxc_containers"]
