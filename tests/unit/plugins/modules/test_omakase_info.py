# SPDX-License-Identifier: GPL-3.0-or-later
"""What omakase_info reads of a host, and what its action makes of it."""

from __future__ import annotations

import getpass
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.loader import action_loader
from ansible_collections.omakase.homelab.plugins.module_utils._omakase import host

from tests.support.modules import printed_by


def containers(*of: tuple[str, str]) -> dict[str, Any]:
    """What the engine tells of containers, each of a project in a directory."""
    label = "com.docker.compose.project"
    return {"containers": [{"Labels": {label: name, f"{label}.working_dir": path}} for name, path in of]}


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A host with Docker, Compose and two stacks of one name, and without the CLI: where its programs are."""
    directory = tmp_path / "programs"
    directory.mkdir()
    for name in ("docker", "docker-compose"):
        (directory / name).write_text("")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}:{os.environ['PATH']}")
    monkeypatch.setattr(host, "_PLUGINS", ["/nonexistent", str(directory)])
    monkeypatch.setattr(host, "engine", lambda _paths: containers(("a", "/two"), ("a", "/one"), ("a", "/two")))
    return directory


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with files that matter, files that do not, and an override that git ignores."""
    directory = tmp_path / "omakase"
    for name, text in {
        "compose.yml": "include: [a/compose.yml]\nservices: {one: {image: '${A}', env_file: local/one.env}}\n",
        "a/compose.yml": "services: {two: {extends: {file: ../local/base.yml, service: base}}}\n",
        "conf/x.toml": "x = '${X}'\n",
        "plain.txt": "nothing to fill in\n",
        ".gitignore": "local/\n*.override.yml\n",
    }.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    git = ["git", "-C", str(directory)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    (directory / "local").mkdir()
    (directory / "local" / "one.env").write_text("B=${OUTSIDE}\n")
    (directory / "local" / "base.yml").write_text("services: {base: {image: '${BASE}'}}\n")
    (directory / "compose.override.yml").write_text("services: {one: {labels: ['${OVERRIDE}']}}\n")
    login = "INFISICAL_CLIENT_ID=reader\nINFISICAL_CLIENT_SECRET=canary-9c\n"
    (directory / ".env").write_text(f"{login}COMPOSE_PROFILES=extra\nEMPTY=\n")
    return directory


def ask(directory: Path, **given: Any) -> dict[str, Any]:
    return printed_by("omakase_info", {"directory": str(directory), "user": getpass.getuser(), **given})


def act(directory: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the action returns, and what it asked the host."""
    asked: list[dict[str, Any]] = []
    action = action_loader.get("omakase.homelab.omakase_info", class_only=True)

    def execute(_self: Any, module_args: dict[str, Any], task_vars: Any) -> dict[str, Any]:
        asked.append(module_args)
        return printed_by("omakase_info", module_args)

    monkeypatch.setattr(action, "_execute_module", execute)
    monkeypatch.setattr(action.__mro__[1], "run", lambda *_arguments: {})
    plugin = action.__new__(action)
    plugin._task = SimpleNamespace(args={"directory": str(directory), "user": getpass.getuser(), **given})
    return plugin.run(None, {}), asked


@pytest.mark.parametrize(
    ("option", "value", "kind"),
    [
        ("secrets", "canary-9c", "dictionary"),
        ("given", ["canary-9c"], "dictionary"),
        ("catalogue", "x", "dictionary"),
        ("variables", "x", "dictionary"),
        ("ignored", "DS_*", "list"),
        ("read", 5, "list"),
    ],
)
def test_an_option_of_another_kind_is_named(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, option: str, value: Any, kind: str
) -> None:
    found, asked = act(checkout, monkeypatch, **{option: value})
    assert found["failed"] and found["msg"].startswith(f"{option} is no {kind}") and "canary" not in found["msg"]
    assert asked == [] and "failed" not in act(checkout, monkeypatch, **{option: None})[0]


def test_the_texts_are_those_that_may_read_a_variable(checkout: Path) -> None:
    found = ask(checkout)["checkout"]
    assert found["tracked"] == [".gitignore", "a/compose.yml", "compose.yml", "conf/x.toml", "plain.txt"]
    assert sorted(found["texts"]) == ["a/compose.yml", "compose.override.yml", "compose.yml", "conf/x.toml"]


def test_values_of_env_are_never_told_but_for_compose_s_own_and_as_whom_the_host_logs_in(checkout: Path) -> None:
    result = ask(checkout)
    assert result["environment"] == {
        "names": ["INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET", "COMPOSE_PROFILES"],
        "settings": {"COMPOSE_PROFILES": "extra"},
        "identity": "reader",
        "problem": "",
    }
    assert "canary" not in str(result)
    (checkout / ".env").write_text("canary no assignment\n")
    result = ask(checkout)
    assert "line 1 is neither" in result["environment"]["problem"] and "canary" not in str(result)


def test_the_account_and_whoever_has_its_numbers(checkout: Path) -> None:
    here = ask(checkout, uid=os.getuid(), gid=0)["account"]
    assert (here["uid"], here["uid_owner"], here["gid_owner"]) == (os.getuid(), getpass.getuser(), "root")
    nobody = ask(checkout, user="no-such-user", uid=4711)["account"]
    assert nobody == {"uid": None, "gid": None, "home": None, "uid_owner": None, "gid_owner": None}


def test_programs_and_the_stacks_that_run_and_the_command(
    checkout: Path, tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "omakase-infisical"
    command.write_text('#!/bin/sh\ncd /srv/omakase\nexec infisical "$verb" --env=prod "$@"\n')
    found = ask(checkout, command=str(command))
    assert (found["programs"]["compose"], found["programs"]["infisical"]) == (f"{programs}/docker-compose", None)
    assert found["programs"]["projects"] == {"a": ["/one", "/two"]} and found["programs"]["engine_problem"] == ""
    assert found["command"] == {"directory": "/srv/omakase", "environment": "prod"}
    command.write_text('DIRECTORY = "/srv/omakase"\nENVIRONMENT = "prod"\nUSAGE = "--env=x"\n')
    assert ask(checkout, command=str(command))["command"] == found["command"]
    assert ask(checkout, command="/nonexistent")["command"] == {}
    (programs / "docker-compose").unlink()
    monkeypatch.setattr(host, "engine", lambda _paths: {"problem": "no such file"})
    found = ask(checkout)["programs"]
    assert (found["compose"], found["projects"], found["engine_problem"]) == (None, {}, "no such file")


@pytest.mark.parametrize("number", [-2, 2**40])
def test_a_number_that_no_account_can_have_is_nobody_s(tmp_path: Path, number: int) -> None:
    account = ask(tmp_path, uid=number, gid=number)["account"]
    assert (account["uid_owner"], account["gid_owner"]) == (None, None)


def test_no_checkout_is_no_failure(tmp_path: Path) -> None:
    assert ask(tmp_path / "none")["checkout"] == {"exists": False, "tracked": [], "texts": {}}


def test_files_that_git_does_not_know_are_asked_for_once_more(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, asked = act(checkout, monkeypatch)
    assert found["project"]["names"] == ["A", "BASE", "OUTSIDE", "OVERRIDE"] and len(asked) == 2
    assert found["project"]["absent"] == [] and "texts" not in found["checkout"]


def test_a_file_that_reads_nothing_or_may_be_missing_is_not_missed(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_files = (
        "[plain.txt, {path: gone.env, required: false}, {path: lost.env}, {path: local/one.env, required: false}]"
    )
    (checkout / "compose.yml").write_text(f"services: {{one: {{image: '${{HOME}}${{PWD}}', env_file: {env_files}}}}}\n")
    found, _asked = act(checkout, monkeypatch, secrets={"OUTSIDE": "x", "OVERRIDE": "x"})
    assert found["project"]["absent"] == ["lost.env"] and "OUTSIDE" in found["project"]["names"]
    assert found["plan"]["refused"] == []


def test_settings_are_the_project_s_else_the_given_ones_else_the_defaults(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "secrets": {"DATA_DIR": "/project", "COMPOSE_PROJECT_NAME": "a", "PUID": "4711", "TOKEN": "canary-9e"},
        "given": {"DATA_DIR": "/given", "CONFIG_DIR": "/given", "PGID": 4712},
        "variables": {"DATA_DIR": "/default", "CONFIG_DIR": "/default", "COMPOSE_PROJECT_NAME": "omakase", "MORE": "x"},
    }
    found, asked = act(checkout, monkeypatch, **given)
    settings = {"DATA_DIR": "/project", "CONFIG_DIR": "/given", "COMPOSE_PROJECT_NAME": "a", "MORE": "x"}
    assert found["settings"] == asked[0]["variables"] == {**settings, "PUID": "4711", "PGID": "4712"}
    assert found["namesakes"] == ["/one", "/two"]
    assert (asked[0]["uid"], asked[0]["gid"]) == ("4711", "4712")
    assert found["secrets"] == ["COMPOSE_PROJECT_NAME", "DATA_DIR", "PUID", "TOKEN"]
    assert "canary-9e" not in str([found, asked])
    _found, asked = act(checkout, monkeypatch, **given, uid=1000)
    assert (asked[0]["uid"], asked[0]["gid"]) == (1000, "4712")
    assert act(checkout, monkeypatch)[0]["settings"] == {}


def test_a_template_comes_with_its_text_and_its_owner(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "x.tmpl").write_text("${T}\n")
    wanted = [{"src": "x.tmpl", "dest": "x", "format": "dollar"}, {"src": "gone", "dest": "y"}]
    found, _asked = act(checkout, monkeypatch, templates=wanted)
    first, second = found["project"]["templates"]
    assert (first["file"]["template"], first["file"]["owner"]) == ("${T}\n", getpass.getuser())
    assert second["file"]["template"] is None and found["project"]["absent"] == ["gone"]


def test_what_is_read_is_held_against_the_project_and_no_value_goes_to_the_host(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, asked = act(
        checkout,
        monkeypatch,
        secrets={"A": "canary-1", "UNUSED_ONE": "canary-2", "BASE": ""},
        given={"OUTSIDE": "canary-3"},
        catalogue={
            "base": [],
            "services": [{"name": "OVERRIDE", "type": "hex", "length": 32}],
            "changes": [{"name": "bad name"}],
            "generated": [],
        },
        ignored=["BASE"],
    )
    plan = found["plan"]
    assert (plan["planned"], plan["unnamable"], plan["refused"]) == (["OUTSIDE", "OVERRIDE"], ["bad name"], [])
    assert plan["lines"] == ["state   variable    read by", "unused  UNUSED_ONE  -"]
    assert "canary" not in str(found) + str(asked)


def test_a_project_with_nothing_in_it_lacks_all_that_has_no_default(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _asked = act(checkout, monkeypatch)
    assert found["plan"]["refused"] == ["A", "BASE", "OUTSIDE", "OVERRIDE"] and found["plan"]["planned"] == []
