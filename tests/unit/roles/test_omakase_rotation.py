# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts the playbook rotate takes for ones with the same secrets, and that the role hands them on."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.meta.repository import ROOT
from tests.support.role import Role


def shared_with(hosts: dict[str, dict[str, Any]], server: bool) -> list[str]:
    """What the playbook finds on the first of these Omakase hosts. hosts: the variables of each."""
    groups = {"omakase": list(hosts), **({"infisical": ["vault"]} if server else {})}
    given = {"groups": groups, "hostvars": {**hosts, "vault": {}}, "inventory_hostname": next(iter(hosts))}
    role = Role("omakase", given)
    role.variables.update(role._yaml("../../playbooks/vars/rotate.yml"))
    found: list[str] = role.value("__rotate_shared_with")
    return found


@pytest.mark.parametrize(
    ("hosts", "server", "found"),
    [
        ({"one": {}}, True, []),
        ({"one": {}, "two": {}}, True, ["two"]),
        ({"one": {}, "two": {"omakase_environment": "dev"}, "three": {"omakase_environment": "prod"}}, True, ["two"]),
        ({"one": {"omakase_environment": "prod"}, "two": {}}, True, []),
        # What the inventory says of the project does not count where a server of our own says it.
        ({"one": {"infisical_project_id": "p1"}, "two": {}}, True, ["two"]),
        ({"one": {"infisical_project_id": "p1"}, "two": {"infisical_project_id": "p1"}}, False, ["two"]),
        ({"one": {"infisical_project_id": "p1"}, "two": {"infisical_project_id": "p2"}}, False, []),
    ],
)
def test_hosts_that_share_an_environment_of_a_project_are_found(
    hosts: dict[str, dict[str, Any]], server: bool, found: list[str]
) -> None:
    assert shared_with(hosts, server) == found


def test_the_playbook_gives_them_to_the_role_and_the_role_to_its_module() -> None:
    play = yaml.safe_load((ROOT / "playbooks/rotate.yml").read_text(encoding="utf-8"))[0]
    assert play["vars"]["omakase_rotate_shared_with"] == "{{ __rotate_shared_with }}"
    tasks = yaml.safe_load((ROOT / "roles/omakase/tasks/rotate.yml").read_text(encoding="utf-8"))
    given = tasks[1]["module_defaults"]["omakase.homelab.infisical_rotation"]
    assert given["shared_with"] == "{{ omakase_rotate_shared_with }}"
