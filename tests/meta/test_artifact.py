# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make build` builds is what a user needs, works where it is installed, and says what it is."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from docs.sbom import bill
from tests.meta.repository import COLLECTION, PLAYBOOKS, ROLES, ROOT, files, read, run
from tests.support.artifact import build, install

# The lab, the tests, caches and this repository's own tools stay at home.
SHIPPED = {
    "CHANGELOG.md", "FILES.json", "LICENSE", "MANIFEST.json", "README.md", "SECURITY.md", "changelogs", "docs",
    "inventories", "meta", "playbooks", "plugins", "requirements.yml", "roles", "site.yml",
}  # fmt: skip
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def installed(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of collections that holds this one alone."""
    return install(artifact, tmp_path_factory.mktemp("collections"))


def test_the_artifact_is_small(artifact: Path) -> None:
    assert artifact.stat().st_size < MEGABYTE


def test_the_artifact_holds_neither_the_lab_nor_the_tests(artifact: Path) -> None:
    with tarfile.open(artifact) as tar:
        names = tar.getnames()
    assert {name.split("/", 1)[0] for name in names} <= SHIPPED
    assert [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".retry"))] == []


def test_what_make_builds_holds_nothing_that_lies_beside_it(tmp_path: Path) -> None:
    """A user's inventory, its password and a key of backups, where the guides put them."""
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", "--depth=1", f"file://{ROOT}", str(clone))
    planted = ["inventories/home/.vault_password", "inventories/home/group_vars/all/secrets.yml", "backup.key"]
    for path in planted:
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text("canary")
    # With what is installed here
    run("make", "--assume-old=requirements.lock", f"VENV={ROOT}/.venv", "build", cwd=clone)
    (built,) = (clone / "build").glob("*.tar.gz")
    with tarfile.open(built) as tar:
        names = tar.getnames()
    assert "galaxy.yml" not in names and "site.yml" in names
    assert [name for name in names if "home" in name or name.endswith(".key")] == []


def test_every_plugin_has_a_name_that_galaxy_takes() -> None:
    """galaxy-importer refuses a collection for one that has not, such as __main__."""
    names = {path.stem for path in files(".py", under="plugins")} - {"__init__"}
    assert [name for name in sorted(names) if not re.fullmatch(r"(?!.*__)[a-z_][0-9a-z_]*", name)] == []


def test_an_execution_environment_is_told_what_it_needs() -> None:
    wanted = read(ROOT / "meta" / "execution-environment.yml")["dependencies"]
    assert all((ROOT / path).is_file() for path in wanted.values())
    # The lookups and modules promise to need nothing but ansible-core.
    assert set(wanted) == {"system"}


def test_the_bill_of_materials_is_of_what_was_built(artifact: Path) -> None:
    found = bill(artifact)
    names = {part["name"]: part.get("version") for part in found["components"]}
    assert {"ansible-core", *read(ROOT / "galaxy.yml")["dependencies"]} <= set(names)
    defaults = [read(ROOT / "roles" / role / "defaults" / "main.yml") or {} for role in ROLES]
    images = {value for role in defaults for name, value in role.items() if name.endswith("_image") and value}
    assert {image.split(":")[0] for image in images} == {
        part["name"] for part in found["components"] if part["type"] == "container"
    }
    assert all(part["version"] for part in found["components"] if part["type"] == "container")
    (checksum,) = found["metadata"]["component"]["hashes"]
    assert checksum["content"] == hashlib.sha256(artifact.read_bytes()).hexdigest()
    refs = [part["bom-ref"] for part in found["components"]]
    assert len(set(refs)) == len(refs)
    assert bill(artifact) == found


def test_every_playbook_parses_from_an_installed_artifact(installed: Path) -> None:
    inventory = installed / "ansible_collections" / "omakase" / "homelab" / "inventories" / "lab"
    playbooks = [f"{COLLECTION}.{name}" for name in PLAYBOOKS]
    # Nothing of this checkout may help: another folder, no ansible.cfg, and only this place for our collection.
    env = {"ANSIBLE_COLLECTIONS_PATH": str(installed)}
    run("ansible-playbook", *playbooks, "--syntax-check", "-i", str(inventory), cwd=installed, env=env)


def test_a_role_declares_the_same_ansible_as_the_collection() -> None:
    required = read(ROOT / "meta" / "runtime.yml")["requires_ansible"]
    assert required == ">=2.17.0"
    for role in ROLES:
        galaxy = read(ROOT / "roles" / role / "meta" / "main.yml")["galaxy_info"]
        assert f">={galaxy['min_ansible_version']}.0" == required, role


def test_the_action_group_is_the_infisical_modules() -> None:
    groups = read(ROOT / "meta" / "runtime.yml")["action_groups"]
    assert groups["infisical"] == sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("infisical_*.py"))


def test_dependencies_are_said_once_with_the_same_floor() -> None:
    galaxy = read(ROOT / "galaxy.yml")["dependencies"]
    wanted = {item["name"]: item["version"] for item in read(ROOT / "requirements.yml")["collections"]}
    assert {name: wanted[name].split(",")[0] for name in galaxy} == galaxy
    assert all("<" in version for version in wanted.values()), "an upper bound for each"


def test_the_collections_pinned_for_this_checkout_are_within_the_declared_ranges() -> None:
    ranges = {item["name"]: item["version"] for item in read(ROOT / "requirements.yml")["collections"]}
    folders = json.loads(run("ansible-galaxy", "collection", "list", "--format", "json").stdout)
    versions = {name: entry["version"] for folder in folders.values() for name, entry in folder.items()}
    assert [name for name, wanted in ranges.items() if versions[name] not in SpecifierSet(wanted)] == []
