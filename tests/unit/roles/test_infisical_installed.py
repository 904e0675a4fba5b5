# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role infisical makes of an installation that it finds: upgrade, refusal, or an upgrade that was cut off."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.support.role import Role, problems

JOURNAL = {"from": "v0.165.16", "to": "v0.166.2", "archive": "/opt/infisical/before-upgrade/infisical-1.tar"}


def role(version: str, journal: dict[str, str] | None = None, wanted: str = "v0.166.2", **found: Any) -> Role:
    """The role on the host `one` that runs the version."""
    registered: dict[str, Any] = {
        "inventory_hostname": "one",
        "infisical_version": wanted,
        "__infisical_checks": [],
        "__infisical_installed": {"version": version, "healthy": True, "key": "fits", "password": "fits", **found},
        "__infisical_host": {"files": {}},
    }
    if journal:
        content = base64.b64encode(json.dumps(journal).encode()).decode()
        registered["__infisical_host"]["files"]["/opt/infisical/upgrade.json"] = {"content": content}
    return Role("infisical", registered)


@pytest.mark.parametrize(
    ("version", "upgrades"),
    [
        ("v0.165.16", True),
        ("v0.46.11-postgres", True),
        ("v0.166.1", True),
        ("v0.9.9", True),
        ("v0.166.2", False),
        ("0.166.2", False),
        ("v0.166.2-postgres", False),
        ("latest", False),
        ("", False),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, upgrades: bool) -> None:
    found = role(version)
    assert found.value("__infisical_upgrades") is upgrades
    assert problems(found, "__infisical_problems") == []


def test_a_fresh_host_is_neither_upgraded_nor_refused() -> None:
    fresh = role("")
    fresh.variables["__infisical_installed"] = {"skipped": True, "changed": False}
    assert fresh.value("__infisical_upgrades") is False
    assert problems(fresh, "__infisical_problems") == []


@pytest.mark.parametrize("version", ["v0.167.0", "v0.166.3-postgres", "v1.0.0", "v0.166.10"])
def test_a_downgrade_is_refused_with_what_to_do(version: str) -> None:
    (problem,) = problems(role(version), "__infisical_problems")
    assert problem.startswith(f"one runs {version}, which is newer than v0.166.2.")
    assert f"Set infisical_version to {version}" in problem and "bring back an archive" in problem


def test_an_upgrade_that_was_cut_off_goes_on_with_what_was_saved() -> None:
    found = role("v0.166.2", JOURNAL, healthy=False)
    assert found.value("__infisical_resumes") is True and found.value("__infisical_upgrades") is True
    assert found.value("__infisical_from") == "v0.165.16"
    assert found.value("__infisical_archive_of_before") == JOURNAL["archive"]


def test_one_that_was_cut_off_before_its_containers_changed_saves_what_they_were_made_of() -> None:
    found = role("v0.165.16", JOURNAL)
    assert found.value("__infisical_resumes") is False and found.value("__infisical_upgrades") is True
    assert found.value("__infisical_begins_anew") is True
    assert role("v0.165.16").value("__infisical_begins_anew") is False
    assert role("v0.166.1", JOURNAL).value("__infisical_begins_anew") is False


def test_a_note_that_outlived_its_upgrade_counts_for_nothing() -> None:
    found = role("v0.166.2", JOURNAL, healthy=True)
    assert found.value("__infisical_resumes") is False and found.value("__infisical_upgrades") is False


@pytest.mark.parametrize("journal", [None, JOURNAL])
def test_a_host_with_such_a_note_is_not_yet_as_wanted(journal: dict[str, str] | None) -> None:
    found = role("v0.166.2", journal)
    for part in ("directory_is_right", "env_is_right", "compose_is_right", "runs_as_written"):
        found.variables[f"__infisical_{part}"] = True
    assert found.value("__infisical_is_as_wanted") is (journal is None)
    assert found.value("__infisical_differences") == ([] if journal is None else ["/opt/infisical/upgrade.json"])


def test_who_gives_up_an_upgrade_that_was_cut_off_is_told_the_way_back() -> None:
    (problem,) = problems(role("v0.166.2", JOURNAL, wanted="v0.165.16", healthy=False), "__infisical_problems")
    assert f"infisical-backup bring-back --directory /opt/infisical {JOURNAL['archive']}" in problem


def test_a_key_and_a_password_that_do_not_fit_are_refused_together() -> None:
    key, password = problems(role("v0.166.2", key="differs", password="differs"), "__infisical_problems")
    assert "ENCRYPTION_KEY in /opt/infisical/.env on one does not open the database" in key
    assert r"--command '\password infisical'" in password


def test_what_could_not_be_looked_at_is_no_reason_to_refuse() -> None:
    assert problems(role("v0.166.2", key="unknown", password="unknown"), "__infisical_problems") == []
