# SPDX-License-Identifier: GPL-3.0-or-later
"""An Infisical as people set it up by hand, with a project of their own in it.

Services, names and volumes are those of the vendor's compose file; the addresses in .env refer to other lines of it,
and Redis has no password.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

import yaml

from tests.support.servers import Account, Api

SECRET = "canary-written-by-hand"
_SERVICES: dict[str, Any] = {
    "backend": {
        "container_name": "infisical-backend",
        "image": "infisical/infisical:v0.165.16",
        "restart": "unless-stopped",
        "depends_on": {"db": {"condition": "service_healthy"}, "redis": {"condition": "service_started"}},
        "env_file": ".env",
        "environment": ["NODE_ENV=production"],
        "ports": ["80:8080"],
    },
    "redis": {
        "container_name": "infisical-dev-redis",
        "image": "redis:7-alpine",
        "restart": "always",
        "env_file": ".env",
        "environment": ["ALLOW_EMPTY_PASSWORD=yes"],
        "volumes": ["redis_data:/data"],
    },
    "db": {
        "container_name": "infisical-db",
        "image": "postgres:16-alpine",
        "restart": "always",
        "env_file": ".env",
        "volumes": ["pg_data:/var/lib/postgresql/data"],
        "healthcheck": {"test": "psql --username=${POSTGRES_USER} --list", "interval": "1s", "retries": 60},
    },
}
_VOLUMES: dict[str, Any] = {"pg_data": {"driver": "local"}, "redis_data": {"driver": "local"}}
_ENV = """\
# Keys, not those of the sample
ENCRYPTION_KEY={encryption_key}
AUTH_SECRET={auth_secret}

POSTGRES_PASSWORD=infisical
POSTGRES_USER=infisical
POSTGRES_DB=infisical
DB_CONNECTION_URI=postgres://${{POSTGRES_USER}}:${{POSTGRES_PASSWORD}}@db:5432/${{POSTGRES_DB}}
REDIS_URL=redis://redis:6379

SITE_URL=http://localhost:8080
SMTP_PORT=
CLIENT_ID_GOOGLE_LOGIN=
OTEL_EXPORT_TYPE=prometheus
"""


@dataclass
class ByHand:
    """Where it is, and what was written into it.

    run: a command on the host, which answers with what it prints.
    mail: the rest of .env.
    """

    run: Callable[[str], str]
    api: Api
    directory: str
    compose_file: str
    mail: str = "SMTP_HOST=\n"
    account: Account = field(init=False)
    project: str = field(init=False)

    def set_up(self) -> None:
        """Containers, an administrator and a secret, and nothing of what was on the host before."""
        self.run(
            "docker rm --force --volumes $(docker ps --all --quiet); docker volume rm $(docker volume ls --quiet);"
            f" rm -rf /opt/infisical; mkdir -p {self.directory}"
        )
        env = _ENV.format(encryption_key=secrets.token_hex(16), auth_secret=f"{secrets.token_urlsafe(32)}=")
        self._write(".env", f"{env}{self.mail}")
        self._write(self.compose_file, yaml.safe_dump({"services": _SERVICES, "volumes": _VOLUMES}))
        self.run(f"cd {self.directory} && docker compose --file {self.compose_file} up --detach --quiet-pull")
        self.run("for _ in $(seq 60); do curl -sf http://127.0.0.1/api/status && exit; sleep 1; done; exit 1")
        self.account = self.api.bootstrap("mine")
        wanted = {"projectName": "of before", "slug": "of-before"}
        self.project = self._asked("POST", "/api/v1/projects", wanted)["project"]["id"]
        where = {"projectId": self.project, "environment": "dev", "secretPath": "/"}
        self._asked("POST", "/api/v4/secrets/BY_HAND", {**where, "secretValue": SECRET})

    def secret(self) -> str:
        """The value of the secret, asked for by the administrator of then."""
        where = f"projectId={self.project}&environment=dev&secretPath=/"
        return str(self._asked("GET", f"/api/v4/secrets/BY_HAND?{where}")["secret"]["secretValue"])

    def log_in_again(self) -> None:
        """Where another AUTH_SECRET has made the token void."""
        known = self.account
        self.account = self.api.administrator(known.email, known.password, known.organization_id)

    def key_lines(self) -> list[str]:
        """The lines of .env that must never change."""
        names = "ENCRYPTION_KEY|AUTH_SECRET|POSTGRES_PASSWORD"
        return sorted(self.run(f"grep -E '^({names})=' {self.directory}/.env").splitlines())

    def _write(self, name: str, content: str) -> None:
        self.run(f"printf %s {quote(content)} > {self.directory}/{name}")

    def _asked(self, method: str, path: str, body: object = None) -> Any:
        reply = self.api.request(method, path, body, self.account.token)
        assert reply.status == 200, reply
        return reply.body
