# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical and Omakase on one machine that exists already, and Omakase alone with its secrets elsewhere: what the two
guides type, with another directory than inventories/home.

Infisical lies in another directory than usual, which one line of the inventory says.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
import yaml

from lab import settings
from tests.meta.test_docs_commands import commands

from .conftest import ADDRESSES, ROOT, Lab, manage_lab
from .test_guides import REPOSITORY, sources

pytestmark = [pytest.mark.lab, pytest.mark.soak]
DIRECTORY = "/srv/vault"
# All that stands in the guides.
INIT, PLAN, SITE = commands(ROOT / "docs/guides/single-host.md")
CLOUD_INIT, CLOUD_SITE = commands(ROOT / "docs/guides/cloud.md")


def typed(line: str, home: Path) -> list[str]:
    """The arguments of a guide's ansible-playbook."""
    program, *arguments = shlex.split(line.replace("inventories/home", str(home)))
    assert program == "ansible-playbook"
    return arguments


def inventory(lab: Lab, init: str, folder: Path, **answers: str) -> Path:
    """What init.yml writes for the machine; the lab's sources are added, for nobody here reaches the vendors'."""
    home = folder / "home"
    common = {
        "init_ask": False,
        "init_directory": str(home),
        "init_omakase_repository": REPOSITORY,
        "init_domain": "homelab.test",
        "init_address": ADDRESSES["existing"],
    }
    given = folder / "answers.json"
    given.touch(mode=0o600)
    given.write_text(json.dumps({**common, **answers}))
    lab.playbook(*typed(init, home), "-e", f"@{given}").succeeded()
    lab_variables = (ROOT / "inventories/lab/group_vars/all/main.yml").read_text()
    (home / "group_vars/all/sources.yml").write_text(
        "".join(line for line in lab_variables.splitlines(keepends=True) if not line.startswith("infisical_url"))
    )
    (home / "group_vars/omakase/sources.yml").write_text(yaml.safe_dump(sources()))
    assert settings.SSH_KEY.exists()
    return home


@pytest.fixture(scope="module")
def home(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inventory `single_host`, for a machine of the lab."""
    manage_lab("machine", "existing", ADDRESSES["existing"])
    written = inventory(lab, INIT, tmp_path_factory.mktemp("inventories"))
    (written / "group_vars/infisical/directory.yml").write_text(f"infisical_directory: {DIRECTORY}\n")
    return written


def test_a_plan_on_the_fresh_machine_succeeds(lab: Lab, home: Path) -> None:
    lab.playbook(*typed(PLAN, home)).succeeded()


def test_the_site_comes_up_on_one_machine(lab: Lab, home: Path) -> None:
    lab.playbook(*typed(SITE, home)).succeeded()
    host = lab.host("existing")
    lines = host.check_output("docker ps --format '{{.Names}} {{.Status}}'").splitlines()
    assert len(lines) == 6
    assert all("(healthy)" in line for line in lines), lines
    assert int(host.check_output("omakase-infisical export --format=dotenv | grep -c =")) >= 21


def test_a_second_run_changes_nothing(lab: Lab, home: Path) -> None:
    run = lab.playbook(*typed(SITE, home)).succeeded()
    assert set(run.changed.values()) == {0}, run.output[-6000:]


@pytest.mark.parametrize(
    ("playbook", "arguments"),
    [
        ("backup", ["-e", "infisical_backup_plaintext=true"]),
        ("drill", []),
        ("restore", []),
        ("upgrade", []),
        ("rotate", ["-e", "rotate_names=omakase-deployment"]),
        ("audit", ["--check"]),
        ("doctor", []),
    ],
)
def test_one_line_is_enough_for_a_directory_of_ones_own(
    lab: Lab, home: Path, playbook: str, arguments: list[str]
) -> None:
    run = lab.playbook(*typed(SITE, home)[:-1], f"playbooks/{playbook}.yml", *arguments).succeeded()
    assert "/opt/infisical" not in run.output
    host = lab.host("existing")
    assert host.file(f"{DIRECTORY}/credentials/omakase-deployment.json").exists
    assert not host.file("/opt/infisical").exists


def test_a_machine_that_is_too_small_is_refused_with_all_reasons_at_once(lab: Lab, home: Path) -> None:
    manage_lab("machine", "small", "198.18.0.111", "--memory", "1024", "--cores", "1")
    hosts = home / "hosts.yml"
    before = hosts.read_text()
    hosts.write_text(before.replace(ADDRESSES["existing"], "198.18.0.111"))
    try:
        run = lab.playbook(*typed(SITE, home)[:-1], "playbooks/infisical.yml")
    finally:
        hosts.write_text(before)
        manage_lab("machine", "--remove", "small")
    message = run.refused()
    assert "has 1 core(s) and Infisical needs 2" in message
    assert "MB of memory and Infisical needs 1900" in message
    assert "`docker compose version` fails" in message
    assert set(run.changed.values()) == {0}


def test_omakase_alone_takes_its_secrets_from_an_infisical_that_is_elsewhere(
    lab: Lab, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The server that is there stands in for Infisical Cloud: the project and the identity are what its owner made."""
    host = lab.host("existing")
    credentials = f"{DIRECTORY}/credentials"
    identity = json.loads(host.file(f"{credentials}/omakase-deployment.json").content_string)
    before = host.check_output("omakase-infisical export --format=dotenv")
    host.check_output("rm /home/omakase/omakase/.env")
    cloud = inventory(
        lab,
        CLOUD_INIT,
        tmp_path_factory.mktemp("cloud"),
        init_infisical_url=f"http://{ADDRESSES['existing']}:8080",
        init_project_id=json.loads(host.file(f"{credentials}/project.json").content_string)["id"],
        init_client_id=identity["client_id"],
        init_client_secret=identity["client_secret"],
    )
    run = lab.playbook(*typed(CLOUD_SITE, cloud)).succeeded()
    assert identity["client_secret"] not in run.output
    assert identity["client_id"] in host.file("/home/omakase/omakase/.env").content_string
    assert host.check_output("omakase-infisical export --format=dotenv") == before
    again = lab.playbook(*typed(CLOUD_SITE, cloud)).succeeded()
    assert set(again.changed.values()) == {0}, again.output[-6000:]
