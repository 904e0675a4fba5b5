# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for the `infisical` command, against the stand-in for the server."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY, Account, Infisical

COMMAND = REPOSITORY / "lab" / "stand_ins" / "infisical_cli" / "infisical"
VALUES = {
    "APP_MESSAGE": "häßlich ✓",
    "APP_PASSWORD": "it's a $ecret",
    "APP_URL": "http://${APP_MESSAGE}@host",
    "PATH": "/nowhere",
}
EXPANDED = {**VALUES, "APP_URL": "http://häßlich ✓@host", "IMPORTED": "from prod"}


@dataclass
class Project:
    """A project with a few secrets, and an identity that may read it."""

    id: str
    client_id: str
    client_secret: str
    url: str


@pytest.fixture(scope="module")
def project(infisical: Infisical, admin: Account) -> Project:
    made = infisical.request("POST", "/api/v1/projects", {"projectName": "cli"}, admin.token).body["project"]
    client_id, client_secret = infisical.identity(admin, "cli", made["id"], "member")
    for environment, values in (("dev", VALUES), ("prod", {"IMPORTED": "from prod", "APP_PASSWORD": "not this one"})):
        items = [{"secretKey": name, "secretValue": value} for name, value in values.items()]
        body = {"projectId": made["id"], "environment": environment, "secrets": items}
        infisical.request("POST", "/api/v4/secrets/batch", body, admin.token)
    source = {"environment": "prod", "path": "/"}
    body = {"projectId": made["id"], "environment": "dev", "path": "/", "import": source}
    infisical.request("POST", "/api/v2/secret-imports", body, admin.token)
    return Project(made["id"], client_id, client_secret, infisical.base_url)


