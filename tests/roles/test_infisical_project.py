# SPDX-License-Identifier: GPL-3.0-or-later
"""The role infisical_project against a server: the tests build on each other in the order they stand in."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.roles.playbook import Run, play, refused, succeeded
from tests.support.servers import Infisical, Postgres, Redis, infisical_server, postgres_server, redis_server

PASSWORD = "canary-of-the-administrator-51c"
ADMINISTRATOR = {"infisical_project_admin_email": "admin@x.test", "infisical_project_admin_password": PASSWORD}
INVENTORY = f"all: {{hosts: {{vault01: {{ansible_connection: local, ansible_python_interpreter: {sys.executable}}}}}}}"
APP: dict[str, Any] = {
    "name": "App",
    "slug": "app-of-mine",
    "environments": [{"slug": "dev"}, {"slug": "prod"}, {"slug": "old"}],
    "folders": [{"path": "/shared"}, {"path": "/web", "environments": ["prod"]}],
    "identities": [
        {"name": "writer", "access": [{"write": True}]},
        {"name": "web", "access": [{"environments": ["prod"], "path": "/web"}], "client_secret_ttl": 90000},
        {"name": "few", "roles": ["viewer"], "client_secret_num_uses_limit": 6},
    ],
    "imports": [{"environment": "prod", "path": "/web", "source_path": "/shared"}],
}


@dataclass
class Host:
    """This machine as the host of a server, with a directory for credentials."""

    work: Path
    server: Infisical
    log: list[str] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.work / "credentials"

    def role(self, *arguments: str, **variables: Any) -> Run:
        """Run the role, as verbose as can be."""
        given = {
            "infisical_project_url": self.server.base_url,
            "infisical_project_credentials_directory": str(self.directory),
            **ADMINISTRATOR,
            **variables,
        }
        content = {"hosts": "all", "gather_facts": False, "roles": ["omakase.homelab.infisical_project"]}
        run = play(self.work, INVENTORY, content, "-vvv", *arguments, variables=given)
        self.log.append(run.output)
        return run

    def kept(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / f"{name}.json").read_text())
        return found

    def status(self, name: str, method: str, path: str, environment: str) -> int:
        """What the server answers when the identity lists or writes secrets there."""
        project = self.kept("project") if name.startswith("omakase-") else self.kept("projects")["app-of-mine"]
        token = self.server.log_in(self.kept(name)["client_id"], self.kept(name)["client_secret"])
        scope = {"projectId": project["id"], "environment": environment, "secretPath": path}
        if method == "write":
            body = {**scope, "secrets": [{"secretKey": f"OF_{name}".upper().replace("-", "_"), "secretValue": "x"}]}
            return self.server.request("POST", "/api/v4/secrets/batch", body, token).status
        query = "&".join(f"{key}={value}" for key, value in scope.items())
        return self.server.request("GET", f"/api/v4/secrets?{query}", None, token).status


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def host(postgres: Postgres, redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """Return a host with a fresh server of the current era."""
    with infisical_server(postgres, redis) as server:
        yield Host(tmp_path_factory.mktemp("host"), server)


def projects(*more: dict[str, Any]) -> dict[str, Any]:
    """The default project and others."""
    default = {
        "name": "{{ infisical_project_name }}",
        "slug": "{{ infisical_project_slug }}",
        "environments": "{{ infisical_project_environments }}",
        "identities": "{{ infisical_project_identities }}",
    }
    return {"infisical_project_projects": [default, *more]}


def test_a_plan_needs_neither_a_server_nor_a_directory(host: Host) -> None:
    text = succeeded(host.role("--check", infisical_project_url="http://127.0.0.1:9")).text
    for sentence in (
        "make the organisation Omakase",
        "make the project omakase",
        "make the environment prod (Production) in omakase",
        "make the identity omakase-deployment",
        "let omakase-deployment in omakase: dev:/ read and write; prod:/ read and write",
        "let omakase-dev in omakase: dev:/ read",
        "let omakase-prod in omakase: prod:/ read",
        f"make a client secret for omakase-deployment, kept in {host.directory}/omakase-deployment.json",
    ):
        assert sentence in text
    assert not host.directory.exists()


def test_by_default_one_identity_writes_and_of_each_environment_one_reads_and_nothing_else(host: Host) -> None:
    succeeded(host.role())
    assert sorted(path.name for path in host.directory.iterdir()) == [
        "administrator.json", "management.json", "omakase-deployment.json", "omakase-dev.json", "omakase-prod.json",
        "organization.json", "project.json",
    ]  # fmt: skip
    assert stat.S_IMODE(host.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in host.directory.iterdir()} == {0o600}
    assert [host.status("omakase-deployment", "write", "/", slug) for slug in ("dev", "prod")] == [200, 200]
    for name, own, other in (("omakase-dev", "dev", "prod"), ("omakase-prod", "prod", "dev")):
        assert [host.status(name, "read", "/", slug) for slug in (own, other)] == [200, 403]
        assert [host.status(name, "write", "/", slug) for slug in (own, other)] == [403, 403]
    management = host.kept("management")
    token = host.server.log_in(management["client_id"], management["client_secret"])
    where = f"/api/v1/projects/{host.kept('project')['id']}/environments"
    lab = host.server.request("POST", where, {"name": "Lab", "slug": "lab"}, token).body["environment"]["id"]
    assert host.status("omakase-deployment", "write", "/", "lab") == 403
    assert host.server.request("DELETE", f"{where}/{lab}", None, token).status == 200


def test_several_projects_are_made_with_no_right_too_many(host: Host) -> None:
    succeeded(host.role(**projects(APP)))
    assert host.kept("project")["slug"] == "omakase"
    assert (host.status("writer", "write", "/web", "prod"), host.status("writer", "write", "/", "old")) == (200, 200)
    assert (host.status("web", "read", "/web", "prod"), host.status("web", "write", "/web", "prod")) == (200, 403)
    assert (host.status("web", "read", "/shared", "prod"), host.status("web", "read", "/", "dev")) == (403, 403)


def test_a_client_secret_that_nears_its_end_is_followed_by_another(host: Host, postgres: Postgres) -> None:
    before = {name: host.kept(name)["client_secret"] for name in ("writer", "web", "few")}
    database = host.server.environ["DB_CONNECTION_URI"].rpartition("/")[2]
    postgres.sql(
        """UPDATE identity_ua_client_secrets SET "createdAt" = "createdAt" - interval '20 hours'
           WHERE "clientSecretTTL" > 0""",
        database=database,
    )
    for _ in range(4):
        host.status("few", "read", "/", "dev")
    succeeded(host.role(**projects(APP)))
    renewed = {name for name, secret in before.items() if host.kept(name)["client_secret"] != secret}
    assert renewed == {"web", "few"}
    host.server.log_in(host.kept("web")["client_id"], before["web"])  # works on until its end
    assert succeeded(host.role(**projects(APP))).changed == 0


def test_what_would_destroy_secrets_is_refused_before_anything_is_changed(host: Host) -> None:
    gone = {**APP, "environments": [{"slug": "dev"}, {"slug": "prod"}, {"slug": "old", "state": "absent"}]}
    gone["folders"] = [{"path": "/shared"}, {"path": "/web", "environments": ["prod"], "state": "absent"}]
    gone["identities"] = [{**one, "state": "absent"} for one in APP["identities"]]
    gone["imports"] = [{"environment": "prod", "path": "/web", "source_path": "/shared", "state": "absent"}]
    text = refused(host.role(**projects(gone)))
    assert "Removing the environment old of app-of-mine would destroy a secret" in text
    assert "Removing the folder /web in prod of app-of-mine would destroy a secret" in text
    assert host.status("web", "read", "/web", "prod") == 200
    gone["environments"][2]["force"] = gone["folders"][1]["force"] = True
    succeeded(host.role(**projects(gone)))
    assert [environment["slug"] for environment in host.kept("projects")["app-of-mine"]["environments"]] == [
        "dev",
        "prod",
    ]
    assert not (host.directory / "web.json").exists()


def test_no_secret_is_printed_at_any_verbosity(host: Host) -> None:
    log = "\n".join(host.log)
    kept = [json.loads(path.read_text()) for path in host.directory.iterdir()]
    secrets = [PASSWORD, *(content["client_secret"] for content in kept if "client_secret" in content)]
    assert len(secrets) == 5
    assert [secret for secret in secrets if secret in log] == []


def test_a_server_of_2024_is_served_alike(postgres: Postgres, redis: Redis, tmp_path: Path) -> None:
    with infisical_server(postgres, redis, INFISICAL_STAND_IN_ERA="v3") as server:
        account = server.bootstrap()
        host = Host(tmp_path, server)
        given = {
            "infisical_project_admin_email": account.email,
            "infisical_project_admin_password": account.password,
            **projects(APP),
        }
        succeeded(host.role(**given))
        assert succeeded(host.role(**given)).changed == 0
        token = server.log_in(host.kept("web")["client_id"], host.kept("web")["client_secret"])
        scope = f"workspaceId={host.kept('projects')['app-of-mine']['id']}&environment=prod&secretPath="
        seen = {
            path: server.request("GET", f"/api/v3/secrets/raw?{scope}{path}", None, token).status
            for path in ("/web", "/")
        }
        assert seen == {"/web": 200, "/": 403}
