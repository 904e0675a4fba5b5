# SPDX-License-Identifier: GPL-3.0-or-later
"""The role infisical_cli on a real machine: the tests build on each other in the order they stand in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.roles.machine import SERVER, Machine, key_fingerprint
from tests.roles.playbook import Run, refused, succeeded

pytestmark = pytest.mark.lab
ADDRESS = "198.18.0.162"
REPOSITORY = f"{SERVER}/infisical/deb"
DEAD = (
    "deb [signed-by=/usr/share/keyrings/infisical-infisical-cli-archive-keyring.gpg] "
    "https://dl.cloudsmith.io/public/infisical/infisical-cli/deb/debian trixie main\n"
)

Role = Callable[..., Run]


@pytest.fixture
def role(machine: Machine, tmp_path: Path) -> Role:
    """Runs the role with the lab's repository."""
    given = {
        "infisical_cli_repository_url": REPOSITORY,
        "infisical_cli_repository_key_fingerprint": key_fingerprint(f"{SERVER}/infisical/infisical.gpg"),
    }

    def run(*arguments: str, **changes: Any) -> Run:
        return machine.role(tmp_path, "infisical_cli", {**given, **changes}, *arguments)

    return run


def test_a_plan_on_a_fresh_machine_succeeds_and_tells_what_would_be_installed(role: Role, machine: Machine) -> None:
    assert "Would install infisical" in succeeded(role("--check", "--diff")).text
    assert not machine.host.file("/etc/apt/sources.list.d/infisical.sources").exists


def test_it_installs_the_command_and_removes_the_dead_repository(role: Role, machine: Machine) -> None:
    host = machine.host
    host.check_output("printf %s > /etc/apt/sources.list.d/infisical-infisical-cli.list", f"# Infisical\n{DEAD}")
    host.check_output("printf %s >> /etc/apt/sources.list", f"# kept\n{DEAD}")
    succeeded(role())
    assert host.check_output("infisical --version").startswith("infisical version ")
    assert not host.file("/etc/apt/sources.list.d/infisical-infisical-cli.list").exists
    main = host.file("/etc/apt/sources.list").content_string
    assert "cloudsmith" not in main and "# kept" in main
    host.check_output("apt-get update")
    assert (
        "Signed-By: /etc/apt/keyrings/infisical.asc"
        in host.file("/etc/apt/sources.list.d/infisical.sources").content_string
    )


def test_a_second_run_changes_nothing(role: Role) -> None:
    assert succeeded(role()).changed == 0
    assert succeeded(role("--check", "--diff")).changed == 0


def test_an_exact_version_is_kept_and_one_that_is_not_to_be_had_is_named(role: Role, machine: Machine) -> None:
    version = machine.host.package("infisical").version
    assert succeeded(role(infisical_cli_version=version)).changed == 0
    assert "infisical=0.0.1" in refused(role(infisical_cli_version="0.0.1"))
    assert machine.host.package("infisical").version == version


def test_the_first_key_is_kept_where_no_fingerprint_is_given(role: Role) -> None:
    # The server's key is not asked for again: an address where nothing answers makes no difference.
    run = role(infisical_cli_repository_key_fingerprint="", infisical_cli_repository_key_url="http://198.18.0.1:9/none")
    assert succeeded(run).changed == 0


def test_a_command_that_does_not_answer_is_named(role: Role, machine: Machine) -> None:
    machine.host.check_output(
        "printf '#!/bin/sh\\nexit 3\\n' > /usr/local/bin/infisical && chmod 0755 /usr/local/bin/infisical"
    )
    text = refused(role())
    assert "`infisical --version` on infisical-cli says" in text and "type -a infisical" in text
    machine.host.check_output("rm /usr/local/bin/infisical")
