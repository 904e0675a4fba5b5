# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of secrets: what a project must get, and the role's own entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.omakase.homelab.plugins.filter.catalogue import catalogue_plan
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import generate
from ansible_collections.omakase.homelab.plugins.plugin_utils._omakase.catalogue import RULE

ROLE = yaml.safe_load(
    (Path(__file__).parents[5] / "roles" / "omakase" / "vars" / "main" / "catalogue.yml").read_text(encoding="utf-8")
)
BASE, SERVICES = ROLE["__omakase_base_secrets"], ROLE["__omakase_service_secrets"]
SCHEDULE = {"DB_PASSWORD": 90, "API_KEY": 180, "JWT_SECRET": 180, "ENCRYPTION_KEY": 365}


def plan(
    given: dict[str, str] | None = None,
    read: list[str] | None = None,
    present: list[str] | None = None,
    changes: list[dict[str, Any]] | None = None,
    generated: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    catalogues = {"base": BASE, "services": SERVICES, "changes": changes or [], "generated": generated or []}
    return catalogue_plan(catalogues, given=given or {}, read=read or [], present=present or [])


def test_the_base_secrets_exist_always_and_those_of_a_service_once_it_is_read() -> None:
    base = {entry["name"] for entry in BASE if entry["type"] != "given"}
    assert set(plan()["planned"]) == base
    assert set(plan(read=["SONARR_API_KEY", "NEXTCLOUD_DB_PASSWORD", "UNKNOWN_DB_PASSWORD"])["planned"]) == base | {
        "SONARR_API_KEY",
        "NEXTCLOUD_DB_PASSWORD",
    }


def test_what_exists_is_not_made_again() -> None:
    everything = [entry["name"] for entry in [*BASE, *SERVICES]]
    found = plan(read=everything, present=everything, given={"TZ": "Europe/Rome"})
    assert (found["create"], found["planned"], found["left_to_you"]) == ([], [], [])


def test_each_is_made_in_its_own_way_and_says_what_it_is_for() -> None:
    made = {
        entry["name"]: entry for entry in plan(given={"DOMAINNAME": "home.example"}, read=["SONARR_API_KEY"])["create"]
    }
    assert made["DOMAINNAME"] == {"name": "DOMAINNAME", "comment": "Domain of the homelab", "value": "home.example"}
    assert made["TZ"]["value"] == "Etc/UTC" and "generate" not in made["TZ"]
    assert made["SONARR_API_KEY"] == {
        "name": "SONARR_API_KEY",
        "comment": "API of Sonarr; change every 180 days",
        "generate": {"kind": "hex", "length": 32},
    }
    for entry in made.values():
        if "generate" in entry:
            generate.check(entry["generate"])


def test_what_only_a_person_can_give_is_named_once_it_is_needed() -> None:
    assert "JELLYFIN_API_KEY" not in plan()["left_to_you"]
    assert "JELLYFIN_API_KEY" in plan(read=["JELLYFIN_API_KEY"])["left_to_you"]
    assert "B2_ACCOUNT_ID" in plan()["left_to_you"]


def test_the_user_s_entries_change_what_they_give_and_leave_the_rest() -> None:
    changes: list[dict[str, Any]] = [
        {"name": "POSTGRES_PASSWORD", "length": 48},
        {"name": "MINE_DB_PASSWORD"},
        {"name": "MINE_WEB_PORT", "type": "default", "default": "8080"},
    ]
    made = {
        entry["name"]: entry for entry in plan(changes=changes, read=["MINE_DB_PASSWORD", "MINE_WEB_PORT"])["create"]
    }
    assert made["POSTGRES_PASSWORD"]["generate"] == {"kind": "alphanumeric", "length": 48}
    assert "Superuser" in made["POSTGRES_PASSWORD"]["comment"]
    assert made["MINE_DB_PASSWORD"]["generate"] == {"kind": "alphanumeric", "length": 32}
    assert made["MINE_WEB_PORT"]["value"] == "8080"


def test_generated_secrets_are_made_read_or_not_and_a_given_value_wins() -> None:
    generated = [{"name": "MINE_DB_PASSWORD", "generate": {"kind": "digits", "length": 8}}]
    made = {entry["name"]: entry for entry in plan(generated=generated)["create"]}
    assert made["MINE_DB_PASSWORD"]["generate"] == {"kind": "digits", "length": 8}
    given = {entry["name"]: entry for entry in plan(generated=generated, given={"MINE_DB_PASSWORD": "x"})["create"]}
    assert given["MINE_DB_PASSWORD"]["value"] == "x"


def test_rotation_is_told_of_every_secret_and_of_no_setting() -> None:
    changes: list[dict[str, Any]] = [
        {"name": "MINE_DB_PASSWORD", "recipe": "postgresql", "database_service": "db", "database_role": "mine"},
        {"name": "SONARR_API_KEY", "rotation_days": 30},
        {"name": "MINE_WEB_PIN", "rotation_days": 30, "recipe": "random"},
    ]
    generated: list[dict[str, Any]] = [
        {"name": "MINE_WEB_TOKEN", "generate": {"kind": "digits"}},
        {"name": "MINE_WEB_PIN", "generate": {"kind": "alphabet", "length": 8, "alphabet": "xyz"}},
    ]
    catalogues = {"base": BASE, "services": SERVICES, "changes": changes, "generated": generated}
    found = catalogue_plan({**catalogues, "server": ROLE["__omakase_server_secrets"]}, given={}, read=[], present=[])
    told = {entry["name"]: entry for entry in found["rotation"]}
    assert {"TZ", "DOMAINNAME", "DATA_DIR"} & told.keys() == set() and "ENCRYPTION_KEY" in told
    assert told["MINE_DB_PASSWORD"] == {"type": "alphanumeric", **changes[0]}
    assert (told["SONARR_API_KEY"]["rotation_days"], told["SONARR_API_KEY"]["recipe"]) == (30, "random")
    assert told["MINE_WEB_TOKEN"] == {"name": "MINE_WEB_TOKEN", "type": "digits", "length": 32}
    assert told["MINE_WEB_PIN"] == {**changes[2], "type": "alphabet", "length": 8, "alphabet": "xyz"}
    assert len(told) == len(found["rotation"])
    assert "ENCRYPTION_KEY" not in [entry["name"] for entry in found["create"]]


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("NEXTCLOUD_DB_PASSWORD", True),
        ("AUTHELIA_STORAGE_ENCRYPTION_KEY", True),
        ("N8N_DB_PASSWORD", True),
        ("SMTP_HOST", False),
        ("MINE__PASSWORD", False),
        ("MINE_DB_PASSWORD_", False),
        ("mine_db_password", False),
    ],
)
def test_names_of_the_user_s_own_are_held_to_the_rule(name: str, follows: bool) -> None:
    for found in (plan(given={name: "x"}), plan(changes=[{"name": name}])):
        assert found["against_the_rule"] == ([] if follows else [name])
    assert plan(given={"POSTGRES_PASSWORD": "x", "TZ": "x"})["against_the_rule"] == []
    assert plan(given={"no good": "x"})["unnamable"] == ["no good"]


