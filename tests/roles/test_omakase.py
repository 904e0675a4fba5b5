# SPDX-License-Identifier: GPL-3.0-or-later
"""The role omakase on a real machine with real services: the tests build on each other in the order they stand in."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from tests.roles.machine import Machine, cli_of_the_lab, docker_of_the_lab
from tests.roles.playbook import ROOT, Run, play, refused, succeeded
from tests.support.servers import Account, Infisical, infisical_server

pytestmark = pytest.mark.lab
ADDRESS = "198.18.0.170"
GATEWAY = "198.18.0.1"  # this machine, as the other one reaches it
CHECKOUT = "/home/omakase/omakase"
STACK = {
    "compose.yml": "include: [compose/cache/compose.yml, compose/page/compose.yml]\n",
    "compose/cache/compose.yml": """
services:
  cache:
    image: redis:7-alpine
    command: [redis-server, /config/redis.conf]
    environment: {REDISCLI_AUTH: "${NEXTCLOUD_REDIS_PASSWORD:?err}"}
    volumes: [./config:/config:ro, "${DATA_DIR:?err}/cache:/data"]
    healthcheck: {test: [CMD-SHELL, "redis-cli ping | grep PONG"], interval: 1s, retries: 60}
""",
    "compose/cache/config/redis.conf.tmpl": "requirepass ${NEXTCLOUD_REDIS_PASSWORD}\n",
    "compose/page/compose.yml": """
services:
  page:
    image: nginx:1.28-alpine
    environment: {API_KEY: "${SONARR_API_KEY:?err}", TZ: "${TZ:-Etc/UTC}"}
    ports: ["${PAGE_PORT:-8000}:80"]
    volumes: [./config/default.conf:/etc/nginx/conf.d/default.conf:ro, ./config/users:/etc/nginx/users:ro]
    healthcheck: {test: [CMD-SHELL, "wget -q -O /dev/null http://127.0.0.1/healthy"], interval: 1s, retries: 60}
""",
    "compose/page/config/default.conf": """
server {
  listen 80;
  location = /healthy { return 200; }
  location / { auth_basic x; auth_basic_user_file /etc/nginx/users; return 204; }
}
""",
    "compose/page/config/users.tmpl": '{{ env "TRAEFIK_API_USER" }}:{PLAIN}{{ env "TRAEFIK_API_PASSWORD" }}\n',
    ".gitignore": "data/\n",
}
TEMPLATES = [
    # The users that redis and nginx have in their images
    {
        "src": "compose/cache/config/redis.conf.tmpl",
        "dest": "compose/cache/config/redis.conf",
        "format": "dollar",
        "owner": "999",
    },
    {
        "src": "compose/page/config/users.tmpl",
        "dest": "compose/page/config/users",
        "format": "go",
        "owner": "101",
        "mode": "0400",
    },
]


@dataclass
class Site:
    """The machine, the project that it takes its secrets from, and all that was printed."""

    machine: Machine
    server: Infisical
    account: Account
    directory: Path
    project_id: str
    printed: list[str] = field(default_factory=list)

    @property
    def host(self) -> Host:
        return self.machine.host

    def identity(self, name: str, role: str) -> dict[str, str]:
        client_id, secret = self.server.identity(self.account, name, self.project_id, role)
        return {"omakase_infisical_client_id": client_id, "omakase_infisical_client_secret": secret}

    def run(self, *arguments: str, **changes: Any) -> Run:
        run = self.machine.role(self.directory, "omakase", {**self.given, **changes}, *arguments)
        self.printed.append(run.output)
        return run

    given: dict[str, Any] = field(default_factory=dict)

    def audit(self, **variables: Any) -> Run:
        inventory = self.machine.inventory.replace("machines:", "omakase:")
        playbook = {"ansible.builtin.import_playbook": str(ROOT / "playbooks/audit.yml")}
        return play(self.directory, inventory, playbook, "-vvv", "--diff", variables=variables)

    def secrets(self, environment: str = "dev") -> dict[str, str]:
        path = (
            f"/api/v4/secrets?projectId={self.project_id}&environment={environment}&secretPath=/&viewSecretValue=true"
        )
        found = self.server.request("GET", path, token=self.account.token).body["secrets"]
        return {secret["secretKey"]: secret["secretValue"] for secret in found}

    def change(self, name: str, value: str) -> None:
        body = {"projectId": self.project_id, "environment": "dev", "secretPath": "/", "secretValue": value}
        assert self.server.request("PATCH", f"/api/v4/secrets/{name}", body, self.account.token).status == 200

    def push(self, files: dict[str, str]) -> None:
        """Somebody's push to the repository."""
        for name, text in files.items():
            self.host.check_output(f"mkdir -p $(dirname /srv/origin/{name})")
            self.host.check_output(f"printf %s {shlex.quote(text)} > /srv/origin/{name}")
        git = "git -C /srv/origin -c user.name=t -c user.email=t@t"
        self.host.check_output(
            f"git init -q -b main /srv/origin && {git} add -A && {git} commit -q -m {len(self.printed)}"
        )
        self.host.check_output(
            "chown -R omakase /srv/origin 2>/dev/null || true; git config --system safe.directory '*'"
        )

    def started(self) -> dict[str, str]:
        """When each service was started."""
        names = self.host.check_output("docker ps --format '{{.Names}}'").split()
        return {name: self.host.check_output("docker inspect -f '{{.State.StartedAt}}' %s", name) for name in names}


