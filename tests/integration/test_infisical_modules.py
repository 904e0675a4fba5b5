# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module's story, lived on a server of either era: check, make, again, change, again, remove, again.

In check mode any request that writes fails the test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule

import tests.support.modules as in_process
from tests.integration.conftest import Ansible, Vault, oldest_and_newest
from tests.support.cores import Core
from tests.support.faults import LIST, FaultyProxy
from tests.support.servers import Account, Infisical, Postgres, Redis, infisical_server

ERAS = ["current", "v3"]


class Site:
    """A server, and modules that are run against it in this process."""

    def __init__(self, server: Infisical, proxy: FaultyProxy) -> None:
        self.server = server
        self.proxy = proxy
        self.account: Account | None = None

    def run(self, module: str, check: bool = False, **params: Any) -> dict[str, Any]:
        """What the module printed; failing if it failed, or wrote in check mode."""
        self.proxy.requests.clear()
        given = {"url": self.proxy.url, "_ansible_check_mode": check, **params}
        if self.account is not None:
            given.setdefault("token", self.account.token)
        result = in_process.printed_by(module, given)
        assert not result.get("failed"), result["msg"]
        writes = [asked for asked in self.proxy.requests if not asked.startswith("GET ") and "login" not in asked]
        writes = [asked for asked in writes if "select-organization" not in asked]
        assert not (check and writes), f"check mode wrote: {writes}"
        assert bool(writes) == (result["changed"] and not check), writes
        return result

    def story(self, module: str, **params: Any) -> dict[str, Any]:
        """Check, make, make again, check again; what making it gave."""
        assert self.run(module, check=True, **params)["changed"]
        made = self.run(module, **params)
        assert made["changed"]
        assert not self.run(module, **params)["changed"]
        assert not self.run(module, check=True, **params)["changed"]
        return made


@pytest.fixture(params=ERAS)
def site(request: pytest.FixtureRequest, postgres: Postgres, redis: Redis) -> Iterator[Site]:
    """Return a server of each era that is set up."""
    with (
        infisical_server(postgres, redis, INFISICAL_STAND_IN_ERA=request.param) as server,
        FaultyProxy(server.base_url).running() as proxy,
    ):
        site = Site(server, proxy)
        site.account = server.bootstrap()
        yield site


@pytest.fixture
def project(site: Site) -> str:
    """Return the id of a project with the environments dev and prod."""
    environments = [{"slug": "dev", "name": "Development"}, {"slug": "prod", "name": "Production"}]
    made = site.run("infisical_project", name="omakase", slug="omakase", environments=environments)
    found: str = made["project_id"]
    return found


def test_a_fresh_server_is_set_up_once(postgres: Postgres, redis: Redis) -> None:
    with infisical_server(postgres, redis) as server, FaultyProxy(server.base_url).running() as proxy:
        site = Site(server, proxy)
        who: dict[str, Any] = {"email": "admin@x.test", "password": "long-enough-password-1", "organization": "homelab"}
        made = site.story("infisical_bootstrap", **who)
        again = site.run("infisical_bootstrap", **who)
        assert again["organization"] == made["organization"]
        assert again["user"] == made["user"]
        assert made["user"]["id"]
        site.run("infisical_project", name="p", slug="p-slug", token=made["token"])
        assert site.run("infisical_project", name="p", slug="p-slug", token=again["token"])["changed"] is False


def test_a_project_lives(site: Site) -> None:
    wanted = {"name": "omakase", "slug": "omakase", "environments": [{"slug": "dev", "name": "Dev"}, {"slug": "lab"}]}
    made = site.story("infisical_project", **wanted)
    assert {"dev", "lab"} <= {environment["slug"] for environment in made["project"]["environments"]}
    changed = [{"slug": "dev", "name": "Development"}, {"slug": "lab", "state": "absent"}]
    after = site.story("infisical_project", **{**wanted, "name": "renamed", "environments": changed})
    names = {environment["slug"]: environment["name"] for environment in after["project"]["environments"]}
    assert (names["dev"], "lab" in names, after["project"]["name"]) == ("Development", False, "renamed")
    site.story("infisical_project", name="renamed", slug="omakase", state="absent")


