# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/audit.yml against a real server, this machine being its host and the one that uses it."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.conftest import ROOT, Ansible, Result, Vault

COMPOSE = "services: {web: {image: x, environment: {A: '${WEB_DB_PASSWORD:?}', B: '${WEB_MAIL_PASSWORD:?}'}}}\n"
WEAK, EXAMPLE, SHARED = "canary-1", "change_me_canary", "canary-Kx7Wq2Zr9Tb4Vn8L"


@dataclass
class Homelab:
    """The checkout, the server's credentials, and a playbook run on both."""

    ansible: Ansible
    vault: Vault
    directory: Path

    def audit(self, *arguments: str, own_server: bool = True, **more: str) -> Result:
        given = {
            "ansible_connection": "local",
            "ansible_host": "127.0.0.1",
            "ansible_python_interpreter": sys.executable,
            "infisical_directory": str(self.directory / "server"),
            "infisical_project_credentials_directory": str(self.directory / "credentials"),
            "infisical_project_url": self.vault.server.base_url,
            "infisical_url": self.vault.server.base_url,
            "infisical_backup_to": str(self.directory / "backups"),
            "omakase_directory": str(self.directory / "checkout"),
            "omakase_home": str(self.directory),
            "omakase_user": "root",
            **more,
        }
        groups: dict[str, Any] = {"infisical": {"hosts": {"vault": {}}}, "omakase": {"hosts": {"services": {}}}}
        if not own_server:
            del groups["infisical"]
        inventory = self.directory / "hosts.yml"
        inventory.write_text(yaml.safe_dump({"all": {"vars": given, "children": groups}}))
        playbook = str(ROOT / "playbooks/audit.yml")
        where = f"audit_directory={self.directory / 'report'}"
        process = self.ansible.run("ansible-playbook", playbook, "-i", str(inventory), "-e", where, *arguments)
        output, _nothing = process.communicate(timeout=120)
        return Result(process.returncode, output)

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "report" / "audit.json").read_text())
        return found

    def found(self) -> dict[tuple[str, str], dict[str, str]]:
        """The findings by host and check; of several the worst."""
        return {(one["host"], one["check"]): one for one in reversed(self.data["findings"])}


def manager(vault: Vault, *other_projects: str) -> dict[str, str]:
    """An identity as the role infisical_project makes it for itself."""
    body = {"name": "management", "organizationId": vault.account.organization_id, "role": "admin"}
    made = vault.ask("POST", "/api/v1/identities", body)["identity"]["id"]
    for project in (vault.project_id, *other_projects):
        vault.ask("POST", f"/api/v1/projects/{project}/memberships/identities/{made}", {"role": "admin"})
    way = f"/api/v1/auth/universal-auth/identities/{made}"
    client_id = vault.ask("POST", way, {"accessTokenTTL": 3600})["identityUniversalAuth"]["clientId"]
    secret = vault.ask("POST", f"{way}/client-secrets", {"description": "kept"})["clientSecret"]
    return {"client_id": client_id, "client_secret": secret}


@pytest.fixture
def homelab(ansible: Ansible, vault: Vault, tmp_path: Path) -> Iterator[Homelab]:
    """A homelab in which much is wrong."""
    photos = vault.ask("POST", "/api/v1/projects", {"projectName": "photos", "slug": "photos"})["project"]["id"]
    scope = {"projectId": photos, "environment": "dev", "secretPath": "/", "secretValue": SHARED}
    vault.ask("POST", "/api/v4/secrets/PHOTOS_API_TOKEN", scope)
    kept = {
        "management": manager(vault, photos),
        "organization": {"id": vault.account.organization_id},
        "project": {"id": vault.project_id, "slug": "omakase"},
        "projects": {"omakase": {"id": vault.project_id}, "photos": {"id": photos}},
        "omakase-deployment": {"client_id": vault.client_id, "client_secret": vault.client_secret},
    }
    place = tmp_path / "homelab"
    for name in ("server", "credentials", "checkout", "backups"):
        (place / name).mkdir(parents=True, mode=0o700)
    for name, content in kept.items():
        path = place / "credentials" / f"{name}.json"
        path.write_text(json.dumps(content))
        path.chmod(0o600)
    for path, mode in (
        (place / "server/.env", 0o640),
        (place / "checkout/.env", 0o600),
        (place / "backups/a.tar.age", 0o644),
    ):
        path.write_text(f"POSTGRES_PASSWORD={WEAK}\n")
        path.chmod(mode)
    (place / "checkout/compose.yml").write_text(COMPOSE)
    for command in (["init", "-q", "-b", "main"], ["add", "compose.yml"]):
        subprocess.run(["git", "-C", str(place / "checkout"), *command], check=True)
    vault.put(WEB_DB_PASSWORD=WEAK, GRAFANA_ADMIN_PASSWORD=EXAMPLE, apitoken_key=SHARED, DATA_DIR="/canary-directory")
    vault.put(environment="prod", WEB_DB_PASSWORD=SHARED)
    yield Homelab(ansible, vault, place)