def cli(project: Project, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command with nothing in its environment but the domain, the project and what is given."""
    command = [sys.executable, str(COMMAND), *words]
    return subprocess.run(command, env=_environ(project, **environ), capture_output=True, text=True, timeout=60)


def _environ(project: Project, **environ: str) -> dict[str, str]:
    base = {"PATH": os.environ["PATH"], "INFISICAL_DOMAIN": project.url, "INFISICAL_PROJECT_ID": project.id}
    return {name: value for name, value in {**base, **environ}.items() if value}


@pytest.fixture(scope="module")
def token(project: Project) -> str:
    words = ("login", "--method=universal-auth", "--plain", "--silent")
    done = cli(
        project,
        *words,
        INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=project.client_id,
        INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=project.client_secret,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_version_is_the_first_line_and_the_stand_in_says_what_it_is(project: Project) -> None:
    done = cli(project, "--version")
    assert done.stdout.splitlines()[0] == "infisical version 0.43.136"
    assert "stand-in" in done.stdout.splitlines()[1]
    assert "stand-in" in cli(project, "--help").stdout


def test_login_prints_a_token_alone_and_stores_nothing(project: Project, token: str, tmp_path: Path) -> None:
    words = ("--client-id", project.client_id, f"--client-secret={project.client_secret}", "--plain", "--silent")
    done = cli(project, "login", "--method=universal-auth", *words, HOME=str(tmp_path))
    assert done.stdout.count("\n") == 1
    assert done.stdout.count(".") == 2 == token.count(".")
    assert list(tmp_path.iterdir()) == []


def test_a_refused_login_ends_with_1_and_names_the_domain(project: Project) -> None:
    done = cli(project, "login", "--method=universal-auth", f"--client-id={project.client_id}", "--client-secret=no")
    assert (done.returncode, done.stdout) == (1, "")
    assert "status-code=401" in done.stderr
    assert f"Current domain: {project.url}" in done.stderr


def test_export_needs_a_token_and_does_not_log_in_by_itself(project: Project) -> None:
    done = cli(
        project,
        "export",
        INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=project.client_id,
        INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=project.client_secret,
        INFISICAL_CLIENT_ID=project.client_id,
        INFISICAL_CLIENT_SECRET=project.client_secret,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "infisical login" in done.stderr


def test_export_wants_a_project(project: Project, token: str) -> None:
    done = cli(project, "export", INFISICAL_TOKEN=token, INFISICAL_PROJECT_ID="")
    assert (done.returncode, done.stderr.strip()) == (1, "Project ID is required when using machine identity")


def test_export_as_dotenv_is_sorted_expanded_and_with_imports_behind_own_secrets(project: Project, token: str) -> None:
    done = cli(project, "export", "--env=dev", INFISICAL_TOKEN=token)
    assert done.stdout == "".join(f"{name}='{value}'\n" for name, value in sorted(EXPANDED.items()))


def test_export_leaves_references_and_imports_alone_when_told_so(project: Project, token: str) -> None:
    done = cli(project, "export", "--expand=false", "--include-imports=false", "--format=json", f"--token={token}")
    assert {row["key"]: row["value"] for row in json.loads(done.stdout)} == VALUES


def test_export_to_a_shell_survives_quotes(project: Project, token: str) -> None:
    done = cli(project, "export", "--format", "dotenv-eval", INFISICAL_TOKEN=token)
    words = [shlex.split(line)[1] for line in done.stdout.splitlines()]
    assert dict(word.split("=", 1) for word in words) == EXPANDED


def test_export_as_csv(project: Project, token: str) -> None:
    rows = list(csv.reader(io.StringIO(cli(project, "export", "-f", "csv", INFISICAL_TOKEN=token).stdout)))
    assert rows[0] == ["Key", "Value"]
    assert dict(rows[1:]) == EXPANDED


def test_export_as_yaml(project: Project, token: str) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(cli(project, "export", "--format=yaml", INFISICAL_TOKEN=token).stdout) == EXPANDED


def test_an_unknown_format_is_refused(project: Project, token: str) -> None:
    done = cli(project, "export", "--format=toml", INFISICAL_TOKEN=token)
    assert (done.returncode, done.stdout) == (1, "")
    assert "invalid format type: toml" in done.stderr


def test_export_to_a_file_adds_the_ending_and_lets_everyone_read(project: Project, token: str, tmp_path: Path) -> None:
    done = cli(project, "export", f"--output-file={tmp_path}/all", "--format=json", INFISICAL_TOKEN=token)
    written = tmp_path / "all.json"
    assert (done.returncode, done.stdout) == (0, "")
    assert {row["key"] for row in json.loads(written.read_text())} == EXPANDED.keys()
    assert stat.S_IMODE(written.stat().st_mode) == 0o644


def test_a_refused_read_says_what_was_asked_and_what_came_back(project: Project) -> None:
    done = cli(project, "export", INFISICAL_TOKEN="no.token.atall")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Request: GET {project.url}/api/v4/secrets" in done.stderr
    assert "Response Code: 403 Forbidden" in done.stderr


def test_an_address_where_nothing_answers_ends_with_1(project: Project, token: str) -> None:
    done = cli(project, "--domain", "http://127.0.0.1:9", "export", INFISICAL_TOKEN=token)
    assert done.returncode == 1
    assert "Unable to complete api request" in done.stderr


def test_older_name_of_the_domain_is_read_where_the_newer_is_missing(project: Project, token: str) -> None:
    done = cli(project, "export", INFISICAL_DOMAIN="", INFISICAL_API_URL=f"{project.url}/api", INFISICAL_TOKEN=token)
    assert done.returncode == 0, done.stderr


def test_run_gives_the_secrets_to_the_command_but_for_what_a_shell_lives_by(project: Project, token: str) -> None:
    script = "import json, os; print(json.dumps(dict(os.environ)))"
    done = cli(project, "run", "--env", "dev", "--", sys.executable, "-c", script, INFISICAL_TOKEN=token, OTHER="kept")
    seen = json.loads(done.stdout)
    assert done.returncode == 0
    assert {name: seen[name] for name in EXPANDED} == {**EXPANDED, "PATH": os.environ["PATH"]}
    assert seen["OTHER"] == "kept"
    assert "reserved secret name" in done.stderr
    assert VALUES["APP_PASSWORD"] not in done.stderr


def test_run_takes_a_line_for_a_shell(project: Project, token: str) -> None:
    done = cli(project, "run", "--command", "echo $IMPORTED && echo second", INFISICAL_TOKEN=token, SHELL="/bin/sh")
    assert done.stdout == "from prod\nsecond\n"


def test_run_ends_with_1_however_the_command_failed(project: Project, token: str) -> None:
    done = cli(project, "run", "--", "sh", "-c", "exit 7", INFISICAL_TOKEN=token)
    assert done.returncode == 1
    assert "exit status 7" in done.stderr
    missing = cli(project, "run", "--", "no-such-program", INFISICAL_TOKEN=token)
    assert missing.returncode == 1
    assert "executable file not found" in missing.stderr


def test_run_starts_nothing_when_the_secrets_cannot_be_had(project: Project) -> None:
    done = cli(project, "run", "--", "echo", "started", INFISICAL_TOKEN="no.token.atall")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Could not fetch secrets" in done.stderr


def test_run_hands_signals_to_the_command(project: Project, token: str) -> None:
    script = 'trap "echo caught; exit 0" TERM; echo ready; while :; do read -r line || :; done'
    words = [sys.executable, str(COMMAND), "run", "--", "sh", "-c", script]
    environ = _environ(project, INFISICAL_TOKEN=token)
    with subprocess.Popen(words, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        stop = threading.Timer(30, process.kill)
        stop.start()
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "caught\n"
        assert process.wait(30) == 0
        stop.cancel()


def test_secrets_can_be_listed_set_and_got(project: Project, token: str) -> None:
    done = cli(project, "secrets", "set", "NEW_ONE=first value", "APP_PASSWORD=it's a $ecret", INFISICAL_TOKEN=token)
    assert done.returncode == 0, done.stderr
    assert "SECRET CREATED" in done.stdout
    assert "UNCHANGED" in done.stdout
    assert "first value" not in done.stdout
    assert cli(project, "secrets", "get", "NEW_ONE", "--plain", INFISICAL_TOKEN=token).stdout == "first value\n"
    assert "NEW_ONE" in cli(project, "secrets", INFISICAL_TOKEN=token).stdout
    assert "*not found*" in cli(project, "secrets", "get", "NOPE", INFISICAL_TOKEN=token).stdout
    deleted = cli(project, "secrets", "delete", "NEW_ONE", "--type=shared", INFISICAL_TOKEN=token)
    assert deleted.returncode == 0, deleted.stderr
    assert "NEW_ONE" not in cli(project, "secrets", "--output=json", INFISICAL_TOKEN=token).stdout


def test_completions_for_shells_can_be_printed(project: Project) -> None:
    asked = 'complete -p infisical && compgen -W "$(complete -p infisical | cut -d\\\' -f2)" -- exp'
    script = cli(project, "completion", "bash").stdout
    shell = subprocess.run(["bash", "-c", f"{script}{asked}"], capture_output=True, text=True)
    assert shell.stdout.splitlines()[-1] == "export"
    assert cli(project, "completion", "zsh").stdout.startswith("#compdef infisical\n")
    assert cli(project, "completion", "fish").stdout.startswith("complete -c infisical ")
    assert cli(project, "completion", "tcsh").returncode == 1


def test_unknown_flags_and_commands_are_refused(project: Project) -> None:
    for words in (("export", "--nonsense"), ("nonsense",), ("run", "--env")):
        done = cli(project, *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("Error: ")