def test_an_identity_and_its_client_secret_live(site: Site, project: str, tmp_path: Path) -> None:
    assert site.account is not None
    wanted = {"name": "deploy", "organization_id": site.account.organization_id, "project_id": project}
    settings = {"access_token_ttl": 3600, "access_token_max_ttl": 7200}
    made = site.story("infisical_identity", **wanted, project_roles=["viewer"], universal_auth=settings)["identity"]
    changed = {"project_roles": ["admin"], "universal_auth": {"access_token_ttl": 600}, "organization_role": "member"}
    after = site.story("infisical_identity", **wanted, **changed)["identity"]
    assert (after["id"], after["client_id"], after["role"]) == (made["id"], made["client_id"], "member")
    held = site.story("infisical_identity", **wanted, access=[{"environments": ["dev"], "path": "/db"}])["identity"]
    assert (held["project_roles"], held["access"]) == (["no-access"], ["dev:/db read"])

    kept = tmp_path / "kept.json"
    secret = {"identity_id": made["id"], "description": "this host", "dest": str(kept)}
    site.story("infisical_client_secret", **secret)
    first = json.loads(kept.read_text())
    login = {"client_id": first["client_id"], "client_secret": first["client_secret"], "token": None}
    site.run("infisical_folder", **login, project_id=project, path="/")
    rotated = site.run("infisical_client_secret", **secret, rotate=True)
    assert rotated["revoked"] == [first["client_secret_id"]]
    kept.unlink()
    site.story("infisical_client_secret", **secret)
    site.story("infisical_client_secret", **secret, state="absent")
    site.story("infisical_identity", **wanted, state="absent")


def test_folders_imports_and_secrets_live(site: Site, project: str) -> None:
    scope: dict[str, Any] = {"project_id": project}
    site.story("infisical_folder", **scope, folders=["shared", "app/config"])
    site.story("infisical_import", **scope, path="/app", source_path="/shared")
    second = site.story("infisical_import", **scope, path="/app", source_environment="prod")
    assert second["import"]["position"] == 2
    site.story("infisical_import", **scope, path="/app", source_environment="prod", position=1)

    secrets = [
        {"name": "A", "value": "one", "comment": "first"},
        {"name": "B", "value": "line\nline\n"},
        {"name": "C/D?", "value": ""},
        {"name": "GENERATED", "generate": {"length": 12}},
    ]
    site.story("infisical_secret", **scope, path="/shared", secrets=secrets)
    changed = [{"name": "A", "value": "{{ two }}", "comment": "second"}, {"name": "B", "state": "absent"}]
    after = site.story("infisical_secret", **scope, path="/shared", secrets=changed, overwrite=True)
    assert (after["updated"], after["deleted"]) == (["A"], ["B"])

    info = site.run("infisical_info", **scope, path="/shared")
    assert info["secrets"] == ["A", "C/D?", "GENERATED"]
    info = site.run("infisical_info", **scope, path="/app")
    assert [(found["environment"], found["path"]) for found in info["imports"]] == [("prod", "/"), ("dev", "/shared")]
    assert info["folders"] == ["config"]

    site.story("infisical_import", **scope, path="/app", source_path="/shared", state="absent")
    site.story("infisical_folder", **scope, path="/app", state="absent", force=True)


