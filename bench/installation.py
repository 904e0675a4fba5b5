# SPDX-License-Identifier: GPL-3.0-or-later
"""An Infisical with its backups on a real machine of the lab, filled through its API."""

from __future__ import annotations

import hashlib
import json
import random
import string
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.lxc import lxc_name
from tests.roles.machine import Machine, docker_of_the_lab, lab
from tests.roles.playbook import Run, succeeded
from tests.support.age import Age
from tests.support.servers import Account, Api

# A machine for each case, so that a case can run while another does.
ADDRESSES = {"disaster": "198.18.0.151", "writes": "198.18.0.155", "latency": "198.18.0.153", "memory": "198.18.0.154"}
PER_FOLDER = 50
STATUS = "/var/lib/infisical-backup/status.json"
# The machine identities by what they may do: roles in the project, or one folder alone.
IDENTITIES = ("viewer", "member", "admin", "no-access", "folder")


@dataclass
class Installation:
    """What runs there, its administrator, and the key to its backups."""

    machine: Machine
    folder: Path
    key: Age
    account: Account
    project: str
    identities: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def api(self) -> Api:
        return Api(f"http://{self.machine.address}")

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to the administrator."""
        reply = self.api.request(method, path, body, self.account.token)
        if reply.status != 200:
            raise RuntimeError(f"{method} {path} answered {reply.status}: {reply.body}")
        return reply.body

    def sh(self, command: str) -> str:
        """Run a command there, which must end well; what it prints."""
        return str(self.machine.host.check_output(command))

    def playbook(self, name: str, *arguments: str, settings: dict[str, str] | None = None, **variables: Any) -> Run:
        given = {**docker_of_the_lab(), **self.variables, **variables}
        return succeeded(self.machine.playbook(self.folder, name, given, *arguments, settings=settings))

    @property
    def variables(self) -> dict[str, Any]:
        return {"infisical_backup_recipients": [self.key.recipient], "infisical_backup_keep_daily": 0}

    def status(self) -> dict[str, Any]:
        """Of the last backup."""
        found: dict[str, Any] = json.loads(self.sh(f"cat {STATUS}"))
        return found

    def fill(self, folders: int) -> None:
        """So many folders of 50 secrets; in every second folder each secret has two versions."""
        chance = random.Random(folders)  # noqa: S311  # the same values each time
        for number in range(folders):
            scope = {"projectId": self.project, "environment": "dev"}
            self.ask("POST", "/api/v2/folders", {**scope, "path": "/", "name": f"service-{number}"})
            where = {**scope, "secretPath": f"/service-{number}"}
            for method in ("POST", "PATCH") if number % 2 else ("POST",):
                secrets = [
                    {"secretKey": f"SERVICE_{number}_{index}", "secretValue": _value(chance)}
                    for index in range(PER_FOLDER)
                ]
                self.ask(method, "/api/v4/secrets/batch", {**where, "secrets": secrets})

    def add_identities(self, count: int) -> None:
        """So many machine identities, of each kind in turn."""
        for number in range(count):
            kind = IDENTITIES[number % len(IDENTITIES)]
            role = "no-access" if kind == "folder" else kind
            self.identities[f"{kind}-{number}"] = self.api.identity(
                self.account, f"{kind}-{number}", self.project, role
            )
            if kind == "folder":
                self._open_folder(f"{kind}-{number}", number)

    def _open_folder(self, name: str, number: int) -> None:
        listed = self.ask("GET", f"/api/v1/identities?orgId={self.account.organization_id}")["identities"]
        identity = next(each["identity"]["id"] for each in listed if each["identity"]["name"] == name)
        rule = {
            "subject": "secrets",
            "action": ["read"],
            "conditions": {"environment": {"$eq": "dev"}, "secretPath": {"$glob": f"/service-{number}"}},
        }
        body = {"identityId": identity, "projectId": self.project, "slug": "one-folder", "permissions": [rule]}
        body["type"] = {"isTemporary": False}
        self.ask("POST", "/api/v2/identity-project-additional-privilege", body)

    def readable(self) -> dict[str, tuple[int, str]]:
        """For each identity, once it has logged in: how many secrets it reads, and a hash of all that they are."""
        return {name: self._read(name, *client) for name, client in self.identities.items()}

    def _read(self, name: str, client_id: str, client_secret: str) -> tuple[int, str]:
        token = self.api.log_in(client_id, client_secret)
        path = f"/service-{name.partition('-')[2]}" if name.startswith("folder") else "/"
        query = f"projectId={self.project}&environment=dev&secretPath={path}&recursive=true&viewSecretValue=true"
        reply = self.api.request("GET", f"/api/v4/secrets?{query}", None, token)
        if reply.status != 200:
            return 0, str(reply.status)
        fields = ("secretPath", "secretKey", "secretValue", "version", "updatedAt")
        found = sorted([secret[name] for name in fields] for secret in reply.body["secrets"])
        return len(found), hashlib.sha256(json.dumps(found).encode()).hexdigest()

    def versions(self, folders: int) -> str:
        """A hash of the first versions of one secret in each folder."""
        found = []
        for number in range(folders):
            query = f"projectId={self.project}&environment=dev&secretPath=/service-{number}&version=1"
            found.append(self.ask("GET", f"/api/v4/secrets/SERVICE_{number}_7?{query}")["secret"]["secretValue"])
        return hashlib.sha256(json.dumps(found).encode()).hexdigest()


def _value(chance: random.Random) -> str:
    """As long as passwords and tokens are: mostly 32 characters, a key of 1,600 now and then."""
    length = chance.choice((16, 32, 32, 32, 64)) if chance.random() < 0.98 else 1600
    return "".join(chance.choices(string.ascii_letters + string.digits, k=length))


def bare_machine(case: str) -> Machine:
    """A new machine for a case, in the place of one that may be there."""
    name, address = f"load-{case}", ADDRESSES[case]
    lab("machine", "--remove", name)
    lab("machine", name, address)
    _put_first(name)
    return Machine(name, address)


def _put_first(name: str) -> None:
    """Let the machine go before what else runs here, so that figures are of it alone; as far as we may."""
    group = f"lxc.payload.{lxc_name(name)}"
    for path, share in ((f"cpu/{group}/cpu.shares", "16384"), (f"{group}/cpu.weight", "1600")):
        with suppress(OSError):
            Path("/sys/fs/cgroup", path).write_text(share)


@contextmanager
def installation(case: str) -> Iterator[Installation]:
    """A fresh one; gone afterwards."""
    machine = bare_machine(case)
    try:
        with tempfile.TemporaryDirectory(prefix="omakase-bench-") as directory:
            folder = Path(directory)
            for role, given in (("docker", docker_of_the_lab()), ("infisical", {})):
                succeeded(machine.role(folder, role, given))
            key = Age.made(folder, "backup.key")
            api = Api(f"http://{machine.address}")
            account = api.bootstrap()
            made = api.request("POST", "/api/v1/projects", {"projectName": "homelab"}, account.token)
            ours = Installation(machine, folder, key, account, made.body["project"]["id"])
            succeeded(machine.role(folder, "infisical_backup", ours.variables))
            yield ours
    finally:
        lab("machine", "--remove", machine.name)
