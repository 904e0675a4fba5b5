# SPDX-License-Identifier: GPL-3.0-or-later
"""An Infisical on a machine of the lab, all that must never be lost of it, and whether it is still there."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.roles.machine import Machine, docker_of_the_lab
from tests.roles.playbook import succeeded
from tests.support.age import Age
from tests.support.servers import Account, Api

OLD, NEW, BROKEN = "v0.165.15", "v0.166.2", "v0.167.0-broken"
DIRECTORY, BACKUPS = "/opt/infisical", "/var/backups/infisical"
BEFORE_RESTORE, BEFORE_UPGRADE = f"{BACKUPS}/before-restore", f"{DIRECTORY}/before-upgrade"
COPIES, RESTIC, RESTIC_PASSWORD = "/srv/copies", "/srv/restic", "restic-canary"
KEY, WITHOUT_COPIES = "/run/kills.key", "/etc/infisical-backup-alone.json"
KEPT = 4  # archives that retention leaves
_PROGRAM = "PYTHONPATH=/usr/local/lib/infisical-backup python3 -c"
# What the database holds, by the program's own keyed digest; of the client secrets all but how often they were used.
_CONTENTS = """
import json
from pathlib import Path
from infisical_backup.databases import own_postgres
from infisical_backup.keys import digest_key
from infisical_backup.stack import Stack
stack = Stack(Path("/opt/infisical"))
database = own_postgres(stack)
held = database.contents(digest_key(stack.environment(stack.server), "kills"))
clients = database.sql(
    'SELECT id, "clientSecretHash", "isClientSecretRevoked" FROM identity_ua_client_secrets ORDER BY id;'
)
names = database.sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname;").split()
print(json.dumps({"rows": held.rows, "digests": held.digests, "clients": clients, "databases": names}))
"""


@dataclass(frozen=True)
class Contents:
    """What a database holds. Logins and migrations come and go; nothing else does."""

    rows: dict[str, int]
    digests: dict[str, str]
    clients: str
    databases: list[str] = field(compare=False)

    @classmethod
    def told(cls, text: str) -> Contents:
        found = json.loads(text)
        for passing in ("identity_access_tokens", "infisical_migrations"):
            found["rows"].pop(passing, None)
        return cls(**found)


@dataclass
class Installation:
    """The server, its project, and who may read it."""

    machine: Machine
    directory: Path
    recipient: str
    api: Api
    account: Account
    project: str = ""
    clients: list[tuple[str, str]] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    keys: str = ""

    @classmethod
    def made(cls, machine: Machine, directory: Path) -> Installation:
        """Docker, the older version, secrets with two versions each, two identities; and backups, copied twice."""
        succeeded(machine.role(directory, "docker", docker_of_the_lab()))
        succeeded(machine.role(directory, "infisical", {"infisical_version": OLD}))
        api = Api(f"http://{machine.address}")
        made = cls(machine, directory, Age.made(directory, "key").recipient, api, api.bootstrap())
        made._fill()
        made._set_backups_up()
        made.keys = made.keys_now()
        return made

    def _fill(self) -> None:
        body = {"projectName": "kills"}
        self.project = self.api.request("POST", "/api/v1/projects", body, self.account.token).body["project"]["id"]
        for number in range(20):
            self.write(f"SECRET_{number}", f"canary-{number}")
            self.write(f"SECRET_{number}", f"canary-{number} $w'ö\"")
        self.clients = [
            self.api.identity(self.account, name, self.project, role)
            for name, role in (("reader", "viewer"), ("writer", "admin"))
        ]

    def _set_backups_up(self) -> None:
        host = self.machine.host
        host.check_output(
            "mkdir -p /root/.ssh && ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/backup"
            " && cat /root/.ssh/backup.pub >>/root/.ssh/authorized_keys"
            " && ssh-keyscan -t ed25519 127.0.0.2 >/root/.ssh/backup_hosts"
        )
        keyed = {"ssh_key_file": "/root/.ssh/backup", "known_hosts_file": "/root/.ssh/backup_hosts"}
        self.settings = {
            "infisical_backup_recipients": [self.recipient],
            "infisical_backup_copies": [
                {"kind": "rsync", "to": f"root@127.0.0.2:{COPIES}/", **keyed},
                {"kind": "restic", "to": RESTIC, "environment": {"RESTIC_PASSWORD": RESTIC_PASSWORD}},
            ],
            "infisical_backup_keep_last": KEPT,
            **{f"infisical_backup_keep_{period}": 0 for period in ("daily", "weekly", "monthly")},
            "infisical_backup_timer": False,
        }
        succeeded(self.machine.role(self.directory, "infisical_backup", self.settings))
        drop = "import json; print(json.dumps({**json.load(open('/etc/infisical-backup.json')), 'copies': []}))"
        host.check_output(f'umask 077; python3 -c "{drop}" >{WITHOUT_COPIES}')
        host.check_output(f"RESTIC_PASSWORD={RESTIC_PASSWORD} restic init --quiet --repo {RESTIC}")
        self.lay_key_down()

    settings: dict[str, Any] = field(default_factory=dict)

    def lay_key_down(self) -> None:
        """Where a machine that was started anew has forgotten it."""
        key = (self.directory / "key").read_text()
        self.machine.host.check_output(f"umask 077; cat >{KEY} <<'END'\n{key}\nEND")

    def write(self, name: str, value: str) -> None:
        """An acknowledged write: what is true from now on."""
        body = {"projectId": self.project, "environment": "dev", "secretPath": "/", "secretValue": value}
        method = "PATCH" if name in self.values else "POST"
        reply = self.api.request(method, f"/api/v4/secrets/{name}", body, self.account.token)
        assert reply.status == 200, reply
        self.values[name] = value

    def read(self, client: tuple[str, str]) -> dict[str, str]:
        """All secrets, as a machine identity reads them."""
        query = f"projectId={self.project}&environment=dev&secretPath=/&viewSecretValue=true"
        reply = self.api.request("GET", f"/api/v4/secrets?{query}", None, self.api.log_in(*client))
        assert reply.status == 200, reply
        return {secret["secretKey"]: secret["secretValue"] for secret in reply.body["secrets"]}

    def contents(self) -> Contents:
        script = _CONTENTS.replace("'", "'\\''")
        return Contents.told(self.machine.host.check_output(f"{_PROGRAM} '{script}'"))

    def keys_now(self) -> str:
        """.env, of which nothing ever changes here."""
        return str(self.machine.host.check_output(f"sha256sum {DIRECTORY}/.env"))

    def archives(self, folder: str) -> dict[str, str]:
        """Checksums of the archives of a folder by their paths, oldest first."""
        found = self.machine.host.check_output(
            f"find {folder} -maxdepth 1 -name 'infisical-*' -exec sha256sum {{}} + 2>/dev/null | sort -k2"
        )
        return {line.split()[1]: line.split()[0] for line in found.splitlines()}

    def manifest(self, archive: str) -> dict[str, Any]:
        """The manifest of an archive that is whole."""
        found: dict[str, Any] = json.loads(
            self.machine.host.check_output(f"infisical-backup verify {archive} --identity {KEY}")
        )
        return found

    def compose_of(self, archive: str) -> str:
        """The compose file in a plain archive."""
        return str(self.machine.host.check_output(f"tar -xOf {archive} files/docker-compose.yml"))

    def half_files(self) -> list[str]:
        """What a killed run leaves and the next one clears away."""
        places = f"{BACKUPS} {DIRECTORY} {COPIES} /var/lib/infisical-backup"
        there = self.machine.host.run(f"ls -d {places}").stdout  # one of them may not be made yet
        command = f"find {' '.join(there.split())} -name '.*infisical-*' -o -name '.ansible*'"
        return str(self.machine.host.check_output(command)).split()

    def image(self) -> str:
        return str(self.machine.host.check_output("docker inspect --format '{{.Config.Image}}' infisical-backend-1"))

    def containers(self) -> dict[str, str]:
        """Status of each container that there is."""
        listed = self.machine.host.check_output("docker ps --all --format '{{.Names}}\t{{.Status}}'")
        return dict(line.split("\t") for line in listed.splitlines())

    def is_well(self, keeps_replaced: bool = False) -> None:
        """The server is healthy, its keys are those of the beginning, and every identity reads every value."""
        states = self.containers()
        names = [f"infisical-{service}-1" for service in ("backend", "db", "redis")]
        assert sorted(states) == names and all("(healthy)" in state for state in states.values()), states
        assert self.keys_now() == self.keys
        for client in self.clients:
            assert self.read(client) == self.values
        assert self.half_files() == []
        others = [name for name in self.contents().databases if name not in ("infisical", "postgres")]
        assert all(keeps_replaced and "_before_" in name for name in others), others