def prepare(machine: Machine, directory: Path) -> None:
    """Docker and the CLI on the machine."""
    roles = {"gather_facts": False, "roles": ["omakase.homelab.docker", "omakase.homelab.infisical_cli"]}
    succeeded(machine.play(directory, roles, {**docker_of_the_lab(), **cli_of_the_lab()}))


@pytest.fixture(scope="module")
def site(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A prepared machine, a server with an empty project, a repository."""
    directory = tmp_path_factory.mktemp("site")
    prepare(machine, directory)
    with infisical_server() as server:
        account = server.bootstrap()
        body = {"projectName": "omakase", "slug": "omakase"}
        project = server.request("POST", "/api/v1/projects", body, account.token).body["project"]
        site = Site(machine, server, account, directory, project["id"])
        site.given = {
            "omakase_infisical_url": f"http://{GATEWAY}:{server.port}",
            "omakase_infisical_project_id": project["id"],
            "omakase_repository": "/srv/origin",
            "omakase_secrets": {"DOMAINNAME": "home.example", "B2_ACCOUNT_KEY": "canary-b2-key-3a"},
            "omakase_templates": TEMPLATES,
            **site.identity("deployment", "admin"),
        }
        site.push(STACK)
        yield site


def test_a_plan_on_a_machine_without_a_checkout_succeeds_and_says_where_it_ends(site: Site) -> None:
    assert "so this plan ends here" in succeeded(site.run("--check", "--diff")).text
    assert not site.host.file("/home/omakase").exists


def test_a_variable_that_nobody_gives_is_in_the_table_and_nothing_is_started(site: Site) -> None:
    lost = STACK["compose/page/compose.yml"].replace('TZ: "', 'LOST: "${NOBODY_GAVE_THIS:?err}", TZ: "')
    site.push({"compose/page/compose.yml": lost})
    site.host.check_output("apt-get purge -qq git")  # which the role installs
    run = site.run()
    assert "no secret in the environment dev and no default: NOBODY_GAVE_THIS" in refused(run)
    assert "missing NOBODY_GAVE_THIS page" in run.text and "default PAGE_PORT page" in run.text
    assert site.secrets() == {} and site.host.check_output("docker ps --all --quiet") == ""
    site.push(STACK)


def test_the_stack_comes_up_with_the_secrets_of_its_services(site: Site) -> None:
    succeeded(site.run("-vvv", "--diff"))
    secrets = site.secrets()
    assert len(secrets["SONARR_API_KEY"]) == 32 and len(secrets["NEXTCLOUD_REDIS_PASSWORD"]) == 32
    assert "NEXTCLOUD_DB_PASSWORD" not in secrets, "a secret of a service that is not enabled"
    host = site.host
    user = host.user("omakase")
    assert (secrets["PUID"], secrets["PGID"]) == (str(user.uid), str(user.gid))
    rights = {
        name: host.file(f"{CHECKOUT}/{name}") for name in (".env", "data", *(str(entry["dest"]) for entry in TEMPLATES))
    }
    assert {name: (file.uid, file.mode) for name, file in rights.items()} == {
        ".env": (user.uid, 0o600), "data": (user.uid, 0o750),
        "compose/cache/config/redis.conf": (999, 0o600), "compose/page/config/users": (101, 0o400),
    }  # fmt: skip
    assert host.check_output(f"runuser -u omakase -- git -C {CHECKOUT} status --porcelain") == ""
    login = f"curl -sS -o /dev/null -w %{{http_code}} -u admin:{secrets['TRAEFIK_API_PASSWORD']} http://127.0.0.1:8000/"
    assert host.check_output(login) == "204"
    ping = host.run(
        f"docker exec -e REDISCLI_AUTH={secrets['NEXTCLOUD_REDIS_PASSWORD']} omakase-cache-1 redis-cli ping"
    )
    assert ping.stdout == "PONG\n"


def test_a_changed_value_restarts_the_services_that_use_it_and_no_others(site: Site) -> None:
    before = site.started()
    site.change("SONARR_API_KEY", "canary-api-key-changed-51")
    assert succeeded(site.run()).changed > 0
    after = site.started()
    assert after["omakase-page-1"] != before["omakase-page-1"] and after["omakase-cache-1"] == before["omakase-cache-1"]
    site.change("TRAEFIK_API_PASSWORD", "canary-$rendered-changed-52")
    # As a run that ends between the file and the restart leaves it
    succeeded(site.run("--tags", "omakase_configure"))
    succeeded(site.run())
    last = site.started()
    assert last["omakase-page-1"] != after["omakase-page-1"] and last["omakase-cache-1"] == before["omakase-cache-1"]
    login = "curl -fsS -o /dev/null -u 'admin:canary-$rendered-changed-52' http://127.0.0.1:8000/"
    site.host.check_output(login)


def test_what_somebody_did_in_the_checkout_is_named_and_kept(site: Site) -> None:
    file = f"{CHECKOUT}/compose/page/config/default.conf"
    site.host.check_output(f"echo '# mine' >> {file}")
    site.push({"compose/page/config/default.conf": STACK["compose/page/config/default.conf"] + "# theirs\n"})
    text = refused(site.run())
    assert f"{CHECKOUT} is left as it is." in text and "compose/page/config/default.conf" in text
    assert site.host.file(file).content_string.endswith("# mine\n")
    site.host.check_output(f"runuser -u omakase -- git -C {CHECKOUT} checkout -q -- .")


def test_another_stack_never_mixes_with_this_one(site: Site) -> None:
    text = refused(site.run(omakase_environment="prod", omakase_directory="/home/omakase/prod"))
    assert f"omakase-infisical on omakase is for the checkout {CHECKOUT}" in text
    assert f"A stack called omakase runs on omakase from {CHECKOUT}" in text
    assert site.secrets("prod") == {}


def test_dev_and_prod_live_side_by_side(site: Site) -> None:
    succeeded(site.run())
    dev = {**site.secrets(), **site.started()}
    prod: dict[str, Any] = {
        "omakase_environment": "prod",
        "omakase_directory": "/home/omakase/prod",
        "omakase_command_prefix": "omakase-prod",
        "omakase_secrets": {
            "DOMAINNAME": "home.example",
            "COMPOSE_PROJECT_NAME": "omakase-prod",
            "PAGE_PORT": "8001",
        },
    }
    succeeded(site.run(**prod))
    assert succeeded(site.run()).changed == 0
    secrets, started = site.secrets("prod"), site.started()
    assert {**site.secrets(), **started}.items() >= dev.items()
    assert {"omakase-prod-cache-1", "omakase-prod-page-1"} <= started.keys()
    own = ("NEXTCLOUD_REDIS_PASSWORD", "SONARR_API_KEY", "TRAEFIK_API_PASSWORD", "DATA_DIR")
    assert [name for name in own if secrets[name] == dev[name]] == []
    for port, password in ((8000, dev["TRAEFIK_API_PASSWORD"]), (8001, secrets["TRAEFIK_API_PASSWORD"])):
        site.host.check_output("curl -fsS -o /dev/null -u %s http://127.0.0.1:%s/", f"admin:{password}", str(port))
    assert "omakase-prod-page-1" in site.host.check_output("omakase-prod-infisical run -- docker compose ps")
    site.host.check_output("omakase-prod-infisical run -- docker compose down")


def test_an_identity_or_environment_that_cannot_do_it_is_told_so(site: Site) -> None:
    reader = site.identity("reader", "viewer")
    text = refused(site.run(omakase_generated_secrets=[{"name": "MINE_DB_PASSWORD", "generate": {}}], **reader))
    assert "PermissionDenied" in text and "lacks MINE_DB_PASSWORD" in text and "Let the identity write there" in text
    text = refused(site.run(omakase_environment="nowhere", omakase_allow_environment_change=True))
    assert "nowhere" in text


def test_a_private_repository_is_read_by_ssh_with_a_key_and_a_known_host(site: Site) -> None:
    host = site.host
    host.check_output(
        "ssh-keygen -q -t ed25519 -N '' -f /root/deploy && cat /root/deploy.pub >> /root/.ssh/authorized_keys"
    )
    site.given["omakase_repository"] = "ssh://root@127.0.0.1/srv/origin"
    site.given["omakase_repository_ssh_key"] = host.file("/root/deploy").content_string
    assert "host key is not known" in refused(site.run())
    known = f"127.0.0.1 {' '.join(host.file('/etc/ssh/ssh_host_ed25519_key.pub').content_string.split()[:2])}"
    site.given["omakase_repository_known_hosts"] = [known]
    # Nothing is missing, so an identity that may only read will do.
    succeeded(site.run(**site.identity("host", "viewer")))
    assert host.file("/home/omakase/.ssh/omakase_deploy_key").mode == 0o600


def test_the_commands_show_the_configuration_without_values_and_make_fresh_ones(site: Site) -> None:
    host, secrets = site.host, site.secrets()
    shown = host.check_output("omakase-config")
    assert 'REDISCLI_AUTH: "********"' in shown and 'published: "8000"' in shown and f"{CHECKOUT}/data/cache" in shown
    site.printed.append(shown)
    assert host.run("omakase-config page no-such-service").rc != 0
    first, second = (host.check_output("omakase-pwgen").split() for _time in range(2))
    assert [len(word) for word in first] == [8, 32, 6, 64] and first[1] != second[1] and first[3] != second[3]
    assert json.loads(host.check_output("omakase-infisical export --format=json"))[0]["value"] in secrets.values()


def test_the_audit_tells_what_is_wrong_on_a_real_machine_and_no_value(site: Site) -> None:
    site.change("SONARR_API_KEY", "canary-3")
    host, directory = site.host, site.directory / "audit"
    host.check_output(f"chmod 0640 {CHECKOUT}/.env")
    given = {name.removeprefix("omakase_"): value for name, value in site.given.items() if "_infisical_" in name}
    run = succeeded(site.audit(**site.given, **given, audit_directory=str(directory)))
    found = {(one["host"], one["check"]): one for one in json.loads((directory / "audit.json").read_text())["findings"]}
    name = site.machine.name
    assert {place: found[place]["evidence"] for place in (("project", "weak values"), ("project", "overdue"))} == {
        ("project", "weak values"): "dev:/SONARR_API_KEY",
        ("project", "overdue"): "none",
    }
    assert "AUTHELIA_JWT_SECRET" in found[name, "unused secrets"]["evidence"]
    assert found[name, "port 8000"]["evidence"] == f"answers from outside, at {site.machine.address}"
    assert found[name, f"file {CHECKOUT}/.env"]["advice"] == f"chmod 0600 {CHECKOUT}/.env"
    assert found[name, "private files"]["evidence"].startswith("1 ")  # the key of the repository
    assert found[name, "TLS"]["state"] == "warning"
    host.check_output(f"chmod 0600 {CHECKOUT}/.env")
    site.printed += [run.output, (directory / "audit.json").read_text(), (directory / "audit.html").read_text()]
    assert "canary-3" not in "".join(site.printed)


def test_no_value_was_ever_printed(site: Site) -> None:
    log = "\n".join(site.printed)
    values = {
        f"{name} of {environment}": value
        for environment in ("dev", "prod")
        for name, value in site.secrets(environment).items()
        if name.endswith(("_PASSWORD", "_SECRET", "_KEY"))
    }
    values["client secret"] = site.given["omakase_infisical_client_secret"]
    values["SSH key"] = site.given["omakase_repository_ssh_key"].splitlines()[2]
    assert len(values) > 18
    assert [name for name, value in values.items() if value in log] == []
