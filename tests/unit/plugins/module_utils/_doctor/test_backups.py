# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and drills, by their records."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.backups import backups
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding


def ago(days: int) -> str:
    return (datetime.now(timezone.utc) - timedelta(days=days)).isoformat(timespec="seconds")


def found(place: Path, status: dict[str, Any], drills: dict[str, Any] | None = None) -> list[Finding]:
    (place / "status.json").write_text(json.dumps(status))
    if drills:
        (place / "drills.json").write_text(json.dumps(drills))
    return backups(str(place))


def test_a_host_without_a_backup_is_warned(tmp_path: Path) -> None:
    (finding,) = backups(str(tmp_path))
    assert (finding.state, finding.evidence) == ("warning", "none was ever made here")
    assert "playbooks/backup.yml" in finding.advice


def test_a_backup_that_was_never_brought_back_is_unproven(tmp_path: Path) -> None:
    backup, drill = found(tmp_path, {"state": "ok", "last_success": ago(1)})
    assert (backup.state, drill.state) == ("ok", "warning")
    assert drill.evidence == "unproven: no backup of this host was ever brought back"
    assert "playbooks/drill.yml" in drill.advice


def test_a_drill_proves_for_a_while(tmp_path: Path) -> None:
    status = {"state": "ok", "last_success": ago(0)}
    archive = "/var/backups/infisical/infisical-20261101T031500Z.tar.age"
    for days, state in ((3, "ok"), (91, "warning")):
        last = {"archive": archive, "started": ago(days)}
        _backup, drill = found(tmp_path, status, {"state": "ok", "last_success": last})
        assert drill.state == state
        assert f"infisical-20261101T031500Z.tar.age was brought back {days} days ago" in drill.evidence


def test_what_failed_last_is_a_problem_whatever_was_before(tmp_path: Path) -> None:
    status = {"state": "failed", "started": ago(0), "error": "No space left", "last_success": ago(1)}
    drills = {"state": "failed", "archive": "/b/a.tar", "error": "secrets_v2 holds other values", "last_success": {}}
    backup, drill = found(tmp_path, status, drills)
    assert (backup.state, drill.state) == ("problem", "problem")
    assert "No space left" in backup.evidence and "/b/a.tar was not brought back: secrets_v2" in drill.evidence


def test_an_old_backup_is_a_problem_and_the_first_one_none(tmp_path: Path) -> None:
    assert found(tmp_path, {"state": "ok", "last_success": ago(9)})[0].state == "problem"
    assert found(tmp_path, {"state": "running", "last_success": ""})[0].state == "warning"
