# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role omakase refuses, where it makes directories, and its command, without a host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.omakase.homelab.plugins.module_utils._files.dotenv import to_dotenv
from ansible_collections.omakase.homelab.plugins.plugin_utils._omakase.fit import Wanted

from tests.meta.repository import ROOT
from tests.support.role import Role, problems

PLAN = {"planned": [], "unnamable": [], "against_the_rule": [], "settings": ["DATA_DIR"]}
PROGRAMS = {"compose": "/compose", "infisical": "/infisical", "git": "/git", "apt": "/apt", "engine_problem": ""}
ACCOUNT = {"uid": 1000, "gid": 1000, "home": "/home/omakase", "uid_owner": "omakase", "gid_owner": "omakase"}


def role(values: Mapping[str, str] | None = None, planned: list[str] | None = None, **given: Any) -> Role:
    """The role where nothing is wrong. values: the project's secrets. planned: what it will get."""
    secrets = {"DOMAINNAME": "home.example", **(values or {})}
    host = {
        "programs": PROGRAMS,
        "account": ACCOUNT,
        "environment": {"problem": "", "settings": {}, "identity": ""},
        "command": {},
        "project": {"names": ["CONFIG_DIR"]},
        "plan": {**PLAN, "planned": planned or []},
        "secrets": sorted(secrets),
    }
    places = {"role_path": str(ROOT / "roles/omakase"), "inventory_hostname": "omakase", "ansible_check_mode": False}
    login = {f"omakase_infisical_{name}": "x" for name in ("project_id", "client_id", "client_secret")}
    repository = {"omakase_repository": "https://git.example/omakase.git"}
    found = Role(
        "omakase", {**places, **login, **repository, "__omakase_host": host, "__omakase_values": secrets, **given}
    )
    wanted = Wanted(secrets=secrets, given=found.value("__omakase_given"))
    host["settings"] = wanted.settings(found.value("__omakase_defaults"), [])
    return found


def refusals(found: Role) -> list[str]:
    return problems(found, "__omakase_checks | rejectattr('ok') | map(attribute='say')")


def directories(found: Role) -> dict[str, bool]:
    """Whether each may become the user's, if it is somebody else's now."""
    return {entry["path"]: entry.get("adopt", True) for entry in found.value("__omakase_directories")}


def test_the_project_alone_gives_no_directory_of_somebody_else_to_the_user() -> None:
    data, config = "/home/omakase/omakase/data", "/home/omakase/omakase/config"
    assert directories(role()) == {data: True, config: True}
    assert directories(role({"DATA_DIR": "/opt/infisical"})) == {"/opt/infisical": False, config: True}


@pytest.mark.parametrize(
    "given",
    [
        {"omakase_secrets": {"DATA_DIR": "/srv/data"}},
        {"omakase_catalogue": [{"name": "DATA_DIR", "default": "/srv/data"}]},
        {"omakase_directories": [{"path": "/srv/data", "owner": "999"}]},
        {"omakase_directory": "/srv"},
    ],
    ids=lambda given: next(iter(given)),
)
def test_what_the_inventory_names_and_an_earlier_run_wrote_into_the_project_is_made_as_ever(
    given: dict[str, Any],
) -> None:
    found = role({"DATA_DIR": "/srv/data"}, **given)
    assert directories(found)["/srv/data"] is True and refusals(found) == []


@pytest.mark.parametrize(
    "path", ["", "data", "~/data", "$HOME/data", "/srv/../etc", "/srv/./data", "/", "/etc", "//etc/x", "/usr/share/x"]
)
def test_a_place_that_is_none_for_data_is_refused(path: str) -> None:
    assert len(found := refusals(role({"DATA_DIR": path}))) == 1
    assert found[0].startswith("DATA_DIR is no place for data: an absolute path is wanted")


