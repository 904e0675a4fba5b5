# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in the documentation, run one after the other: those of an Infisical on a fresh server, the others on
this machine, with a Proxmox, a repository and a mail server of their own.
"""

from __future__ import annotations

import getpass
import importlib
import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

from tests.integration.conftest import Ansible, Vault
from tests.roles.proxmox import Proxmox, Serving
from tests.support.certificates import Authority
from tests.support.faults import FaultyProxy
from tests.support.mail import PASSWORD, Mailbox
from tests.support.servers import Postgres, Redis, infisical_server
from tests.unit.plugins.module_utils._apt.test_openpgp import ARMOURED, FINGERPRINT

BASE = "ansible_collections.omakase.homelab.plugins"
PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
# In the order in which a user comes to need them.
MODULES = (
    "bootstrap",
    "project",
    "identity",
    "client_secret",
    "folder",
    "secret",
    "import",
    "info",
    "rotation",
    "organization",
)
# What is examined, written and read on a host, in an order in which each finds what it needs. Filters are among them:
# an example takes what one before it has registered.
HOST = (
    "filter/to_dotenv",
    "filter/from_dotenv",
    "modules/installed_infisical_info",
    "modules/kept_checkout",
    "modules/omakase_info",
    "filter/variable_table",
    "modules/secret_files",
    "modules/private_file",
    "modules/doctor",
    "filter/doctor_report",
    "modules/host_info",
    "filter/has_apt_source",
    "modules/signed_apt_source",
    "modules/audit",
    "filter/audit_report",
    "modules/smtp_message",
    "modules/proxmox_container",
    "filter/catalogue_plan",
    "filter/compose_includes",
    "filter/compose_variables",
    "filter/filled_inventory",
    "filter/held_identities",
    "filter/inventory_values",
    "filter/mask",
)
# Their examples are planned: they would change this machine's apt, and make containers, which the tests of roles do.
PLANNED = {"modules/signed_apt_source", "modules/proxmox_container"}
ADDRESS = "https://vault.example.com"


def examples(plugin: str, places: Mapping[str, str]) -> list[dict[str, Any]]:
    """The tasks of the EXAMPLES of a plugin ("modules/smtp_message"), with the addresses and paths of this test."""
    kind, name = plugin.split("/")
    if kind == "filter":
        text: str = yaml.safe_load((PLUGINS / kind / f"{name}.yml").read_text())["EXAMPLES"]
    else:
        text = importlib.import_module(f"{BASE}.{kind}.{name}").EXAMPLES
    for written, real in places.items():
        text = text.replace(written, real)
    tasks: list[dict[str, Any]] = yaml.safe_load(text)
    return tasks


def test_every_example_works(postgres: Postgres, redis: Redis, ansible: Ansible) -> None:
    command = ansible.directory / "migrate"
    command.write_text('#!/bin/sh\ntest -n "$POSTGRES_PASSWORD"\n')
    command.chmod(0o755)
    with infisical_server(postgres, redis) as server, FaultyProxy(server.base_url).running() as proxy:
        kept = ansible.directory / "infisical.json"
        credentials = ansible.directory / "credentials"
        credentials.mkdir(mode=0o700)
        places = {
            ADDRESS: proxy.url,
            "/etc/omakase/infisical.json": str(kept),
            "directory: /etc/infisical": f"directory: {credentials}",
            "directory: /home/omakase/omakase": f"directory: {ansible.directory}",
            "/usr/local/bin/migrate": str(command),
        }
        tasks: list[dict[str, Any]] = []
        for name in MODULES:
            tasks += examples(f"modules/infisical_{name}", places)
            tasks += after(name, kept)
        tasks += examples("lookup/infisical", places)
        tasks += examples("lookup/infisical_secrets", places)
        result = ansible.play(
            *tasks,
            variables={
                "infisical_admin_password": "long-enough-password-1",
                "url": proxy.url,
                "infisical_url": proxy.url,
                "infisical_environment": "prod",
            },
        )
    assert result.status == 0, result.output
    assert result.recap("h0")["failed"] == 0


def after(name: str, kept: Path) -> list[dict[str, Any]]:
    """What the examples take for granted: variables with credentials, and a folder to import."""
    login = {"url": "{{ url }}", "client_id": "{{ client_id }}", "client_secret": "{{ client_secret }}"}
    scope = {**login, "project_id": "{{ project_id }}"}
    if name == "client_secret":
        facts = {
            "client_id": f"{{{{ (lookup('file', '{kept}') | from_json).client_id }}}}",
            "client_secret": f"{{{{ (lookup('file', '{kept}') | from_json).client_secret }}}}",
            "project_id": "{{ project.project_id }}",
        }
        own = {f"infisical_{key}": value for key, value in facts.items()}
        return [{"ansible.builtin.set_fact": {**facts, **own}}]
    if name == "folder":
        return [{"omakase.homelab.infisical_folder": {**scope, "environment": "prod", "folders": ["shared"]}}]
    if name == "secret":
        secrets = [{"name": "POSTGRES_USER", "value": "omakase"}]
        hosts = [{"name": "DB_HOST", "value": "db"}, {"name": "POSTGRES_PASSWORD", "value": "x"}]
        return [
            {"omakase.homelab.infisical_secret": {**scope, "environment": "prod", "secrets": secrets}},
            {"omakase.homelab.infisical_secret": {**scope, "secrets": secrets}},
            {"omakase.homelab.infisical_secret": {**scope, "environment": "prod", "path": "/db", "secrets": hosts}},
        ]
    return []


def test_every_example_for_a_host_works(vault: Vault, ansible: Ansible, tmp_path: Path) -> None:
    root, authority = ansible.directory, Authority(tmp_path)
    own_ca = authority.certificate
    prepare(root, vault)
    with ExitStack() as stack:
        serving = Serving(*map(str, authority.issue("127.0.0.1")))
        stack.callback(serving.stop)
        furnish(serving.proxmox)
        mailbox = Mailbox("127.0.0.1", authority.server_context("127.0.0.1"))
        stack.enter_context(mailbox.running())
        places = {
            ADDRESS: vault.proxy.url,
            "https://git.example.org/me/omakase.git": str(root / "origin"),
            "https://download.docker.com/linux/debian/gpg": (root / "key.asc").as_uri(),
            "9DC8 5822 9FC7 DD38 854A E2D8 8D81 803C 0EBF CD88": FINGERPRINT,
            "192.0.2.10": "127.0.0.1",
            "192.168.1.10\n": "127.0.0.1\n",
            "mail.home.example": "127.0.0.1",
            "files/pve-root-ca.pem": str(own_ca),
            **{path: f"{root}{path}" for path in ("/home/omakase", "/opt/infisical", "/etc/service", "/srv/data")},
            "/etc/docker": f"{root}/etc/docker",
            "user: omakase": f"user: {getpass.getuser()}",
            "owner: omakase": f"owner: {getpass.getuser()}",
            'owner: "1000"': f'owner: "{os.getuid()}"',
        }
        proxmox = {"ca_path": str(own_ca), "api_port": serving.proxmox.port, "check_addresses": False}
        result = ansible.play(
            *(task for each in HOST for task in planned(each, examples(each, places))),
            variables={**vault.variables, **vault.options, **given(serving.proxmox)},
            module_defaults={
                "omakase.homelab.smtp_message": {"ca": own_ca.read_text(), "port": mailbox.port},
                "omakase.homelab.proxmox_container": proxmox,
            },
            gather_facts=True,
        )
    assert result.status == 0, result.output
    assert result.recap("h0")["failed"] == 0
    assert [(user, over_tls) for user, over_tls, _message in mailbox.delivered] == [("infisical", True)]
    assert serving.proxmox.written == []
    written = root / "home/omakase/omakase/compose/myservice/config/config.yml"
    assert written.read_text() == 'database: {password: "p"}\n'


def planned(name: str, tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**task, "check_mode": True} for task in tasks] if name in PLANNED else tasks


def given(proxmox: Proxmox) -> dict[str, Any]:
    """The variables that the examples take from their surroundings."""
    return {
        "site_url": "https://vault.home.example",
        "smtp_password": "long-enough-password-1",
        "key_read": {"content": "cG9ydD04MAo="},
        "mail_password": PASSWORD,
        "vault_proxmox_password": proxmox.password,
        "vault_proxmox_token_secret": proxmox.apitokens["automation@pve!homelab"],
        "container_log": {"stdout": "the password is long-enough-password-1"},
        "passwords": {"smtp": "long-enough-password-1"},
    }


def prepare(root: Path, vault: Vault) -> None:
    """What the examples take to be on their host, below another root: a server, a repository, a key of the reader."""
    vault.put(MYSERVICE_DB_PASSWORD="p")
    files = {
        "opt/infisical/credentials/management.json": json.dumps(vault.options),
        "opt/infisical/credentials/organization.json": json.dumps({"id": vault.account.organization_id}),
        "etc/service/.keep": "",
        "etc/docker/daemon.json": '{"log-driver": "local"}',
        "srv/.keep": "",
        "key.asc": ARMOURED.decode(),
        ".ssh/id_ed25519.pub": "ssh-ed25519 AAAAC3Nza somebody@somewhere",
        "docker-compose.yml": "include: [more.yml]\nservices: {one: {image: '${IMAGE}'}}\n",
        "origin/docker-compose.yml": "services: {one: {image: one, environment: {P: '${MYSERVICE_DB_PASSWORD}'}}}\n",
        "origin/.gitignore": ".env\nconfig.yml\n",
        "origin/compose/myservice/config/README": "",
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "home/omakase").mkdir(parents=True)
    (root / "opt/infisical/credentials/management.json").chmod(0o600)
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    for words in (("init", "--quiet", "--initial-branch=main"), ("add", "."), (*who, "commit", "--quiet", "-m", "one")):
        subprocess.run(["git", "-C", str(root / "origin"), *words], check=True, capture_output=True)


def furnish(proxmox: Proxmox) -> None:
    """A second node, a pool and a token, as an example has them."""
    proxmox.nodes["pve2"] = {"online": True}
    proxmox.pools["homelab"] = set()
    proxmox.apitokens["automation@pve!homelab"] = "token-secret"


def test_no_plugin_is_without_an_example() -> None:
    named = {f"modules/infisical_{name}" for name in MODULES} | {"lookup/infisical", "lookup/infisical_secrets", *HOST}
    found = {f"{kind}/{path.stem}" for kind in ("modules", "lookup") for path in (PLUGINS / kind).glob("*.py")}
    assert named == found | {f"filter/{path.stem}" for path in (PLUGINS / "filter").glob("*.yml")}
