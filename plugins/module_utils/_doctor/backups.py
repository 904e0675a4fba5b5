# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is there a backup, and was one ever brought back? By the records that the program infisical-backup keeps."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, ok, problem, warning

# Days. A weekly backup that is a day late is late.
STALE_BACKUP, STALE_DRILL = 8, 90
_MAKE = (
    "Run playbooks/backup.yml, which makes one and sees to the next; `journalctl --unit infisical-backup` tells more."
)
_DRILL = "Run playbooks/drill.yml with infisical_backup_restore_identity: it brings one back beside what runs."


def backups(records: str) -> list[Finding]:
    """What the records in a directory tell; nothing of drills where there is no backup."""
    status = _read(Path(records, "status.json"))
    if not status:
        return [warning("backup", "none was ever made here", _MAKE)]
    return [_backup(status), _drill(_read(Path(records, "drills.json")))]


def _backup(status: dict[str, Any]) -> Finding:
    last = str(status.get("last_success", ""))
    if status.get("state") == "failed":
        evidence = f"it failed at {status.get('started')}: {status.get('error')}; the last good one: {last or 'none'}"
        return problem("backup", evidence, _MAKE)
    if not last:
        return warning("backup", "the first is being made", "Look again when it has ended.")
    age = _days(last)
    evidence = f"the last good one is {age} days old ({last})"
    return ok("backup", evidence) if age <= STALE_BACKUP else problem("backup", evidence, _MAKE)


def _drill(record: dict[str, Any]) -> Finding:
    check = "drill of backups"
    proven = record.get("last_success") or {}
    if record.get("state") == "failed":
        return problem(check, f"{record.get('archive')} was not brought back: {record.get('error')}", _DRILL)
    if not proven:
        return warning(check, "unproven: no backup of this host was ever brought back", _DRILL)
    age = _days(str(proven["started"]))
    evidence = f"{PurePosixPath(proven['archive']).name} was brought back {age} days ago ({proven['started']})"
    return ok(check, evidence) if age <= STALE_DRILL else warning(check, f"unproven since: {evidence}", _DRILL)


def _days(moment: str) -> int:
    return (datetime.now(timezone.utc) - datetime.fromisoformat(moment)).days


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