def test_places_for_data_are_taken() -> None:
    for path in ("/srv/data", "/mnt/pool/omakase data/", "/home/omakase/omakase/data", "/var/lib/omakase", "/etcetera"):
        assert refusals(role({"DATA_DIR": path})) == []
    given = {"DATA_DIR": "/usr/local/omakase"}
    assert refusals(role({"DATA_DIR": "/usr/local/omakase"}, omakase_secrets=given)) == []


STEERING = [
    "DOCKER_HOST",
    "LD_PRELOAD",
    "COMPOSE_FILE",
    "COMPOSE_ENV_FILES",
    "BASH_ENV",
    "GIT_SSH_COMMAND",
    "PYTHONPATH",
]


@pytest.mark.parametrize("name", STEERING)
def test_a_secret_that_steers_programs_is_refused_whether_it_is_there_or_planned(name: str) -> None:
    for found in (role({name: "canary-8k"}), role(planned=[name])):
        assert len(said := refusals(found)) == 1
        assert said[0].startswith(f"{name} in the environment dev or in omakase_secrets would steer")
        assert "canary" not in said[0]


def test_names_that_services_read_are_taken() -> None:
    names = ["COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES", "DOCKER_INFLUXDB_INIT_PASSWORD", "GIT_TOKEN", "ENVIRONMENT"]
    assert refusals(role(dict.fromkeys([*names, "LDAP_PASSWORD", "COMPOSER_AUTH"], "x"))) == []


def credentials_of_env(found: Role) -> list[str]:
    variables = found.value("__omakase_own_files[0]")["variables"]
    return [variables[f"INFISICAL_CLIENT_{name}"] for name in ("ID", "SECRET")]


def test_the_host_keeps_an_identity_of_its_own_and_what_the_controller_does_goes_on_with_the_other() -> None:
    assert credentials_of_env(role()) == ["x", "x"]
    host: dict[str, Any] = {
        "omakase_infisical_host_client_id": "reader",
        "omakase_infisical_host_client_secret": "canary-9j",
    }
    found = role(**host)
    assert credentials_of_env(found) == ["reader", "canary-9j"] and refusals(found) == []
    for path in (ROOT / "roles/omakase/tasks").glob("*.yml"):
        assert "omakase_infisical_host" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(("given", "lacking"), [("client_id", "client_secret"), ("client_secret", "client_id")])
def test_half_of_the_credentials_of_the_host_is_refused(given: str, lacking: str) -> None:
    names = [f"omakase_infisical_host_{name}" for name in (given, lacking)]
    half: dict[str, Any] = {names[0]: "canary-9k"}
    (said,) = refusals(role(**half))
    assert said.startswith(f"{names[0]} is given without {names[1]}. Give both")
    assert "canary" not in said


# The command

INFISICAL = """#!{python}
import json, os, sys
names = [name for name in os.environ if name.startswith("INFISICAL_")]
with open("{log}", "a") as log:
    log.write(json.dumps([sys.argv[1:], {{name: os.environ[name] for name in names}}]) + "\\n")
if sys.argv[1] == "login":
    print("token-of-the-login")
elif sys.argv[1] == "export":
    print(open("{secrets}").read())
sys.exit(int(os.environ.get("STATUS", "0")))
"""
CREDENTIALS = {
    "INFISICAL_DOMAIN": "https://vault.example",
    "INFISICAL_PROJECT_ID": "p1",
    "INFISICAL_CLIENT_ID": "id",
    "INFISICAL_CLIENT_SECRET": "canary-7c",
}
SHOW = ["run", "--", sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]


