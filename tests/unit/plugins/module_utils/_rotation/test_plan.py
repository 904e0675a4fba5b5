# SPDX-License-Identifier: GPL-3.0-or-later
"""What is due, and what becomes of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Secret
from ansible_collections.omakase.homelab.plugins.module_utils._rotation import plan
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import Place
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.plan import Row, rows

NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc)
ROLE = yaml.safe_load(
    (Path(__file__).parents[5] / "roles" / "omakase" / "vars" / "main" / "catalogue.yml").read_text(encoding="utf-8")
)


class Database:
    """One role is there, with the password p."""

    def __init__(self) -> None:
        self.asked: list[Place] = []

    def problem(self, place: Place, password: str) -> str:
        self.asked.append(place)
        return "" if (place.role, password) == ("authelia", "p") else f"no role {place.role}"


def secret(name: str, age: float | None, value: str = "p", **more: Any) -> Secret:
    stamp = "" if age is None else (NOW - timedelta(days=age)).isoformat().replace("+00:00", "Z")
    return Secret(name, value, updated=stamp, **more)


def table(
    catalogue: list[dict[str, Any]], *found: Secret, names: tuple[str, ...] = (), database: Database | None = None
) -> dict[str, Row]:
    entries = [{"type": "hex", "recipe": "random", **entry} for entry in catalogue]
    secrets = {item.name: item for item in found}
    made = rows(entries, secrets, names, NOW, database or Database(), {"A": ["web", "worker"]})
    return {row.name: row for row in made}


@pytest.mark.parametrize(
    ("age", "state", "due"),
    [
        (0.5, "not due", 90),
        (89.9, "not due", 1),
        (90.0, "rotate", 0),
        (400.0, "rotate", -310),
        (None, "not due", None),
    ],
)
def test_a_secret_is_due_by_the_server_s_own_timestamp(age: float | None, state: str, due: int | None) -> None:
    row = table([{"name": "A", "rotation_days": 90}], secret("A", age))["A"]
    assert (row.state, row.due_in) == (state, due)


def test_nothing_is_rotated_unless_it_is_due_or_named() -> None:
    catalogue: list[dict[str, Any]] = [
        {"name": "A", "rotation_days": 90},
        {"name": "B", "rotation_days": 90},
        {"name": "C"},
    ]
    found = [secret(name, 1) for name in "ABC"]
    assert {row.state for row in table(catalogue, *found).values()} == {"not due"}
    states = {name: row.state for name, row in table(catalogue, *found, names=("A", "C")).items()}
    assert states == {"A": "rotate", "B": "not due", "C": "rotate"}


def test_the_row_says_what_would_happen() -> None:
    row = table([{"name": "A", "rotation_days": 90}], secret("A", 91))["A"]
    assert (row.kind, row.recipe, row.action) == ("hex", "random", "new value, restarts: web, worker")
    database = {"name": "A", "rotation_days": 90, "recipe": "postgresql", "database_role": "authelia"}
    assert table([database], secret("A", 91))["A"].action.startswith("ALTER ROLE, new value")


def test_what_is_made_by_hand_is_listed_with_where_and_never_invented() -> None:
    given = {"name": "A", "type": "given", "recipe": None, "rotation_days": 180, "how": "on its web page"}
    assert table([given], secret("A", 181))["A"].action == "make a new one: on its web page"
    assert table([given], secret("A", 1), names=("A",))["A"].state == "by hand"


@pytest.mark.parametrize(
    ("entry", "found", "why"),
    [
        ({"recipe": "keep", "how": "storage"}, {}, "would lose data: storage"),
        ({"recipe": None}, {}, "has no recipe"),
        ({"type": "default"}, {}, "not random"),
        ({}, {"hidden": True}, "may not read"),
        ({}, {"value": "${OTHER}"}, "refers to another"),
        ({"recipe": "postgresql", "database_role": "nobody"}, {}, "no role nobody"),
        ({"recipe": "postgresql", "database_role": "authelia"}, {"value": "pässword"}, "normalises"),
    ],
)
def test_what_would_do_harm_is_refused_with_the_reason(entry: dict[str, Any], found: dict[str, Any], why: str) -> None:
    catalogue = [{"name": "A", "rotation_days": 90, **entry}]
    for made in (table(catalogue, secret("A", 91, **found)), table(catalogue, secret("A", 1, **found), names=("A",))):
        assert made["A"].state == "refused" and why in made["A"].action


def test_a_name_that_nobody_knows_or_the_project_lacks_is_refused() -> None:
    made = table([{"name": "A"}], secret("B", 1), names=("A", "B", "OMAKASE_ROTATION_JOURNAL"))
    assert "no such secret" in made["A"].action and "does not know it" in made["B"].action
    assert len(plan.refused_by_name(list(made.values()), ("A", "B"))) == 2
    assert made["OMAKASE_ROTATION_JOURNAL"].state == "refused"


def test_a_database_is_asked_only_about_what_would_be_changed() -> None:
    database = Database()
    entry = {"name": "A", "rotation_days": 90, "recipe": "postgresql", "database_service": "db", "database_role": "x"}
    table([entry], secret("A", 1), database=database)
    assert database.asked == []
    table([entry], secret("A", 91), database=database)
    assert database.asked == [Place("db", "x")]


def test_the_table_is_in_the_order_of_what_to_do_and_holds_no_value() -> None:
    catalogue = [
        {"name": "LATER", "rotation_days": 90},
        {"name": "SOON", "rotation_days": 90},
        {"name": "KEPT", "rotation_days": 90, "recipe": "keep"},
        {"name": "HAND", "rotation_days": 90, "type": "given"},
        {"name": "DUE", "rotation_days": 90},
    ]
    ages = {"LATER": 1, "SOON": 89, "KEPT": 100, "HAND": 100, "DUE": 93}
    made = table(catalogue, *(secret(name, age, "canary-value") for name, age in ages.items()))
    lines = plan.lines(list(made.values()))
    assert [line.split()[0] for line in lines] == ["what", "rotate", "refused", "refused", "not", "not"]
    assert "since 3 days" in lines[1] and "in 1 day " in lines[4] and "in 89 days" in lines[5]
    assert "canary" not in "\n".join(lines)
    assert plan.lines([]) == []


def test_the_role_s_own_entries_each_say_how_they_are_rotated_or_why_not() -> None:
    entries = [*ROLE["__omakase_base_secrets"], *ROLE["__omakase_service_secrets"], *ROLE["__omakase_server_secrets"]]
    for entry in entries:
        if entry.get("rotation_days"):
            assert entry["type"] == "given" or entry["recipe"] in plan.RECIPES, entry
        if entry.get("recipe") in ("by_hand", "keep") or (entry["type"] == "given" and entry.get("rotation_days")):
            assert entry["how"], entry
        if entry.get("recipe") == "postgresql":
            assert entry["database_service"] and ("database_role" in entry or entry["name"] == "POSTGRES_PASSWORD")


def test_keys_that_encrypt_what_is_stored_are_never_changed_blindly() -> None:
    entries = [*ROLE["__omakase_base_secrets"], *ROLE["__omakase_service_secrets"], *ROLE["__omakase_server_secrets"]]
    keys = [entry for entry in entries if "Encrypts" in entry["purpose"] and "sessions" not in entry["purpose"]]
    assert {"AUTHELIA_STORAGE_ENCRYPTION_KEY", "RESTIC_PASSWORD", "ENCRYPTION_KEY"} <= {key["name"] for key in keys}
    assert [key["name"] for key in keys if key["recipe"] != "keep"] == []


@pytest.mark.parametrize("recipe", ["postgresql", "mariadb"])
def test_a_password_that_databases_of_other_hosts_have_is_refused_and_other_secrets_are_not(recipe: str) -> None:
    catalogue = [
        {"name": "A", "type": "hex", "rotation_days": 90, "recipe": recipe, "database_role": "authelia"},
        {"name": "B", "type": "hex", "rotation_days": 90, "recipe": "random"},
    ]
    secrets = {name: secret(name, 91) for name in "AB"}
    made = {row.name: row for row in rows(catalogue, secrets, (), NOW, Database(), {}, ["two", "three"])}
    assert {name: row.state for name, row in made.items()} == {"A": "refused", "B": "rotate"}
    assert "three, two" in made["A"].action and "an environment of its own" in made["A"].action
