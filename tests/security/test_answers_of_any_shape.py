# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a server answers, a module ends with a result or an error in words, and makes no file but its own."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import client, options

from tests.support.modules import printed_by
from tests.support.soak import Soak
from tests.support.whims import Whims

PLAUSIBLE = [
    "dev",
    "prod",
    "omakase",
    "web",
    "NAME",
    "OTHER",
    "p1",
    "i1",
    "admin",
    "this host",
    "/",
    "/app",
    "6",
    "True",
]
GIVEN = {"url": "https://vault.test", "client_id": "id", "client_secret": "canary-secret", "retries": 0}
PROJECT = {**GIVEN, "project_id": "p1"}
ORGANIZATION = {
    "slug": "omakase",
    "name": "omakase",
    "environments": [{"slug": "dev", "name": "dev"}],
    "folders": [{"path": "/app"}],
    "identities": [{"name": "web", "access": [{"environments": ["dev"], "write": True}]}],
    "imports": [{"environment": "dev", "path": "/app", "source_path": "/"}],
}
MODULES: dict[str, dict[str, Any]] = {
    "audit": {**PROJECT, "organization_id": "o1"},
    "doctor": {**PROJECT, "disks": []},
    "infisical_bootstrap": {**GIVEN, "email": "a@b.test", "password": "canary-word", "organization": "omakase"},
    "infisical_client_secret": {**GIVEN, "identity_id": "i1", "description": "this host", "dest": "kept.json"},
    "infisical_folder": {**PROJECT, "folders": ["app", "app/deep"]},
    "infisical_identity": {
        **PROJECT,
        "organization_id": "o1",
        "name": "web",
        "access": [{"environments": ["dev"], "path": "/app"}],
        "universal_auth": {"access_token_ttl": 3600, "access_token_trusted_ips": ["10.0.0.1"]},
    },
    "infisical_import": {**PROJECT, "source_path": "/app", "position": 2},
    "infisical_info": PROJECT,
    "infisical_organization": {
        **GIVEN,
        "organization_id": "o1",
        "host": "vault",
        "directory": "kept",
        "projects": [ORGANIZATION],
    },
    "infisical_project": {**GIVEN, "name": "omakase", "environments": [{"slug": "dev", "name": "Dev"}]},
    "infisical_rotation": {
        **PROJECT,
        "directory": ".",
        "names": ["NAME"],
        "catalogue": [{"name": "NAME", "rotation_days": 1, "recipe": "plain"}],
    },
    "infisical_secret": {
        **PROJECT,
        "overwrite": True,
        "secrets": [{"name": "NAME", "value": "canary-value", "tags": ["web"]}, {"name": "OTHER", "state": "absent"}],
    },
}
OWN = {"kept", "kept.json", "kept/web.json", "kept/project.json", "kept/projects.json"}
# In check mode too: a change to a secret that does not exist, of which nothing can come
TRIED = {"doctor": ("/secrets/batch", "/secrets/batch/raw")}
SHORT = 8


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where files may come to be; and no module asks for ever."""
    (tmp_path / "kept").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "MOST_CALLS", 60)
    # The doctor would look for the server itself, and find none.
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")


def answered(name: str, seed: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> dict[str, Any]:
    whims = Whims(Random(seed), PLAUSIBLE)  # noqa: S311
    with monkeypatch.context() as patch:
        patch.setattr(options, "UrlTransport", lambda _connection: whims)
        result = printed_by(name, {**MODULES[name], **more})
    if more.get("_ansible_check_mode"):
        written = [one.url for one in whims.sent if one.method != "GET"]
        harmless = ("/login", "/select-organization", *TRIED.get(name, ()))
        assert [url for url in written if not url.endswith(harmless)] == []
    return result


def judged(name: str, seed: str, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    for check in (False, True):
        try:
            result = answered(name, seed, monkeypatch, _ansible_check_mode=check)
        except Exception as error:
            raise AssertionError(f"{name} with the seed {seed!r}: {error!r}") from error
        if result.get("failed"):
            assert result["msg"].replace("\n", "").isprintable()
        assert "canary" not in json.dumps(result), seed
        made = {str(path.relative_to(directory)) for path in directory.rglob("*")}
        assert made <= OWN, seed


@pytest.mark.parametrize("name", MODULES)
def test_a_module_ends_in_words(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for number in range(SHORT):
        judged(name, f"{name} {number}", monkeypatch, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("name", MODULES)
def test_a_module_ends_in_words_a_thousand_times(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, soak: Soak
) -> None:
    for number in range(soak.count(1000)):
        judged(name, f"{soak.seed} {name} {number}", monkeypatch, tmp_path)


def test_a_lookup_ends_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    tmp_path.chmod(0o700)
    loader = DataLoader()
    for number in range(SHORT * 4):
        whims = Whims(Random(f"lookup {number}"), PLAUSIBLE)  # noqa: S311
        monkeypatch.setattr(options, "UrlTransport", lambda _connection, whims=whims: whims)
        for name, terms in (("infisical", ["NAME", "/app/OTHER"]), ("infisical_secrets", ["/", "/app"])):
            plugin = lookup_loader.get(
                f"omakase.homelab.{name}", loader=loader, templar=Templar(loader=loader, variables={})
            )
            try:
                plugin.run(
                    terms, variables={}, **GIVEN, project_slug="omakase", recursive=bool(number % 2), cache=False
                )
            except AnsibleLookupError as error:
                assert str(error).isprintable()
