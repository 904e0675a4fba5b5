# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/rotate.yml on a real stack with a real PostgreSQL: the tests build on each other, in their order."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from ansible_collections.omakase.homelab.plugins.filter.dotenv import from_dotenv

from tests.roles.machine import Machine
from tests.roles.playbook import ROOT, Run, refused, succeeded
from tests.roles.test_omakase import GATEWAY, Site, prepare
from tests.support.leaks import CommandLines, holding, lying_about
from tests.support.servers import infisical_server

pytestmark = pytest.mark.lab
ADDRESS = "198.18.0.190"
JOURNAL, WENT_BACK = "OMAKASE_ROTATION_JOURNAL", "OMAKASE_ROTATION_WENT_BACK"
CREDENTIALS = "/opt/infisical/credentials"
ENV = "/home/omakase/omakase/.env"
STACK = {
    "compose.yml": """
services:
  postgres:
    image: postgres:16-alpine
    environment: {POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?err}", APP: "${AUTHELIA_DB_PASSWORD:?err}"}
    volumes: ["${DATA_DIR:?err}/postgres:/var/lib/postgresql/data", "./initdb:/docker-entrypoint-initdb.d:ro"]
    healthcheck: {test: [CMD-SHELL, "pg_isready -U postgres -d postgres"], interval: 1s, retries: 60}
  mariadb:
    image: mariadb:11
    environment:
      MARIADB_ROOT_PASSWORD: "${MARIADB_ROOT_PASSWORD:?err}"
      MARIADB_USER: nextcloud
      MARIADB_PASSWORD: "${NEXTCLOUD_DB_PASSWORD:?err}"
    volumes: ["${DATA_DIR:?err}/mariadb:/var/lib/mysql"]
    healthcheck:
      test: [CMD-SHELL, 'MYSQL_PWD="$$MARIADB_PASSWORD" mariadb -h "$$(hostname -i)" -u nextcloud -e "SELECT 1"']
      interval: 1s
      retries: 60
  app:
    image: postgres:16-alpine
    command: [sleep, infinity]
    stop_signal: SIGKILL
    depends_on: {postgres: {condition: service_healthy}}
    environment: {PGPASSWORD: "${AUTHELIA_DB_PASSWORD:?err}", API_KEY: "${SONARR_API_KEY:?err}"}
    healthcheck:
      {test: [CMD, psql, -h, postgres, -U, authelia, -d, postgres, -c, SELECT 1], interval: 1s, retries: 5}
  faithful:
    image: postgres:16-alpine
    command: [sleep, infinity]
    stop_signal: SIGKILL
    environment: {VALUE: "${LIDARR_API_KEY:?err}"}
    volumes: ["${DATA_DIR:?err}/faithful:/seen", "./faithful.sh:/faithful.sh:ro"]
    healthcheck: {test: [CMD, sh, /faithful.sh], interval: 1s, retries: 2}
""",
    # Healthy with the first value that it was ever given, and with no other
    "faithful.sh": '[ -s /seen/v ] || echo "$VALUE" >/seen/v; [ "$VALUE" = "$(cat /seen/v)" ]\n',
    "initdb/authelia.sh": "psql -U postgres -v p=\"$APP\" <<SQL\nCREATE ROLE authelia LOGIN PASSWORD :'p';\nSQL\n",
    ".gitignore": "data/\n",
}