def test_everything_that_is_wrong_is_told_and_no_value(homelab: Homelab) -> None:
    with socket.create_server(("", 0)) as listener:
        port = listener.getsockname()[1]
        run = homelab.audit("-vvv", "--diff")
    assert run.status == 0, run.output[-5000:]
    found = homelab.found()
    for check, evidence in {
        "weak values": "dev:/WEB_DB_PASSWORD",
        "example values": "dev:/GRAFANA_ADMIN_PASSWORD",
        "same value in two environments": " and ".join(
            ("dev:/apitoken_key", "photos dev:/PHOTOS_API_TOKEN", "prod:/WEB_DB_PASSWORD")
        ),
        "names off the rule": "apitoken_key",
        "no rotation period": "\n".join(
            ("dev:/WEB_DB_PASSWORD", "dev:/apitoken_key", "photos dev:/PHOTOS_API_TOKEN", "prod:/WEB_DB_PASSWORD")
        ),
        "missing in an environment": "\n".join(
            f"/{name}: not in prod" for name in ("DATA_DIR", "GRAFANA_ADMIN_PASSWORD", "apitoken_key")
        ),
        "overdue": "none",
    }.items():
        assert found["project", check]["evidence"] == evidence
    assert "administers the project" in found["project", "identity deployment"]["evidence"]
    assert found["services", "missing secrets"]["evidence"] == "WEB_MAIL_PASSWORD, read by web"
    assert found["services", "unused secrets"]["evidence"] == "DATA_DIR\nGRAFANA_ADMIN_PASSWORD\napitoken_key"
    assert found["services", "private files"]["state"] == "ok"
    for path in ("server/.env", "backups/a.tar.age"):
        assert found["vault", f"file {homelab.directory}/{path}"]["state"] == "problem"
    env_file = found["vault", f"values of {homelab.directory}/server/.env"]
    assert (env_file["state"], env_file["evidence"]) == ("problem", "POSTGRES_PASSWORD: weak")
    assert found["vault", "backup"]["state"] == "warning"
    assert found["vault", f"port {port}"]["state"] == "warning"
    assert found["services", "TLS"]["state"] == "ok"
    dates = {one["name"]: (one["age_days"], one["period_days"]) for one in homelab.data["secrets"]}
    assert dates["GRAFANA_ADMIN_PASSWORD"] == (0, 90)
    page = homelab.directory / "report" / "audit.html"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (page.parent, page)] == [0o700, 0o600]
    report = page.read_text() + json.dumps(homelab.data)
    everything = run.output + report
    assert [value for value in (WEAK, EXAMPLE, SHARED) if value in everything] == []
    # Where data lie is a setting and no secret: -v tells it, as omakase_info documents, and the report does not.
    assert "canary-directory" not in report
    secrets = [json.loads(path.read_text()) for path in (homelab.directory / "credentials").iterdir()]
    assert [one for one in secrets if one.get("client_secret", "-" * 9) in everything and "client_secret" in one] == []


def test_it_fails_where_it_is_asked_to_and_a_server_that_is_down_is_a_finding(homelab: Homelab) -> None:
    homelab.vault.server.halt()
    run = homelab.audit("-e", "audit_fail_on=problem", infisical_retries="0")
    assert run.status != 0
    assert "Not in order: project: audit, vault: file" in " ".join(run.output.split())
    assert homelab.found()["vault", "private files"]["state"] == "ok"


def test_a_server_that_is_not_ours_is_judged_by_the_hosts_own_identity(homelab: Homelab) -> None:
    run = homelab.audit("-v", own_server=False, **homelab.vault.variables)
    assert run.status == 0, run.output[-5000:]
    found = homelab.found()
    assert found["project", "weak values"]["evidence"] == "dev:/WEB_DB_PASSWORD"
    assert found["project", "identity deployment"]["state"] == "warning"
    assert WEAK not in run.output
