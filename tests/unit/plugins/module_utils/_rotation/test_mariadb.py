# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of MariaDB: what is sent, over which way, and what is made of the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.databases import ComposeDatabases
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import MARIADB, Place
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.mariadb import native, ways

PLACE = Place("mariadb", "o'reilly", MARIADB)
OLD, NEW = native("canary-old"), native("canary-new")


def account(*kept: str, host: str = "%", plugin: str = "mysql_native_password", **more: Any) -> str:
    """A row as MariaDB 11 has it: of several ways the first is the account's own, and {} stands for it."""
    several = {"auth_or": [{}, *({"plugin": plugin, "authentication_string": one} for one in kept[1:])]}
    own = {"access": 0, "plugin": plugin, "authentication_string": kept[0]}
    return f"{host}\t{json.dumps({**own, **(several if kept[1:] else {}), **more})}\n"


def asked_for(command: Sequence[str]) -> set[str]:
    """The service and the project whose container `docker ps` was asked for."""
    labels = [word for word in command if word.startswith("label=com.docker.compose.")]
    return {label.rpartition("=")[2] for label in labels}


class Engine:
    """Docker with one MariaDB that has those accounts and takes the passwords of `right`."""

    def __init__(self, *right: str, accounts: str = account(OLD), error: str = "") -> None:
        self.right, self.accounts, self.error = set(right), accounts, error
        self.commands: list[Sequence[str]] = []
        self.statements: list[str] = []

    def __call__(
        self, command: Sequence[str], data: str = "", env: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        self.commands.append(command)
        if command[1] == "ps":
            return 0, "c0ffee\n", ""
        if env:
            ok = env["MYSQL_PWD"] in self.right
            return (0, "1\n", "") if ok else (1, "", self.error or "ERROR 1045 (28000): Access denied for user 'x'@'h'")
        self.statements.append(data)
        return (1, "", self.error) if self.error else (0, self.accounts if data.startswith("SELECT") else "", "")


def databases(engine: Engine) -> ComposeDatabases:
    return ComposeDatabases(engine, "/srv/omakase")


def test_what_is_kept_of_a_password_is_what_mariadb_makes_of_it() -> None:
    """The example of MariaDB's own documentation: SELECT PASSWORD('notagoodpwd')."""
    assert native("notagoodpwd") == "*3A70EE9FC6594F88CE9E959CD51C5A1C002DC937"


def test_a_password_is_never_on_a_command_line_nor_in_a_statement() -> None:
    engine = Engine("canary-old", "canary-new")
    asked = databases(engine)
    assert asked.problem(PLACE, "canary-old") == ""
    asked.set_password(PLACE, "canary-new")
    assert "canary" not in repr(engine.commands) and "canary" not in repr(engine.statements)
    assert asked_for(engine.commands[0]) == {"mariadb", "/srv/omakase"}
    assert "User = 'o''reilly'" in engine.statements[0]


def test_every_account_of_the_user_takes_the_new_password_beside_what_it_took() -> None:
    engine = Engine("canary-new", accounts=account(OLD) + account(OLD, OLD, host="localhost"))
    databases(engine).set_password(PLACE, "canary-new")
    both = f"IDENTIFIED VIA mysql_native_password USING '{NEW}' OR mysql_native_password USING '{OLD}'"
    assert engine.statements[-1] == f"ALTER USER 'o''reilly'@'%' {both}, 'o''reilly'@'localhost' {both};"


def test_the_socket_stays_a_way_in() -> None:
    engine = Engine("canary-new", accounts=account(OLD, auth_or=[{"plugin": "unix_socket"}, {}]))
    databases(engine).set_password(PLACE, "canary-new")
    assert engine.statements[-1].endswith(f"USING '{OLD}' OR unix_socket;")


@pytest.mark.parametrize(
    ("kept", "statement"),
    [
        ((NEW, OLD), f"ALTER USER 'o''reilly'@'%' IDENTIFIED VIA mysql_native_password USING '{NEW}';"),
        ((OLD, "*of somebody"), ""),
        ((NEW,), ""),
    ],
)
def test_in_the_end_it_takes_the_new_one_alone_if_it_takes_it_at_all(kept: tuple[str, ...], statement: str) -> None:
    engine = Engine(accounts=account(*kept))
    databases(engine).keep_only(PLACE, "canary-new")
    assert [one for one in engine.statements if one.startswith("ALTER")] == ([statement] if statement else [])


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        (Engine("canary-old", accounts=""), "has no user o'reilly to change"),
        (Engine("canary-old", accounts=account(OLD, is_role=True)), "has no user o'reilly to change"),
        (Engine("canary-old", accounts=account(OLD, plugin="ed25519")), "proves o'reilly@% by ed25519"),
        (Engine("canary-old", accounts=account(OLD) + account("*1", host="::1")), "another password for o'reilly@::1"),
        (Engine(), "does not take the present value"),
        (Engine(error="ERROR 1146 (42S02): Table 'mysql.global_priv' doesn't exist"), "no MariaDB of version 10.4"),
        (Engine(error="ERROR 1045 (28000): Access denied for user 'root'@'localhost'"), "refused its superuser"),
    ],
)
def test_what_cannot_be_changed_is_a_problem(engine: Engine, why: str) -> None:
    assert why in databases(engine).problem(PLACE, "canary-old")


def test_without_a_role_it_is_the_superuser() -> None:
    engine = Engine("canary-old", accounts="")
    assert "has no user root" in databases(engine).problem(Place("mariadb", "", MARIADB), "canary-old")


def test_a_server_that_does_not_answer_is_an_error_and_no_refusal() -> None:
    with pytest.raises(InfisicalError, match="does not let o'reilly log in: ERROR 2002"):
        databases(Engine(error="ERROR 2002 (HY000): Can't connect")).accepts(PLACE, "x")


def test_an_account_of_an_older_server_has_one_way() -> None:
    assert ways({"access": 0}) == (("mysql_native_password", ""),)
