# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords of PostgreSQL: what is sent, over which way, and what is made of the answers."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.databases import ComposeDatabases
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.journal import Place
from ansible_collections.omakase.homelab.plugins.module_utils._rotation.postgres import verifier

PLACE = Place("postgres", "o'reilly")
REFUSED = 'psql: error: FATAL:  password authentication failed for user "x"'


def asked_for(command: Sequence[str]) -> set[str]:
    """The service and the project whose container `docker ps` was asked for."""
    labels = [word for word in command if word.startswith("label=com.docker.compose.")]
    return {label.rpartition("=")[2] for label in labels}


class Engine:
    """Docker with one PostgreSQL. It takes the passwords of `right`, and of ALTER ROLE those of `altered` then."""

    def __init__(self, *right: str, role_exists: str = "1\n", altered: tuple[str, ...] = (), error: str = "") -> None:
        self.right, self.altered, self.role_exists, self.error = set(right), altered, role_exists, error
        self.commands: list[Sequence[str]] = []
        self.statements: list[str] = []
        self.running = True

    def __call__(
        self, command: Sequence[str], data: str = "", env: Mapping[str, str] | None = None
    ) -> tuple[int, str, str]:
        self.commands.append(command)
        if command[1] == "ps":
            return 0, "c0ffee\n" if self.running else "", ""
        if env:
            ok = env["PGPASSWORD"] in self.right
            return (0, "1\n", "") if ok else (2, "", self.error or REFUSED)
        self.statements.append(data)
        if self.error:
            return 3, "", f"psql: error: {self.error}\n"
        if data.startswith("ALTER"):
            self.right = set(self.altered)
        return 0, self.role_exists, ""


def databases(engine: Engine) -> ComposeDatabases:
    return ComposeDatabases(engine, "/srv/omakase")


def test_the_verifier_is_the_one_of_the_standard_s_example() -> None:
    """RFC 7677, section 3."""
    made = verifier("pencil", b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert made == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_a_password_is_never_on_a_command_line_nor_in_a_statement() -> None:
    engine = Engine("canary-old", altered=("canary-new",))
    asked = databases(engine)
    assert asked.problem(PLACE, "canary-old") == ""
    asked.set_password(PLACE, "canary-new")
    assert "canary" not in repr(engine.commands) and "canary" not in repr(engine.statements)
    assert asked_for(engine.commands[0]) == {"postgres", "/srv/omakase"}
    assert engine.statements[-1].startswith("ALTER ROLE \"o'reilly\" PASSWORD 'SCRAM-SHA-256$")
    assert "'o''reilly'" in engine.statements[0]


def test_the_superuser_is_whoever_the_image_made_one() -> None:
    engine = Engine("p", altered=("q",))
    databases(engine).set_password(Place("postgres"), "q")
    assert engine.statements[-1].startswith("ALTER ROLE CURRENT_USER PASSWORD")


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        (Engine("p", role_exists=""), "has no role o'reilly"),
        (Engine(), "does not take the present value"),
        (Engine("p", error="the server is starting"), "the server is starting"),
    ],
)
def test_a_role_that_is_not_there_or_has_another_password_is_a_problem(engine: Engine, why: str) -> None:
    assert why in databases(engine).problem(PLACE, "p")


def test_a_database_that_takes_any_password_is_a_problem() -> None:
    engine = Engine()
    engine.right = type("Any", (set,), {"__contains__": lambda *_: True})()
    assert "takes any password" in databases(engine).problem(PLACE, "p")


def test_a_service_that_does_not_run_is_a_problem_and_no_traceback() -> None:
    engine = Engine("p")
    engine.running = False
    assert "does not run" in databases(engine).problem(PLACE, "p")
    with pytest.raises(InfisicalError, match="Start the stack"):
        databases(engine).accepts(PLACE, "p")


def test_a_right_password_for_a_database_that_is_denied_counts_as_right() -> None:
    assert databases(Engine(error='FATAL: permission denied for database "postgres"')).accepts(PLACE, "p")


def test_a_password_that_was_set_and_does_not_work_is_an_error() -> None:
    with pytest.raises(InfisicalError, match="just set"):
        databases(Engine("old", altered=("something else",))).set_password(PLACE, "new")