def test_an_organization_lives(site: Site, tmp_path: Path) -> None:
    assert site.account is not None
    writer = {"name": "deployment", "access": [{"environments": ["dev", "prod"], "write": True}]}
    reader = {"name": "grafana", "access": [{"environments": ["prod"], "path": "/grafana"}], "client_secret_ttl": 900}
    omakase: dict[str, Any] = {
        "name": "Omakase",
        "slug": "omakase",
        "environments": [{"slug": "dev", "name": "Development"}, {"slug": "prod"}, {"slug": "lab"}],
        "folders": [{"path": "shared"}, {"path": "/grafana/plugins", "environments": ["prod"]}],
        "identities": [writer, reader],
        "imports": [{"environment": "prod", "path": "/grafana", "source_path": "/shared"}],
    }
    second = {"name": "Second", "slug": "second", "environments": [{"slug": "dev"}]}
    second["identities"] = [{"name": "deployment", "roles": ["viewer"]}]
    wanted = {
        "organization_id": site.account.organization_id,
        "directory": str(tmp_path),
        "host": "vault01",
        "projects": [omakase, second],
    }
    planned = site.run("infisical_organization", check=True, **wanted)["plan"]
    made = site.story("infisical_organization", **wanted)
    assert planned == made["plan"]
    assert "let grafana in omakase: prod:/grafana read" in planned
    assert sum(sentence.startswith("make the identity deployment") for sentence in planned) == 1
    project = made["projects"][0]["id"]
    assert json.loads((tmp_path / "project.json").read_text())["id"] == project
    assert set(json.loads((tmp_path / "projects.json").read_text())) == {"omakase", "second"}

    def login(name: str) -> dict[str, Any]:
        kept = json.loads((tmp_path / f"{name}.json").read_text())
        return {"client_id": kept["client_id"], "client_secret": kept["client_secret"], "token": None}

    place = {"project_id": project, "environment": "prod", "path": "/grafana"}
    secret: dict[str, Any] = {"secrets": [{"name": "A", "value": "one"}]}
    site.run("infisical_secret", **login("deployment"), **place, **secret)
    site.run("infisical_folder", **login("deployment"), **place, folders=["more"])
    assert site.run("infisical_info", **login("grafana"), **place)["secrets"] == ["A"]
    given = {"url": site.proxy.url, **login("grafana"), **place}
    for refused in ({"path": "/shared"}, {"environment": "dev", "path": "/shared"}):
        assert in_process.printed_by("infisical_info", {**given, **refused})["failed"]
    other = {"secrets": [{"name": "B", "value": "two"}]}
    assert in_process.printed_by("infisical_secret", {**given, **other})["failed"]
    elsewhere = {"url": site.proxy.url, **login("deployment"), **place, "environment": "lab", "path": "/"}
    assert in_process.printed_by("infisical_secret", {**elsewhere, **other})["failed"]

    omakase["folders"].append({"path": "/grafana", "environments": ["prod"], "state": "absent"})
    omakase["environments"][2]["state"] = "absent"
    omakase["imports"][0]["state"] = "absent"
    refusal = in_process.printed_by(
        "infisical_organization", {"url": site.proxy.url, "token": site.account.token, **wanted}
    )
    assert "Removing the folder /grafana in prod of omakase would destroy a secret" in refusal["msg"]
    omakase["folders"][1:] = [{**omakase["folders"][2], "force": True}]
    omakase["identities"] = [{"name": "deployment", "roles": ["viewer"]}, {"name": "grafana", "state": "absent"}]
    changed = site.story("infisical_organization", **wanted)["plan"]
    assert "delete the environment lab of omakase" in changed
    assert "give deployment in omakase the role viewer" in changed
    assert not (tmp_path / "grafana.json").exists()
    assert in_process.printed_by("infisical_secret", {**elsewhere, "environment": "dev", **other})["failed"]
    second["identities"] = [{"name": "deployment", "state": "absent"}]
    omakase["identities"] = [{"name": "deployment", "access": [{}]}]
    left = site.story("infisical_organization", **wanted)["plan"]
    assert "take the identity deployment out of second; it stays in Omakase" in left


def test_a_thousand_secrets_take_at_most_twenty_five_requests(site: Site, project: str) -> None:
    secrets = [{"name": f"KEY_{number}", "value": f"value {number}"} for number in range(1000)]
    made = site.run("infisical_secret", project_id=project, secrets=secrets)
    assert len(made["created"]) == 1000
    assert site.proxy.requests.total() <= 25
    changed = [dict(secret, value=f"new {secret['value']}") for secret in secrets]
    assert len(site.run("infisical_secret", project_id=project, secrets=changed, overwrite=True)["updated"]) == 1000
    assert site.proxy.requests.total() <= 25


