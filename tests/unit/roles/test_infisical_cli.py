# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role infisical_cli takes for which system and processor, and what it refuses, without a host."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.role import Role, problems

DEBIAN = {"id": "ubuntu", "like": ["debian"], "name": "Ubuntu 24.04 LTS", "version": "24.04", "architecture": "x86_64"}
FEDORA = {"id": "fedora", "like": [], "name": "Fedora Linux 42", "version": "42", "architecture": "x86_64"}


def role(system: dict[str, Any], **given: Any) -> Role:
    nothing = {"rc": 1, "stdout": "", "stderr": ""}
    host = {"system": system, "commands": dict.fromkeys(("packages", "command", "local"), nothing)}
    return Role("infisical_cli", {"inventory_hostname": "one", "__infisical_cli_host": host, **given})


def refused(system: dict[str, Any], **given: Any) -> str:
    host = role(system, **given)
    return " ".join(problems(host, "__infisical_cli_checks | rejectattr('ok') | map(attribute='say')"))


@pytest.mark.parametrize(
    ("machine", "named"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv7l", "armv7"), ("armv6l", "armv6"), ("i686", "386")],
)
def test_each_processor_gets_the_archive_that_is_made_for_it(machine: str, named: str) -> None:
    given = {"infisical_cli_version": "0.43.136", "infisical_cli_release_url": "https://mirror.home.example/cli"}
    host = role({**FEDORA, "architecture": machine}, **given)
    assert (
        host.value("__infisical_cli_archive_url")
        == f"https://mirror.home.example/cli/cli_0.43.136_linux_{named}.tar.gz"
    )
    assert problems(host, "__infisical_cli_checks | rejectattr('ok')") == []


def test_a_processor_without_a_release_is_named_with_those_that_have_one() -> None:
    said = refused({**FEDORA, "architecture": "riscv64"}, infisical_cli_version="0.43.136")
    assert "no release for the architecture riscv64 of one" in said and "aarch64" in said


def test_the_repository_is_for_debian_s_family_and_the_archive_for_all_others() -> None:
    assert role(DEBIAN).value("__infisical_cli_source") == "repository"
    assert role(FEDORA).value("__infisical_cli_source") == "archive"
    assert "which needs an exact version" in refused(FEDORA)
    assert "runs Fedora Linux 42, which does not take apt's packages" in refused(
        FEDORA, infisical_cli_source="repository"
    )