@dataclass
class Rotating:
    """The site with what was printed, and every value that ever was."""

    site: Site
    inventory: Path
    values: set[str] = field(default_factory=set)
    command_lines: CommandLines = field(default_factory=CommandLines)
    began: float = field(default_factory=time.time)

    def named_values(self) -> dict[str, str]:
        """All that was rotated or came of it, by names that tell little of it."""
        return {f"{value[:2]}… {number}": value for number, value in enumerate(sorted(self.values))}

    def command(self, *arguments: str) -> list[str]:
        variables = json.dumps({**self.site.given, "infisical_url": self.site.given["omakase_infisical_url"]})
        (self.inventory.parent / "given.json").write_text(variables)
        playbook = Path(sys.executable).parent / "ansible-playbook"
        given = ["-i", str(self.inventory), "-e", f"@{self.inventory.parent / 'given.json'}", *arguments]
        return [str(playbook), *given, "playbooks/rotate.yml"]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        self.secrets()
        # A pipe that nobody reads would stop it.
        with self.log.open("w") as output:
            return subprocess.Popen(
                self.command(*arguments),
                cwd=ROOT,
                env={**os.environ, "ANSIBLE_FORCE_COLOR": "0"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )

    @property
    def log(self) -> Path:
        return self.inventory.parent / "rotate.log"

    def run(self, *arguments: str) -> Run:
        with self.command_lines.sampled():
            process = self.start(*arguments)
            process.wait(timeout=300)
        output = self.log.read_text()
        self.site.printed.append(output)
        self.secrets()
        return Run(process.returncode, output)

    def kept(self, name: str = "omakase-deployment") -> dict[str, str]:
        """An identity's client secret, as the Infisical host keeps it."""
        found: dict[str, str] = json.loads(self.site.host.file(f"{CREDENTIALS}/{name}.json").content_string)
        return found

    def secrets(self) -> dict[str, str]:
        """The project's secrets, which only its own identities may read."""
        kept = self.kept()
        self.site.account.token = self.site.server.log_in(kept["client_id"], kept["client_secret"])
        found = self.site.secrets()
        self.values |= {value for name, value in found.items() if name.endswith(("PASSWORD", "KEY", "TOKEN"))}
        return found

    def age(self, name: str, days: int) -> None:
        """As if it had been written that many days ago."""
        with psycopg.connect(self.site.server.environ["DB_CONNECTION_URI"]) as database:
            database.execute(
                'UPDATE secrets_v2 SET "updatedAt" = now() - make_interval(days => %s) WHERE key = %s', (days, name)
            )

    def logs_in(self, role: str, password: str) -> bool:
        over_network = 'psql -h "$(hostname -i)" -d postgres -c "SELECT 1"'
        command = f"docker exec -e PGUSER={role} -e PGPASSWORD={password} omakase-postgres-1 sh -c '{over_network}'"
        return bool(self.site.host.run(command).rc == 0)

    def mariadb_takes(self, user: str, *passwords: str) -> list[bool]:
        over_network = 'mariadb -h "$(hostname -i)" -e "SELECT 1"'
        commands = [
            f"docker exec -e MYSQL_PWD={password} omakase-mariadb-1 sh -c '{over_network} -u {user}'"
            for password in passwords
        ]
        return [bool(self.site.host.run(command).rc == 0) for command in commands]

    def environment_of(self, service: str) -> str:
        return str(self.site.host.check_output(f"docker inspect -f '{{{{json .Config.Env}}}}' omakase-{service}-1"))


@pytest.fixture(scope="module")
def rotating(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rotating]:
    """A machine that is the Omakase host and keeps the identities' files, as a single host does."""
    directory = tmp_path_factory.mktemp("rotating")
    prepare(machine, directory)
    with infisical_server() as server:
        account = server.bootstrap()
        site = Site(machine, server, account, directory, "")
        url = f"http://{GATEWAY}:{server.port}"
        site.given = {
            "infisical_project_url": url,
            "infisical_project_admin_email": account.email,
            "infisical_project_admin_password": account.password,
            "omakase_infisical_url": url,
            "omakase_repository": "/srv/origin",
            "omakase_catalogue": [
                {
                    "name": "NEXTCLOUD_DB_PASSWORD",
                    "recipe": "mariadb",
                    "database_service": "mariadb",
                    "database_role": "nextcloud",
                },
            ],
            "omakase_secrets": {"DOMAINNAME": "home.example", "TELEGRAM_BOT_TOKEN": "canary-telegram"},
        }
        succeeded(machine.role(directory, "infisical_project", site.given))
        site.project_id = json.loads(machine.host.file(f"{CREDENTIALS}/project.json").content_string)["id"]
        inventory = directory / "groups.yml"
        group = f"{{hosts: {{{machine.name}: }}}}\n"
        inventory.write_text(f"{machine.inventory}\ninfisical: {group}omakase: {group}")
        rotating = Rotating(site, inventory)
        site.push(STACK)
        # As a site from before there were identities that only read: the host holds the deployment's.
        identity = {f"omakase_infisical_{name}": rotating.kept()[name] for name in ("client_id", "client_secret")}
        succeeded(site.run(omakase_infisical_project_id=site.project_id, **identity))
        del site.given["infisical_project_admin_password"]
        yield rotating


def test_a_plan_lists_what_is_due_and_refuses_what_would_lose_data(rotating: Rotating) -> None:
    ages = {
        "POSTGRES_PASSWORD": 93,
        "NEXTCLOUD_DB_PASSWORD": 92,
        "AUTHELIA_DB_PASSWORD": 91,
        "TELEGRAM_BOT_TOKEN": 200,
        "RESTIC_PASSWORD": 1,
    }
    for name, days in ages.items():
        rotating.age(name, days)
    before = rotating.secrets()
    run = rotating.run("--check", "--diff", "-e", "rotate_names=RESTIC_PASSWORD")
    assert "Nothing was rotated. RESTIC_PASSWORD: a blind change would lose data" in refused(run)
    assert "rotate POSTGRES_PASSWORD alphanumeric 93 days since 3 days postgresql ALTER ROLE, new value" in run.text
    assert "rotate NEXTCLOUD_DB_PASSWORD alphanumeric 92 days since 2 days mariadb ALTER USER, new value" in run.text
    assert "by hand TELEGRAM_BOT_TOKEN given 200 days since 20 days by_hand make a new one: in the chat" in run.text
    assert "not due SONARR_API_KEY hex 0 days in 180 days" in run.text
    assert run.changed == 0 and rotating.secrets() == before


def test_a_run_that_is_killed_half_way_is_finished_by_the_next_one(rotating: Rotating) -> None:
    before, started = rotating.secrets(), rotating.site.started()
    with rotating.command_lines.sampled():
        process = rotating.start("-vvv", "-e", "rotate_names=SONARR_API_KEY,MARIADB_ROOT_PASSWORD")
        limit = time.monotonic() + 300
        while rotating.secrets()["POSTGRES_PASSWORD"] == before["POSTGRES_PASSWORD"] and time.monotonic() < limit:
            assert process.poll() is None, rotating.log.read_text()
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    rotating.site.printed.append(rotating.log.read_text())
    assert JOURNAL in rotating.secrets(), "killed too late for this test to say anything"
    identities, meanwhile = ["omakase-deployment", "omakase-dev"], rotating.secrets()
    old = [rotating.kept(name) for name in identities]
    maria = {"root": "MARIADB_ROOT_PASSWORD", "nextcloud": "NEXTCLOUD_DB_PASSWORD"}
    for user, name in maria.items():
        assert rotating.mariadb_takes(user, before[name], meanwhile[name], "another") == [True, True, False]
    run = succeeded(rotating.run("-vvv", "-e", f"rotate_names={','.join([*identities, 'omakase-management'])}"))
    assert "was stopped half-way. A run finishes it" in run.text
    names = ["POSTGRES_PASSWORD", "NEXTCLOUD_DB_PASSWORD", "AUTHELIA_DB_PASSWORD"]
    names += ["MARIADB_ROOT_PASSWORD", "SONARR_API_KEY"]
    assert f"Rotated in dev: {', '.join(names)}" in run.text
    after = rotating.secrets()
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == set(names) and JOURNAL not in after
    for user, name in maria.items():
        assert rotating.mariadb_takes(user, before[name], after[name]) == [False, True]
    for role, name in {"postgres": "POSTGRES_PASSWORD", "authelia": "AUTHELIA_DB_PASSWORD"}.items():
        assert rotating.logs_in(role, after[name]) and not rotating.logs_in(role, before[name])
    for name in ("AUTHELIA_DB_PASSWORD", "SONARR_API_KEY"):
        assert after[name] in rotating.environment_of("app")
    assert rotating.site.started()["omakase-faithful-1"] == started["omakase-faithful-1"]
    the_client_secrets_were_rotated(rotating, run, old, [rotating.kept(name) for name in identities])


def the_client_secrets_were_rotated(
    rotating: Rotating, run: Run, old: list[dict[str, str]], new: list[dict[str, str]]
) -> None:
    """The same run made new ones, the host logs in as the one that only reads, and the old ones are gone."""
    assert f"{rotating.site.machine.name} logs in with the new client secret" in run.text
    env = rotating.site.host.file(ENV).content_string
    assert [one["client_secret"] in env for one in new] == [False, True]
    for one in old:
        with pytest.raises(RuntimeError, match="login answered 401"):
            rotating.site.server.log_in(one["client_id"], one["client_secret"])
    rotating.values |= {one["client_secret"] for one in [*old, *new]}


def test_the_host_s_own_credentials_read_its_environment_and_can_do_nothing_else(rotating: Rotating) -> None:
    env, server = from_dotenv(rotating.site.host.file(ENV).content_string), rotating.site.server
    token = server.log_in(env["INFISICAL_CLIENT_ID"], env["INFISICAL_CLIENT_SECRET"])

    def status(method: str, environment: str) -> int:
        scope = {"projectId": rotating.site.project_id, "environment": environment, "secretPath": "/"}
        if method == "GET":
            return server.request("GET", f"/api/v4/secrets?{urlencode(scope)}", None, token).status
        name, body = "/api/v4/secrets/SONARR_API_KEY", {**scope, "secretValue": "x" * 32}
        return server.request(method, name, body, token).status

    environments = ("dev", "prod")
    assert [status("GET", environment) for environment in environments] == [200, 403]
    assert {status(method, one) for method in ("POST", "PATCH", "DELETE") for one in environments} == {403}


def test_from_then_on_the_deployment_s_is_replaced_without_the_host(rotating: Rotating) -> None:
    before, started = rotating.site.host.file(ENV).content_string, rotating.site.started()
    old = rotating.kept()
    run = succeeded(rotating.run("-e", "rotate_names=omakase-deployment"))
    assert "logs in with the new client secret" not in run.text
    assert (rotating.site.host.file(ENV).content_string, rotating.site.started()) == (before, started)
    with pytest.raises(RuntimeError, match="login answered 401"):
        rotating.site.server.log_in(old["client_id"], old["client_secret"])
    rotating.values |= {rotating.kept()["client_secret"]}


def test_a_service_that_does_not_get_along_with_the_new_value_goes_back(rotating: Rotating) -> None:
    before = rotating.secrets()
    rotating.age("AUTHELIA_DB_PASSWORD", 95)
    text = refused(rotating.run("-e", "rotate_names=LIDARR_API_KEY"))
    assert "AUTHELIA_DB_PASSWORD, LIDARR_API_KEY on rotate: not rotated. The old values are in force" in text
    assert "omakase-faithful-1 is unhealthy" in text
    after = rotating.secrets()
    assert after.pop(WENT_BACK) and after == before
    assert rotating.logs_in("authelia", before["AUTHELIA_DB_PASSWORD"])
    states = rotating.site.host.check_output("docker ps --format '{{.Names}} {{.Status}}'").splitlines()
    assert len(states) == 4 and all("(healthy)" in state for state in states)


def test_without_anything_due_nothing_changes(rotating: Rotating) -> None:
    # Written anew since it went back, which would otherwise be due still
    rotating.age("AUTHELIA_DB_PASSWORD", 1)
    run = succeeded(rotating.run())
    assert run.changed == 0
    assert "client secret of omakase-deployment: 0 days old, due after 90: nothing" in run.text


def test_no_value_was_ever_printed(rotating: Rotating) -> None:
    assert len(rotating.values) > 10
    assert holding(rotating.named_values(), "\n".join(rotating.site.printed).encode()) == []


def test_no_value_stood_on_a_command_line_or_lies_where_others_read(rotating: Rotating) -> None:
    values = rotating.named_values()
    assert rotating.command_lines.looks > 500
    assert rotating.command_lines.holding(values) == []
    assert lying_about(rotating.site.machine.name, values, rotating.began) == []
