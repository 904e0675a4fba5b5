# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role infisical_cli takes for which system and processor, and what it refuses, without a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.role import Role, problems

DEBIAN = {"id": "ubuntu", "like": ["debian"], "name": "Ubuntu 24.04 LTS", "version": "24.04", "architecture": "x86_64"}
SUM = "5" * 64
FEDORA = {"id": "fedora", "like": [], "name": "Fedora Linux 42", "version": "42", "architecture": "x86_64"}


def role(system: dict[str, Any], dpkg: str = "amd64", found: dict[str, Any] | None = None, **given: Any) -> Role:
    """A host without the command. found: what there is on the controller, where it was looked."""
    nothing = {"rc": 1, "stdout": "", "stderr": ""}
    said = {**dict.fromkeys(("command", "local"), nothing), "dpkg": {**nothing, "stdout": dpkg}}
    known = {
        "inventory_hostname": "one",
        "__infisical_cli_host": {"system": system, "commands": said, "packages": {}, "files": {}},
        "__infisical_cli_archive_read": {"stat": found} if found else {"skipped": True, "changed": False},
    }
    return Role("infisical_cli", {**known, **given})


def refused(system: dict[str, Any], dpkg: str = "amd64", found: dict[str, Any] | None = None, **given: Any) -> str:
    host = role(system, dpkg, found, **given)
    return " ".join(problems(host, "__infisical_cli_checks | rejectattr('ok') | map(attribute='say')"))


@pytest.mark.parametrize(
    ("machine", "named"),
    [("x86_64", "amd64"), ("aarch64", "arm64"), ("armv7l", "armv7"), ("armv6l", "armv6"), ("i686", "386")],
)
def test_each_processor_gets_the_archive_that_is_made_for_it(machine: str, named: str) -> None:
    given: dict[str, Any] = {
        "infisical_cli_version": "0.43.136",
        "infisical_cli_release_url": "https://mirror.home.example/cli",
    }
    host = role({**FEDORA, "architecture": machine}, **given)
    assert host.value("__infisical_cli_release") == f"https://mirror.home.example/cli/cli_0.43.136_linux_{named}.tar.gz"
    assert problems(host, "__infisical_cli_checks | rejectattr('ok')") == []


def test_a_processor_without_a_release_is_named_with_those_that_have_one() -> None:
    said = refused({**FEDORA, "architecture": "riscv64"}, infisical_cli_version="0.43.136")
    assert "no release for the architecture riscv64 of one" in said and "aarch64" in said
    said = refused(DEBIAN, dpkg="riscv64", infisical_cli_source="deb", infisical_cli_version="0.43.136")
    assert "no release for the architecture riscv64 of one; there are amd64, arm64, armhf, i386." in said


@pytest.mark.parametrize(
    ("kernel", "dpkg", "named"),
    [
        ("x86_64", "amd64", "amd64"),
        ("x86_64", "i386", "386"),
        ("aarch64", "arm64", "arm64"),
        ("aarch64", "armhf", "armv7"),
        ("armv7l", "armhf", "armv7"),
        ("armv6l", "armhf", "armv6"),
    ],
)
def test_a_package_is_the_one_that_dpkg_takes_whatever_the_kernel(kernel: str, dpkg: str, named: str) -> None:
    given: dict[str, Any] = {"infisical_cli_source": "deb", "infisical_cli_version": "0.43.136"}
    host = role({**DEBIAN, "architecture": kernel}, dpkg, **given)
    address = "https://github.com/Infisical/cli/releases/download/v0.43.136"
    assert host.value("__infisical_cli_release") == f"{address}/infisical_0.43.136_linux_{named}.deb"
    assert problems(host, "__infisical_cli_checks | rejectattr('ok')") == []


