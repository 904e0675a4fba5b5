# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a server answers, a module ends with a result or an error in words, and makes no file but its own."""

from __future__ import annotations

import json
import re
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
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Answer, Request
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical import run_cache

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
OWN = {"kept.json", "kept/web.json", "kept/project.json", "kept/projects.json"}
# In check mode too: a change to a secret that does not exist, of which nothing can come
TRIED = {"doctor": ("/secrets/batch", "/secrets/batch/raw")}
SHORT = 8


# What climbs out of kept, and out of what it is in, to directories that are there
CLIMBING = ["../beside", "../../etc/climbed", "../../../etc/climbed"]


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files may come to be, with directories around it where they may not; and no module asks for ever."""
    place = tmp_path / "a" / "b" / "c"
    (place / "kept").mkdir(parents=True)
    for around in (tmp_path, tmp_path / "a", tmp_path / "a" / "b", place):
        (around / "etc").mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setattr(client, "MOST_CALLS", 60)
    # The doctor would look for the server itself, and find none.
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    return place


def names_told(directory: Path) -> list[str]:
    """What names and ids are: some that could be, and some that lead elsewhere, one of them from anywhere."""
    return [*PLAUSIBLE, *CLIMBING, str(directory.parents[2] / "etc" / "absolute")]


def strewn(directory: Path, own: set[str]) -> list[str]:
    """What lies anywhere in the folder of the test, but the directories that it began with and the modules' own."""
    top = directory.parents[2]
    begun = {
        directory / "kept",
        *(path for around in (directory, *directory.parents) for path in (around, around / "etc")),
    }
    return sorted(map(str, {*top.rglob("*")} - begun - {directory / name for name in own}))


def answered(name: str, seed: str, monkeypatch: pytest.MonkeyPatch, directory: Path, **more: Any) -> dict[str, Any]:
    whims = Whims(Random(seed), names_told(directory))  # noqa: S311
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
            result = answered(name, seed, monkeypatch, directory, _ansible_check_mode=check)
        except Exception as error:
            raise AssertionError(f"{name} with the seed {seed!r}: {error!r}") from error
        if result.get("failed"):
            assert result["msg"].replace("\n", "").isprintable()
        assert "canary" not in json.dumps(result), seed
        assert strewn(directory, OWN) == [], seed


@pytest.mark.parametrize("name", MODULES)
def test_a_module_ends_in_words(name: str, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    for number in range(SHORT):
        judged(name, f"{name} {number}", monkeypatch, directory)


@pytest.mark.soak
@pytest.mark.parametrize("name", MODULES)
def test_a_module_ends_in_words_a_thousand_times(
    name: str, monkeypatch: pytest.MonkeyPatch, directory: Path, soak: Soak
) -> None:
    for number in range(soak.count(1000)):
        judged(name, f"{soak.seed} {name} {number}", monkeypatch, directory)


class Leading(Whims):
    """A server that refuses nothing, and whose names and ids all lead elsewhere."""

    def send(self, request: Request) -> Answer:
        return Answer(200, {}, super().send(request).body)

    def _container(self, depth: int) -> Any:
        found = self._object(depth)
        return found if self.random.random() < 0.5 else [found]

    def _plain(self, name: str) -> Any:
        return None if name.endswith("At") else self.random.choice(self.plausible)


@pytest.mark.parametrize("name", ["infisical_client_secret", "infisical_organization"])
def test_what_is_kept_of_a_server_is_kept_in_its_place(
    name: str, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    kept = 0
    for number in range(SHORT * 10):
        leading = Leading(Random(f"{name} {number}"), names_told(directory)[len(PLAUSIBLE) :])  # noqa: S311
        with monkeypatch.context() as patch:
            patch.setattr(options, "UrlTransport", lambda _connection, leading=leading: leading)
            result = printed_by(name, MODULES[name])
        kept += bool(result.get("changed") and not result.get("failed"))
        assert strewn(directory, OWN) == [], number
    assert kept and OWN & {str(path.relative_to(directory)) for path in directory.rglob("*.json")}


def test_an_identity_of_a_name_that_leads_elsewhere_is_refused_before_anybody_is_asked(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    for name in [*CLIMBING, str(directory.parents[2] / "etc" / "absolute"), "n\0ul"]:
        leading = Leading(Random(name), ["omakase"])  # noqa: S311
        monkeypatch.setattr(options, "UrlTransport", lambda _connection, leading=leading: leading)
        projects = [{**ORGANIZATION, "identities": [{"name": name, "roles": ["viewer"]}]}]
        result = printed_by("infisical_organization", {**MODULES["infisical_organization"], "projects": projects})
        assert "its credentials are kept in a file of its name" in result["msg"]
        assert leading.sent == []
        assert strewn(directory, set()) == []


def test_a_lookup_ends_in_words(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(directory))
    directory.chmod(0o700)
    loader = DataLoader()
    for number in range(SHORT * 4):
        whims = Whims(Random(f"lookup {number}"), names_told(directory))  # noqa: S311
        monkeypatch.setattr(options, "UrlTransport", lambda _connection, whims=whims: whims)
        for name, terms in (("infisical", ["NAME", "/app/OTHER"]), ("infisical_secrets", ["/", "/app"])):
            plugin = lookup_loader.get(
                f"omakase.homelab.{name}", loader=loader, templar=Templar(loader=loader, variables={})
            )
            # Nobody has read for this identity yet, so that the server is asked and what it tells is kept.
            given = {**GIVEN, "client_id": f"{name} {number}", "project_slug": "omakase"}
            try:
                plugin.run(terms, variables={}, **given, recursive=bool(number % 2), cache=bool(number % 4))
            except AnsibleLookupError as error:
                assert str(error).isprintable()
    kept = directory / run_cache.DIRECTORY
    names = [path.name for path in kept.iterdir()]
    assert [name for name in names if not re.fullmatch(r"salt|[0-9a-f]{32,64}(\.lock)?|era-.*", name)] == []
    assert strewn(directory, {kept.name, *(f"{kept.name}/{name}" for name in names)}) == []