class Command:
    """The rendered command in a checkout, with an `infisical` that notes what it is given."""

    def __init__(self, directory: Path) -> None:
        self.checkout, self.log, self.secrets = directory / "checkout", directory / "log", directory / "secrets"
        programs, self.path = directory / "bin", directory / "omakase-infisical"
        self.checkout.mkdir()
        programs.mkdir()
        text = INFISICAL.format(python=sys.executable, log=self.log, secrets=self.secrets)
        (programs / "infisical").write_text(text)
        (programs / "infisical").chmod(0o755)
        found = role(omakase_directory=str(self.checkout), omakase_profiles=["media"])
        self.path.write_text(found.rendered("omakase-infisical.j2"))
        self.environ = {"PATH": f"{programs}:{os.environ['PATH']}"}
        self.env_file(to_dotenv(CREDENTIALS))
        self.project(API_KEY='it\'s $a "value"\n')

    def env_file(self, text: str) -> None:
        (self.checkout / ".env").write_text(text)

    def project(self, **secrets: str) -> None:
        self.secrets.write_text(json.dumps([{"key": name, "value": value} for name, value in secrets.items()]))

    def __call__(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", str(self.path), *words]
        environ = {**self.environ, **environ}
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    def shown(self, **environ: str) -> dict[str, str]:
        """The environment of what it runs."""
        done = self(*SHOW, **environ)
        assert done.returncode == 0, done.stderr
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def asked(self) -> list[tuple[list[str], dict[str, str]]]:
        return [(words, environ) for words, environ in map(json.loads, self.log.read_text().splitlines())]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


def test_the_command_logs_in_by_its_environment_and_hands_the_secrets_on(command: Command) -> None:
    environ = command.shown(INHERITED="yes")
    assert environ["API_KEY"] == 'it\'s $a "value"\n' and environ["INHERITED"] == "yes"
    assert environ["COMPOSE_PROFILES"] == "media" and "DATA_DIR" in environ["OMAKASE_SETTINGS"].split()
    assert environ["INFISICAL_TOKEN"] == "token-of-the-login" and "canary-7c" not in str(environ)
    (login, login_environ), (export, export_environ) = command.asked()
    assert login_environ["INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"] == "canary-7c"
    assert login_environ["INFISICAL_API_URL"] == "https://vault.example"
    assert export == ["export", "--format=json", "--silent", "--telemetry=false", "--projectId=p1", "--env=dev"]
    assert "--telemetry=false" in login
    assert "canary-7c" not in str([login, export, export_environ])


@pytest.mark.parametrize(
    "value", ["plain-1.2:3", "with space", "it's", 'say "it\'s" $HOME', "back\\slash\\", "two\nlines", "#no comment"]
)
def test_env_is_read_as_the_role_wrote_it(command: Command, value: str) -> None:
    command.env_file(
        "# mine\nOTHER='a\nINFISICAL_CLIENT_SECRET=no'\n" + to_dotenv({**CREDENTIALS, "INFISICAL_CLIENT_SECRET": value})
    )
    command("export")
    assert command.asked()[0][1]["INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET"] == value


def test_nothing_in_env_is_executed(command: Command, tmp_path: Path) -> None:
    touch = f"touch {tmp_path}/taken"
    hostile = f"A=$({touch})\nB=`{touch}`\n{touch}:\nPATH=/nowhere\nLD_PRELOAD=/tmp/x.so\nexport C=;{touch}\n"
    for text in (hostile.replace(f"{touch}:\n", ""), hostile):
        command.env_file(to_dotenv(CREDENTIALS) + text)
        done = command(*SHOW)
        assert not (tmp_path / "taken").exists()
        assert "/nowhere" not in done.stdout and "LD_PRELOAD" not in done.stdout
    assert done.returncode == 1 and "line 7 is neither a comment nor NAME=value" in done.stderr


@pytest.mark.parametrize("name", STEERING)
def test_a_secret_that_steers_is_left_out_and_named(command: Command, name: str) -> None:
    command.project(**{name: "canary-8k", "PATH": "/nowhere", "COMPOSE_PROJECT_NAME": "mine", "API_KEY": "k"})
    done = command(*SHOW)
    environ = json.loads(done.stdout)
    assert name not in environ and f"'{name}' is left out" in done.stderr and "canary" not in done.stderr
    assert (environ["COMPOSE_PROJECT_NAME"], environ["API_KEY"]) == ("mine", "k")
    assert command.shown(DOCKER_HOST="tcp://own:1")["DOCKER_HOST"] == "tcp://own:1"


def test_words_and_ends_are_those_of_what_it_runs(command: Command) -> None:
    done = command("run", "--path=/media", "--", "sh", "-c", 'printf "%s|" "$@"; exit 7', "sh", "a b", "--", "$x")
    assert (done.returncode, done.stdout) == (7, "a b|--|$x|")
    assert command.asked()[1][0][-1] == "--path=/media"
    assert command("run", "sh", "-c", "kill -PIPE $$").returncode == -signal.SIGPIPE
    assert command("run", "--", "no-such-program").returncode == 127
    assert command("export", "--format=yaml", STATUS="3").returncode == 3
    for words in ((), ("run",), ("run", "--")):
        assert (found := command(*words)).returncode == 2 and "run -- docker compose ps" in found.stderr


def test_what_cannot_work_is_said_without_a_traceback(command: Command) -> None:
    command.project(**{"API=KEY": "canary-8k"})
    assert command(*SHOW).stderr == "Infisical answered with what no environment can carry.\n"
    command.env_file("INFISICAL_DOMAIN=https://vault.example\n")
    assert "does not set INFISICAL_PROJECT_ID, INFISICAL_CLIENT_ID, INFISICAL_CLIENT_SECRET." in command(*SHOW).stderr
    (command.checkout / ".env").unlink()
    assert command(*SHOW).stderr == ".env: No such file or directory\n"


def test_the_configuration_is_shown_without_what_compose_takes_from_env(command: Command) -> None:
    command.env_file(to_dotenv({**CREDENTIALS, "KEY": 'canary-1\ncanary-2 "x"', "DATA_DIR": "/srv/data"}))
    text = command.checkout / "merged.json"
    shown = {"a": "canary-7c", "b": 'canary-1\ncanary-2 "x"', "c": "at /srv/data"}
    text.write_text(json.dumps({"services": {"app": {"environment": shown}}}))
    (command.path.parent / "bin/docker").write_text(f"#!/bin/sh\ncat {text}\n")
    (command.path.parent / "bin/docker").chmod(0o755)
    found = role(omakase_directory=str(command.checkout)).value("__omakase_own_files")
    (content,) = [file["content"] for file in found if file["path"].endswith("-config")]
    config = command.path.parent / "omakase-config"
    config.write_text(content)
    environ = {**command.environ, "OMAKASE_SETTINGS": "DATA_DIR"}
    run = [sys.executable, str(config)]
    done = subprocess.run(run, env=environ, cwd=command.checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "canary" not in done.stdout and '"at /srv/data"' in done.stdout and done.stdout.count("********") == 2
    done = subprocess.run([*run, "--help"], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "every secret masked" in done.stderr


# What a killed run leaves behind

HANDING_OVER = ("secret_files", "infisical_secret", "infisical_rotation", "kept_checkout")


def test_tasks_that_hand_over_secrets_leave_no_file_on_the_host() -> None:
    found = [
        task
        for path in (ROOT / "roles/omakase/tasks").glob("*.yml")
        for task in _tasks(yaml.safe_load(path.read_text()))
    ]
    assert len(found) > 8
    assert [task["name"] for task in found if task["vars"].get("ansible_pipelining") is not True] == []


def _tasks(tasks: list[dict[str, Any]], outer: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """Those that hand over secrets, with the variables of the blocks around them."""
    for task in tasks:
        known = {**(outer or {}), **task.get("vars", {})}
        for inner in ("block", "rescue", "always"):
            yield from _tasks(task.get(inner, []), known)
        if any(f"omakase.homelab.{name}" in task for name in HANDING_OVER):
            yield {**task, "vars": known}