@pytest.mark.parametrize(
    ("system", "file", "source"),
    [
        (DEBIAN, "infisical_0.43.136_linux_amd64.deb", "deb"),
        (DEBIAN, "cli_0.43.136_linux_amd64.tar.gz", "archive"),
        (FEDORA, "cli_0.43.136_linux_amd64.tar.gz", "archive"),
        (DEBIAN, "renamed.deb", "deb"),
    ],
)
def test_a_file_of_the_controller_says_itself_what_it_is(
    system: dict[str, Any], file: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).touch()
    given: dict[str, Any] = {
        "infisical_cli_version": "0.43.136",
        "infisical_cli_archive_checksum": f"sha256:{SUM.upper()}",
    }
    for path in (file, str(tmp_path / file)):
        host = role(system, found={"isreg": True, "checksum": SUM}, infisical_cli_archive=path, **given)
        assert host.value("[__infisical_cli_source, __infisical_cli_release]") == [source, str(tmp_path / file)]
        assert problems(host, "__infisical_cli_checks | rejectattr('ok')") == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"infisical_cli_source": "repository"}, "infisical_cli_source repository: deb takes the .deb of a release"),
        ({"infisical_cli_source": "archive"}, "infisical_cli_source archive: deb takes the .deb of a release"),
        ({"infisical_cli_archive": "infisical.rpm"}, "deb takes the .deb of a release, archive its .tar.gz"),
        (
            {"infisical_cli_archive": "infisical_0.43.136_linux_arm64.deb"},
            "one needs infisical_0.43.136_linux_amd64.deb",
        ),
        ({"infisical_cli_version": "0.43.137"}, "one needs infisical_0.43.137_linux_amd64.deb"),
        ({"infisical_cli_version": ""}, "one gets the command from a release's package, which needs an exact version"),
        ({"infisical_cli_archive_checksum": ""}, "infisical_cli_archive_checksum is missing."),
        ({"infisical_cli_archive_checksum": "md5:12"}, "infisical_cli_archive_checksum is not a SHA-256."),
        ({"infisical_cli_archive_checksum": "6" * 64}, "has another checksum than infisical_cli_archive_checksum."),
        ({"found": {"exists": False}}, "is no file on the controller. Fetch https://github.com/Infisical/cli/"),
        ({"found": {"exists": True, "isreg": False}}, "is no file on the controller."),
    ],
)
def test_a_file_of_the_controller_that_cannot_be_right_is_refused(given: dict[str, Any], sentence: str) -> None:
    right: dict[str, Any] = {
        "infisical_cli_version": "0.43.136",
        "infisical_cli_archive": "files/infisical_0.43.136_linux_amd64.deb",
        "infisical_cli_archive_checksum": SUM,
        "found": {"exists": True, "isreg": True, "checksum": SUM},
    }
    assert refused(DEBIAN, **right) == ""
    assert sentence in refused(DEBIAN, **{**right, **given})


def test_an_archive_is_not_held_by_apt() -> None:
    given: dict[str, Any] = {"infisical_cli_version": "0.43.136", "infisical_cli_hold": True}
    assert "infisical_cli_hold is for an exact version" in refused(DEBIAN, infisical_cli_source="archive", **given)
    assert refused(DEBIAN, infisical_cli_source="deb", **given) == ""


def test_the_repository_is_for_debian_s_family_and_the_archive_for_all_others() -> None:
    assert role(DEBIAN).value("__infisical_cli_source") == "repository"
    assert role(FEDORA).value("__infisical_cli_source") == "archive"
    assert "which needs an exact version" in refused(FEDORA)
    for source in ("repository", "deb"):
        said = refused(FEDORA, dpkg="", infisical_cli_source=source)
        assert "runs Fedora Linux 42, which does not take apt's packages" in said
    said = refused(FEDORA, dpkg="", infisical_cli_archive="infisical.deb", infisical_cli_version="0.43.136")
    assert "give infisical_cli_version and the .tar.gz of the release in infisical_cli_archive" in said
    assert "There is no release" not in said
