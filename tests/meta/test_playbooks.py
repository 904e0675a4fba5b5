# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks parse, leave variables to the inventory, and find an installation wherever that says it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.meta.repository import COLLECTION, PLAYBOOKS, ROOT, read, run

DIRECTORIES = ROOT / "playbooks/vars/directories.yml"
# The roles that have a directory of their own which follows infisical_directory
FOLLOWING = [f"{COLLECTION}.{name}" for name in ("infisical", "infisical_project", "infisical_backup", "reverse_proxy")]
# The backup's, the upgrade's credentials, Traefik's, and where the project's credentials are
FOLLOWERS = (
    "infisical_backup_directory",
    "infisical_upgrade_credentials_directory",
    "reverse_proxy_traefik_project",
    "infisical_project_credentials_directory",
)
USUAL = ("/opt/infisical", "/opt/infisical/credentials", "/opt/infisical", "/opt/infisical/credentials")
MOVED = ("/srv/vault", "/srv/vault/credentials", "/srv/vault", "/srv/vault/credentials")


def test_every_playbook_parses() -> None:
    playbooks = ["site.yml", *(f"playbooks/{name}.yml" for name in PLAYBOOKS)]
    run("ansible-playbook", "--syntax-check", "-i", "inventories/proxmox", *playbooks)


def test_no_playbook_ships_group_variables() -> None:
    """They would win over the user's inventory."""
    assert not list((ROOT / "playbooks").glob("*_vars"))


def test_where_an_installation_lies_is_said_in_one_place() -> None:
    places = [path for path in (ROOT / "playbooks").rglob("*.yml") if "/opt/infisical" in path.read_text()]
    assert places == [DIRECTORIES]


@pytest.mark.parametrize("name", PLAYBOOKS)
def test_every_play_that_needs_a_directory_of_the_installation_is_told_of_it(name: str) -> None:
    for play in read(ROOT / f"playbooks/{name}.yml"):
        text, files = json.dumps(play), play.get("vars_files", [])
        applies = any(f'"{role}"' in text for role in FOLLOWING)
        asks = "__site_installation" in text or "__site_credentials" in text
        if applies or asks or (files and play["hosts"] != "localhost"):
            assert "vars/directories.yml" in files, play["name"]


@pytest.mark.parametrize(
    ("group", "given", "expected"),
    [
        ({}, {}, USUAL),
        ({"infisical_directory": "/srv/vault"}, {}, MOVED),
        ({}, {"infisical_directory": "/srv/vault"}, MOVED),
        (
            {"infisical_directory": "/srv/vault", "infisical_project_credentials_directory": "/etc/vault"},
            {"infisical_backup_directory": "/srv/old"},
            ("/srv/old", "/etc/vault", "/srv/vault", "/etc/vault"),
        ),
    ],
    ids=["as usual", "by the inventory", "on the command line", "a part elsewhere"],
)
def test_one_setting_moves_all_that_belongs_to_an_installation(
    tmp_path: Path, group: dict[str, str], given: dict[str, str], expected: tuple[str, ...]
) -> None:
    """On its host; and an Omakase host, which the group's variables do not reach, finds the credentials there."""
    inventory = {"infisical": {"hosts": {"vault": {}}, "vars": group}, "omakase": {"hosts": {"services": {}}}}
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    told = {"vault": list(FOLLOWERS), "services": ["__site_credentials"]}
    plays = [
        {
            "hosts": host,
            "gather_facts": False,
            "vars_files": [str(DIRECTORIES)],
            "tasks": [{"ansible.builtin.assert": {"that": f"[{', '.join(names)}] == {list(expected[-len(names) :])}"}}],
        }
        for host, names in told.items()
    ]
    (tmp_path / "plays.yml").write_text(json.dumps(plays))
    given_too = ("-e", json.dumps(given))
    run("ansible-playbook", "-i", str(tmp_path / "hosts.yml"), *given_too, str(tmp_path / "plays.yml"))
