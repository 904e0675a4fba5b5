# SPDX-License-Identifier: GPL-3.0-or-later
"""Real runs of Ansible against the stand-in server on a real PostgreSQL and Redis, through a proxy that counts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.browser import Browser, browser, installed
from tests.support.cores import CORES, Core
from tests.support.faults import FaultyProxy
from tests.support.servers import Account, Infisical, Postgres, Redis, infisical_server, postgres_server, redis_server

ROOT = Path(__file__).resolve().parents[2]
RUN_SECONDS = 300
# For what ansible-core does in two ways at most, an older and a newer one
oldest_and_newest = pytest.mark.parametrize("any_ansible", [CORES[0], CORES[-1]], indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    with redis_server() as server:
        yield server


@dataclass
class Vault:
    """A server with a project, and a machine identity that may do everything in it. All requests go through proxy."""

    server: Infisical
    proxy: FaultyProxy
    account: Account
    project_id: str
    identity_id: str
    client_id: str
    client_secret: str

    @property
    def variables(self) -> dict[str, Any]:
        """What lookups need, as the variables that they read."""
        return {
            "infisical_url": self.proxy.url,
            "infisical_client_id": self.client_id,
            "infisical_client_secret": self.client_secret,
            "infisical_project_id": self.project_id,
        }

    @property
    def options(self) -> dict[str, Any]:
        """The same as the options of modules."""
        return {name.removeprefix("infisical_"): value for name, value in self.variables.items()}

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The administrator's own request, past the proxy."""
        reply = self.server.request(method, path, body, self.account.token)
        assert reply.status == 200, f"{method} {path}: {reply.status}"
        return reply.body

    def put(self, path: str = "/", environment: str = "dev", **values: str) -> None:
        """New secrets in a folder."""
        secrets = [{"secretKey": name, "secretValue": value} for name, value in values.items()]
        scope = {"projectId": self.project_id, "environment": environment, "secretPath": path}
        self.ask("POST", "/api/v4/secrets/batch", {**scope, "secrets": secrets})

    def folder(self, path: str, environment: str = "dev") -> None:
        parent, _slash, name = path.rpartition("/")
        scope = {"projectId": self.project_id, "environment": environment, "path": parent or "/"}
        self.ask("POST", "/api/v2/folders", {**scope, "name": name})

    def settle(self, **settings: int) -> None:
        """Changes the identity's universal auth, for example accessTokenTTL."""
        self.ask("PATCH", f"/api/v1/auth/universal-auth/identities/{self.identity_id}", settings)


def vault_on(server: Infisical, proxy: FaultyProxy) -> Vault:
    account = server.bootstrap()
    vault = Vault(server, proxy, account, "", "", "", "")
    project = vault.ask("POST", "/api/v1/projects", {"projectName": "omakase", "slug": "omakase"})["project"]
    vault.project_id = project["id"]
    body = {"name": "deployment", "organizationId": account.organization_id, "role": "no-access"}
    vault.identity_id = vault.ask("POST", "/api/v1/identities", body)["identity"]["id"]
    vault.ask(
        "POST", f"/api/v1/projects/{vault.project_id}/memberships/identities/{vault.identity_id}", {"role": "admin"}
    )
    path = f"/api/v1/auth/universal-auth/identities/{vault.identity_id}"
    vault.client_id = vault.ask("POST", path, {})["identityUniversalAuth"]["clientId"]
    vault.client_secret = vault.ask("POST", f"{path}/client-secrets", {"description": "test"})["clientSecret"]
    return vault


@pytest.fixture
def vault(postgres: Postgres, redis: Redis) -> Iterator[Vault]:
    """Return a fresh server of the current era."""
    with infisical_server(postgres, redis) as server, FaultyProxy(server.base_url).running() as proxy:
        yield vault_on(server, proxy)


@dataclass
class Result:
    """What a run of Ansible has said."""

    status: int
    output: str

    def recap(self, host: str) -> dict[str, int]:
        line = re.search(rf"^{host}\s+: (.*)$", self.output, re.MULTILINE)
        assert line, self.output
        return {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line[1])}


class Ansible:
    """Runs playbooks with one ansible-core, in a directory of its own."""

    def __init__(self, directory: Path, core: Core) -> None:
        self.directory = directory
        self.core = core
        self.temporary = directory / "local_tmp"
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(self.temporary),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_HOST_KEY_CHECKING": "0",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
        }

    def play(
        self,
        *tasks: dict[str, Any],
        hosts: int = 1,
        forks: int = 10,
        variables: dict[str, Any] | None = None,
        arguments: tuple[str, ...] = (),
        **play: Any,
    ) -> Result:
        """Runs tasks on that many hosts, all of them this machine."""
        process = self.start(*tasks, hosts=hosts, forks=forks, variables=variables, arguments=arguments, **play)
        output, _nothing = process.communicate(timeout=RUN_SECONDS)
        return Result(process.returncode, output)

    def start(
        self,
        *tasks: dict[str, Any],
        hosts: int = 1,
        forks: int = 10,
        variables: dict[str, Any] | None = None,
        arguments: tuple[str, ...] = (),
        **play: Any,
    ) -> subprocess.Popen[str]:
        local = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_async_dir": str(self.directory / "async"),
        }
        content = {"hosts": "all", "gather_facts": False, "tasks": list(tasks), **play}
        playbook = self.directory / "play.yml"
        playbook.write_text(yaml.safe_dump([content], sort_keys=False, allow_unicode=True))
        given = self.directory / "variables.json"
        given.write_text(json.dumps({**local, **(variables or {})}))
        names = ",".join(f"h{number}" for number in range(hosts)) + ","
        return self.run("ansible-playbook", str(playbook), "-i", names, "-f", str(forks), "-e", f"@{given}", *arguments)

    def run(self, program: str, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.core.program(program)), *arguments],
            cwd=self.directory,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


MakeAnsible = Callable[[Core], Ansible]


@pytest.fixture
def make_ansible(tmp_path: Path) -> MakeAnsible:
    def make(core: Core) -> Ansible:
        directory = tmp_path / f"ansible-{core.name}-{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        return Ansible(directory, core)

    return make


@pytest.fixture
def ansible(make_ansible: MakeAnsible) -> Ansible:
    """Return the ansible-core that this checkout is developed with."""
    return make_ansible(Core.own())


# The ends of what is supported, and those in between where there is time for them
EACH_CORE = [core if core in (CORES[0], CORES[-1]) else pytest.param(core, marks=pytest.mark.soak) for core in CORES]


@pytest.fixture(params=EACH_CORE)
def any_ansible(request: pytest.FixtureRequest, make_ansible: MakeAnsible) -> Ansible:
    """Return each ansible-core that the collection supports and this machine has a Python for."""
    assert request.config.cache is not None
    core = Core.installed(request.param, request.config.cache.mkdir("ansible-cores"))
    if core is None:
        pytest.skip(f"no Python on this machine for ansible-core {request.param}")
    return make_ansible(core)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if installed() is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with browser() as running:
        yield running