def test_what_a_policy_holds_back_is_told_as_not_applied(vault: Vault) -> None:
    policy = {
        "projectId": vault.project_id,
        "environment": "prod",
        "secretPath": "/",
        "approvals": 1,
        "approvers": [],
        "name": "two eyes",
    }
    reply = vault.server.request("POST", "/api/v1/secret-approvals", policy, vault.account.token)
    assert reply.status == 200
    given = {**vault.options, "environment": "prod", "secrets": [{"name": "A", "value": "x"}]}
    result = in_process.printed_by("infisical_secret", given)
    assert (result["changed"], result["created"], result["awaiting_approval"]) == (False, [], ["A"])


def test_modules_run_on_a_target_with_python_3_9(vault: Vault, ansible: Ansible) -> None:
    python = Core.python("3.9")
    if python is None:
        pytest.skip("no Python 3.9 on this machine")
    write = {"secrets": [{"name": "A", "value": "one"}], **vault.options}
    result = ansible.play(
        {"omakase.homelab.infisical_folder": {**vault.options, "folders": ["db"]}},
        {"omakase.homelab.infisical_secret": write, "no_log": True},
        {"omakase.homelab.infisical_info": vault.options},
        variables={**vault.variables, "ansible_python_interpreter": python},
    )
    assert result.status == 0, result.output
    assert result.recap("h0")["changed"] == 2


@oldest_and_newest
def test_one_group_sets_the_options_of_all(vault: Vault, any_ansible: Ansible) -> None:
    vault.put(A="one")
    result = any_ansible.play(
        {"omakase.homelab.infisical_project": {"name": "omakase", "slug": "omakase"}},
        {"omakase.homelab.infisical_folder": {"folders": ["db"]}},
        {"omakase.homelab.infisical_secret": {"path": "/db", "secrets": [{"name": "B", "value": "two"}]}},
        {"omakase.homelab.infisical_info": {"path": "/db"}, "register": "info"},
        {"ansible.builtin.assert": {"that": "info.secrets == ['B']"}},
        module_defaults={"group/omakase.homelab.infisical": {**vault.options, "environment": "dev", "retries": 2}},
        variables=vault.variables,
    )
    assert result.status == 0, result.output
    assert vault.proxy.requests[LIST] == 2


def test_rotation(site: Site, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    healthy = json.dumps({"Names": "a", "State": "running", "Status": "Up 2 minutes (healthy)", "ID": "c"})
    monkeypatch.setattr(AnsibleModule, "run_command", lambda *_given, **_more: (0, healthy, ""))
    scope: dict[str, Any] = {"project_id": project, "environment": "dev"}
    old: dict[str, Any] = {"name": "SONARR_API_KEY", "value": "canary-old-key"}
    site.run("infisical_secret", **scope, secrets=[{**old, "comment": "kept"}])
    catalogue = [{"name": "SONARR_API_KEY", "type": "hex", "rotation_days": 180, "recipe": "random"}]
    given: dict[str, Any] = {**scope, "directory": "/srv", "catalogue": catalogue, "names": ["SONARR_API_KEY"]}
    assert site.run("infisical_rotation", **given)["secrets"][0]["age_days"] == 0
    assert site.run("infisical_rotation", check=True, state="rotated", **given)["changed"]
    assert site.run("infisical_rotation", state="rotated", **given)["settled"] == ["SONARR_API_KEY"]
    assert site.run("infisical_secret", check=True, overwrite=True, **scope, secrets=[old])["changed"]
    assert site.run("infisical_rotation", state="undone", **given)["back"]
    site.run("infisical_rotation", state="finished", **given)
    assert site.run("infisical_rotation", **given)["unfinished"] == []
    assert not site.run("infisical_secret", overwrite=True, **scope, secrets=[{**old, "comment": "kept"}])["changed"]
