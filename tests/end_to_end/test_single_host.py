# SPDX-License-Identifier: GPL-3.0-or-later
"""Infisical and Omakase on one machine that exists already, with the inventory that a user copies and fills in.

Infisical lies in another directory than usual, which one line of the inventory says.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab import settings

from .conftest import ADDRESSES, ROOT, Lab, manage_lab

pytestmark = [pytest.mark.lab, pytest.mark.soak]
DIRECTORY = "/srv/vault"


@pytest.fixture(scope="module")
def home(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inventory `single_host`, filled in for a machine of the lab."""
    manage_lab("machine", "existing", ADDRESSES["existing"])
    inventory = tmp_path_factory.mktemp("inventories") / "home"
    shutil.copytree(ROOT / "inventories/single_host", inventory)
    hosts = inventory / "hosts.yml"
    hosts.write_text(hosts.read_text().replace("192.168.1.100", ADDRESSES["existing"]))
    lab_variables = (ROOT / "inventories/lab/group_vars/all/main.yml").read_text()
    (inventory / "group_vars/all/lab.yml").write_text(
        "".join(line for line in lab_variables.splitlines(keepends=True) if not line.startswith("infisical_url"))
    )
    (inventory / "group_vars/infisical/directory.yml").write_text(f"infisical_directory: {DIRECTORY}\n")
    shutil.copy(ROOT / "inventories/lab/group_vars/omakase/main.yml", inventory / "group_vars/omakase/main.yml")
    shutil.copy(ROOT / "inventories/lab/group_vars/omakase/secrets.yml", inventory / "group_vars/omakase/secrets.yml")
    assert settings.SSH_KEY.exists()
    return inventory


def test_a_plan_on_the_fresh_machine_succeeds(lab: Lab, home: Path) -> None:
    lab.playbook("-i", str(home), "site.yml", "--check", "--diff").succeeded()


def test_the_site_comes_up_on_one_machine(lab: Lab, home: Path) -> None:
    lab.playbook("-i", str(home), "site.yml").succeeded()
    host = lab.host("existing")
    lines = host.check_output("docker ps --format '{{.Names}} {{.Status}}'").splitlines()
    assert len(lines) == 6
    assert all("(healthy)" in line for line in lines), lines
    assert int(host.check_output("omakase-infisical export --format=dotenv | grep -c =")) >= 21


def test_a_second_run_changes_nothing(lab: Lab, home: Path) -> None:
    run = lab.playbook("-i", str(home), "site.yml").succeeded()
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
    run = lab.playbook("-i", str(home), f"playbooks/{playbook}.yml", *arguments).succeeded()
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
        run = lab.playbook("-i", str(home), "playbooks/infisical.yml")
    finally:
        hosts.write_text(before)
        manage_lab("machine", "--remove", "small")
    message = run.refused()
    assert "has 1 core(s) and Infisical needs 2" in message
    assert "MB of memory and Infisical needs 1900" in message
    assert "`docker compose version` fails" in message
    assert set(run.changed.values()) == {0}
