# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks rotate and audit take hosts for: ones with the same secrets, and ones that hold an identity."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import yaml

from tests.meta.repository import ROOT
from tests.support.role import Role


def playbook(name: str, given: dict[str, Any]) -> Role:
    """The variables of a playbook, among facts and variables of hosts."""
    role = Role("omakase", given)
    role.variables.update(role._yaml(f"../../playbooks/vars/{name}.yml"))
    return role


def shared_with(hosts: dict[str, dict[str, Any]], server: bool) -> list[str]:
    """What the playbook finds on the first of these Omakase hosts. hosts: the variables of each."""
    groups = {"omakase": list(hosts), **({"infisical": ["vault"]} if server else {})}
    given = {"groups": groups, "hostvars": {**hosts, "vault": {}}, "inventory_hostname": next(iter(hosts))}
    role = playbook("rotate", given)
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


OLD, NEW = ["omakase-deployment", "management"], ["omakase-deployment", "omakase-dev", "omakase-prod", "management"]
DEV, PROD = {"omakase_environment": "dev"}, {"omakase_environment": "prod"}


def rotating(hosts: dict[str, dict[str, Any]], kept: list[str], *pending: str) -> Role:
    """The playbook, where the server keeps these identities and of some an older client secret works still."""
    files = [
        {"item": name, "content": base64.b64encode(json.dumps({"client_id": f"id-of-{name}"}).encode()).decode()}
        for name in kept
    ]
    asked = [
        {"item": {"value": name}, "superseded": ["s1"] if name in pending else [], "client_secret_id": "s2"}
        for name in kept
    ]
    vault: dict[str, Any] = {"__rotate_files": {"results": files}, "__rotate_seen": {"results": asked}}
    everyone = {name: {"inventory_hostname": name, **found} for name, found in hosts.items()}
    given = {"groups": {"omakase": list(hosts), "infisical": ["vault"]}, "hostvars": {**everyone, "vault": vault}}
    role = playbook("rotate", given)
    vault["__rotate_held_before"] = role.value("__rotate_held")
    return role


def logged_in(identity: str) -> dict[str, Any]:
    """A host whose .env was read."""
    return {"__omakase_host": {"environment": {"identity": f"id-of-{identity}"}}}


@pytest.mark.parametrize(
    ("hosts", "kept", "held"),
    [
        ({"one": DEV | logged_in("omakase-deployment")}, OLD, [["one", "omakase-deployment"]]),
        (
            {"one": DEV | logged_in("omakase-dev"), "two": PROD | logged_in("omakase-prod")},
            NEW,
            [["one", "omakase-dev"], ["two", "omakase-prod"]],
        ),
        # It was set up before there were identities that only read, and has not been given one yet.
        (
            {"one": DEV | logged_in("omakase-deployment")},
            NEW,
            [["one", "omakase-dev"], ["one", "omakase-deployment"]],
        ),
        # Nobody has read what it holds.
        ({"one": DEV}, NEW, [["one", "omakase-dev"], ["one", "omakase-deployment"]]),
        # An environment of one's own has none.
        (
            {"one": {"omakase_environment": "lab"} | logged_in("omakase-deployment")},
            NEW,
            [["one", "omakase-deployment"]],
        ),
    ],
)
def test_a_host_holds_the_identity_that_env_names_and_the_one_that_it_is_to_have(
    hosts: dict[str, dict[str, Any]], kept: list[str], held: list[list[str]]
) -> None:
    assert rotating(hosts, kept).value("__rotate_held") == held


def test_hosts_are_given_anew_what_they_hold_and_no_other_host_is_waited_for() -> None:
    hosts = {"one": DEV | logged_in("omakase-dev"), "two": PROD | logged_in("omakase-prod")}
    role = rotating(hosts, NEW, "omakase-dev", "omakase-deployment", "management")
    assert role.value("__rotate_pending | list") == ["omakase-dev"]
    assert role.value("__rotate_concerned | list") == role.value("__rotate_unproven | list") == ["one"]
    hosts["one"]["__rotate_proof"] = {"msg": "one logs in with the new client secret."}
    role = rotating(hosts, NEW, "omakase-dev", "omakase-prod")
    assert role.value("__rotate_concerned | list") == ["one", "two"]
    assert role.value("__rotate_unproven | list") == ["two"]


def test_the_deployment_s_is_used_from_its_file_once_no_host_holds_it() -> None:
    names = "__rotate_managed | map(attribute='key') | list"
    everything = ["omakase-deployment", "omakase-dev", "omakase-management"]
    role = rotating({"one": DEV | logged_in("omakase-dev")}, NEW)
    assert role.value(names) == everything
    assert "omakase-deployment" not in role.value("__rotate_noted | map(attribute=1) | list")
    # Without an Omakase host nobody knows who uses them, but for the one that manages the others.
    assert rotating({}, NEW).value(names) == ["omakase-management"]


def test_the_audit_knows_as_whom_each_host_logs_in_and_the_deployment_beside() -> None:
    hosts = {
        "one": DEV | logged_in("omakase-dev"),
        "two": PROD | logged_in("omakase-prod"),
        "three": PROD | logged_in("own"),
        "four": DEV | logged_in("own"),
        "lost": {},
    }
    groups = {"omakase": list(hosts), "infisical": ["vault"]}
    given = {"groups": groups, "hostvars": {**hosts, "vault": {}}, "omakase_infisical_client_id": "id-of-deployment"}
    role = playbook("audit", given)
    found = {name: sorted(environments) for name, environments in role.value("__audit_uses").items()}
    assert found == {
        "id-of-omakase-dev": ["dev"],
        "id-of-omakase-prod": ["prod"],
        "id-of-own": ["dev", "prod"],
        "id-of-deployment": ["dev", "prod"],
    }
    assert role.value("__audit_rotated") == [
        "omakase-management", "omakase-deployment", "omakase-dev", "omakase-prod",
    ]  # fmt: skip