def test_the_role_s_own_entries_are_complete_and_keep_the_rule_and_the_schedule() -> None:
    names = [entry["name"] for entry in [*BASE, *SERVICES]]
    assert len(names) == len(set(names)) and [entry["name"] for entry in SERVICES] == sorted(
        entry["name"] for entry in SERVICES
    )
    for entry in [*BASE, *SERVICES]:
        is_random = entry["type"] in generate.ALPHABETS or entry["type"] in generate.ENCODINGS
        assert is_random or entry["type"] in ("default", "given"), entry
        assert entry["purpose"] and is_random == ("length" in entry), entry
        assert not is_random or (entry["length"] >= 32 and entry["rotation_days"]), entry
        for purpose, days in SCHEDULE.items():
            assert not entry["name"].endswith(purpose) or entry["rotation_days"] == days, entry
    assert [entry["name"] for entry in SERVICES if entry["type"] != "default" and not RULE.match(entry["name"])] == []


def test_the_periods_of_all_that_is_known_are_told_by_name() -> None:
    periods = plan(changes=[{"name": "SONARR_API_KEY", "rotation_days": 30}, {"name": "OWN_APP_TOKEN"}])["periods"]
    assert (periods["SONARR_API_KEY"], periods["POSTGRES_PASSWORD"]) == (30, 90)
    assert (periods["OWN_APP_TOKEN"], periods["TZ"]) == (0, 0)
