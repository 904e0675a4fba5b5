# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role infisical_backup asks for, where it makes a backup and where it brings one back, without a host."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.meta.repository import ROOT
from tests.support.role import Role, problems

RECIPIENT = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
TIMER = "ActiveState=active\nUnitFileState=enabled\nNeedDaemonReload=no"


def role(**given: Any) -> Role:
    commands = {name: {"rc": 0, "stdout": TIMER, "stderr": ""} for name in ("timer", "calendar")}
    host = {"commands": commands, "files": {}, "packages": {}}
    facts = {"inventory_hostname": "one", "role_path": str(ROOT / "roles/infisical_backup")}
    return Role("infisical_backup", {**facts, "__infisical_backup_host": host, **given})


def refused(**given: Any) -> list[str]:
    return problems(role(**given), "__infisical_backup_checks | rejectattr('ok') | map(attribute='say')")


def tasks(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((ROOT / f"roles/infisical_backup/tasks/{name}.yml").read_text())
    return found


def test_recipients_are_asked_for_where_a_backup_is_made_and_nowhere_else() -> None:
    (said,) = refused()
    assert "infisical_backup_recipients is empty" in said
    assert refused(infisical_backup_plaintext=True) == refused(infisical_backup_recipients=[RECIPIENT]) == []
    for name in ("restore", "drill"):
        assert refused(**tasks(name)[0]["vars"]) == []


def test_a_private_key_and_a_schedule_that_is_none_are_named_together_and_the_key_is_not_shown() -> None:
    private = "AGE-SECRET-KEY-1QQPQYWQLZXYYQJSCR3QNP"
    found = role(infisical_backup_recipients=[private], infisical_backup_schedule="at teatime")
    wrong = {"rc": 1, "stdout": "", "stderr": "Failed to parse calendar specification 'at teatime': Invalid argument"}
    found.variables["__infisical_backup_host"]["commands"]["calendar"] = wrong
    said = problems(found, "__infisical_backup_checks | rejectattr('ok') | map(attribute='say')")
    assert len(said) == 2 and "holds a private key" in said[0]
    assert "(at teatime) is not a time that systemd understands: Failed to parse" in said[1]
    assert private not in " ".join(said)


def test_a_host_as_it_should_be_is_left_alone_with_copies_as_well() -> None:
    copies = [
        {"kind": "rsync", "to": "root@nas:/srv/"},
        {"kind": "restic", "to": "/srv/r", "environment": {"RESTIC_PASSWORD": "x"}},
    ]
    found = role(infisical_backup_recipients=[RECIPIENT], infisical_backup_copies=copies)
    left = "[__infisical_backup_missing, __infisical_backup_stale_program, __infisical_backup_stale_settings]"
    assert found.value("__infisical_backup_missing") == ["age", "rsync", "openssh-client", "restic"]
    host = found.variables["__infisical_backup_host"]
    host["packages"] = {name: {} for name in found.value("__infisical_backup_needed")}
    for path, text in found.value("__infisical_backup_program | combine(__infisical_backup_settings)").items():
        host["files"][path] = dict(zip(("sha256", "mode", "owner", "group"), text.split(), strict=True))
    assert found.value(left) == [[], [], []] and found.value("__infisical_backup_timer_is_right") is True
    found.variables["infisical_backup_copies"] = copies[:1]
    assert found.value(left) == [[], [], ["/etc/infisical-backup.json"]]


def test_without_recipients_the_settings_and_the_timer_of_backups_stay_as_they_are() -> None:
    assert role().value("__infisical_backup_stale_settings") == []
    found = role(infisical_backup_recipients=[RECIPIENT]).value("__infisical_backup_stale_settings")
    assert "/etc/infisical-backup.json" in found
    on_timer = next(task for task in tasks("lay_down") if task["name"] == "Run the timer")["when"]
    assert any("__infisical_backup_can_make" in condition for condition in on_timer)


def test_a_key_needs_the_program_that_reads_it_also_where_no_backup_is_made() -> None:
    assert role().value("__infisical_backup_missing") == []
    assert role(infisical_backup_restore_identity="backup.key").value("__infisical_backup_missing") == ["age"]


@pytest.mark.parametrize(
    ("archive", "key", "locked"),
    [
        ("copies/infisical-20261125T031500Z.tar.age", "", True),
        ("copies/infisical-20261125T031500Z.tar.age", "backup.key", False),
        ("copies/infisical-20261125T031500Z.tar", "", False),
        ("latest", "", False),
    ],
)
def test_an_encrypted_archive_without_a_key_is_refused_by_the_option_that_lacks(
    archive: str, key: str, locked: bool
) -> None:
    found = role(infisical_backup_restore_archive=archive, infisical_backup_restore_identity=key)
    assert found.value("__infisical_backup_is_locked") is locked
    assert "the private key to it: infisical_backup_restore_identity" in found.value("__infisical_backup_locked")


def test_it_is_refused_before_anything_is_installed_or_copied_and_again_when_the_name_is_known() -> None:
    locks = [task for task in tasks("archive") if "__infisical_backup_locked" in str(task)]
    named = [task["name"] for task in locks]
    order = [task["name"] for task in tasks("archive")]
    assert order[0] == named[0] and named[1] == order[order.index("Choose the archive") + 1]
    assert locks[1]["vars"] == {"__infisical_backup_opened": "{{ __infisical_backup_chosen.stdout }}"}


@pytest.mark.parametrize(
    ("name", "task", "registered"),
    [
        ("restore", "See that it is back", "__infisical_backup_restored"),
        ("drill", "See that it went well", "__infisical_backup_drilled"),
    ],
)
def test_an_archive_that_is_not_brought_back_fails_in_the_words_of_the_program(
    name: str, task: str, registered: str
) -> None:
    (found,) = [entry["ansible.builtin.assert"] for entry in tasks(name) if entry["name"] == task]
    ended = {registered: {"rc": 1, "stderr": "it was encrypted for another key"}}
    host = role(__infisical_backup_chosen={"stdout": "/b/a.tar.age"}, **ended)
    assert host.value(found["that"]) is False
    said = host.text(found["fail_msg"])
    assert "/b/a.tar.age was not brought back" in said and "on one: it was encrypted for another key" in said


def test_what_is_taken_away_already_stops_no_timer_again() -> None:
    (stopped,) = [task for task in tasks("remove") if "timer, and a backup" in task["name"]]
    found = role(__infisical_backup_timer_unit={"stat": {"exists": False}})
    assert found.text(stopped["loop"]) == []


def test_a_new_archive_is_never_called_proven() -> None:
    last = {"started": "2026-11-24T09:00:00+00:00", "archive": "/b/infisical-20261124T031500Z.tar.age"}
    said = role(__infisical_backup_status={"last_drill": last}).value("__infisical_backup_proof")
    assert said.startswith("Not proven yet: the last drill, of 2026-11-24T09:00:00+00:00, brought /b/infisical-2026")
    assert "UNPROVEN" in role(__infisical_backup_status={"last_drill": {}}).value("__infisical_backup_proof")


def test_the_audit_looks_at_the_archives_that_are_not_encrypted_and_at_the_settings() -> None:
    looked_at = yaml.safe_load((ROOT / "playbooks/vars/audit.yml").read_text())["__audit_infisical_files"]
    for pattern in ("/before-restore/*.tar*", "/before-upgrade/*.tar*", "/etc/infisical-backup*.json"):
        assert any(place.endswith(pattern) for place in looked_at)
