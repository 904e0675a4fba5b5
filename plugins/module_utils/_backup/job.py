# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduled backup: one run as configured, its status file, and who is told how it ended."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import copies
from .archive import archives, make, now
from .commands import BackupError
from .files import alone, write
from .retention import Keep, superfluous
from .stack import Stack

# Of the unencrypted ones that are made before an installation is changed
PLAIN = Keep(last=3, daily=0, weekly=0, monthly=0)


@dataclass(frozen=True)
class Settings:
    """The configuration file that the role writes."""

    directory: Path
    to: Path
    recipients: Sequence[str] = ()
    plaintext: bool = False
    files: Sequence[str] = (".env", "docker-compose.yml")
    postgres_image: str = ""
    keep: Keep = field(default_factory=Keep)
    copies: Sequence[Mapping[str, Any]] = ()
    notify: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Raises BackupError, without what the file holds."""
        try:
            given = json.loads(path.read_text())
            paths = {name: Path(given[name]) for name in ("directory", "to")}
            settings = cls(**{**given, **paths, "keep": Keep(**given.get("keep", {}))})
        except (OSError, ValueError, TypeError, KeyError) as error:
            name = type(error).__name__
            raise BackupError(f"{path} cannot be read ({name}). Apply the role infisical_backup.") from None
        return settings


def perform(settings: Settings, status_file: Path) -> int:
    """One backup with its status file; the exit status."""
    started = time.monotonic()
    status: dict[str, Any] = {"state": "running", "started": now().isoformat(timespec="seconds"), "error": ""}
    status["last_success"] = read_json(status_file).get("last_success", "")
    status["last_drill"] = read_json(drills_beside(status_file)).get("last_success", {})
    write_status(status_file, status)
    try:
        _back_up(settings, status)
        status.update(state="ok", last_success=status["started"])
    except BackupError as error:
        status.update(state="failed", error=str(error))
    except OSError as error:
        status.update(state="failed", error=f"{error.filename or settings.to}: {error.strerror}")
    status["seconds"] = round(time.monotonic() - started, 1)
    write_status(status_file, status)
    sys.stdout.write(json.dumps(status) + "\n")
    if status["error"]:
        sys.stderr.write(f"infisical-backup: {status['error']}\n")
    return 0 if status["state"] == "ok" else 1


def _back_up(settings: Settings, status: dict[str, Any]) -> None:
    # Here alone: whoever brings an archive back, or lists them, need not have one to encrypt for.
    if not settings.recipients and not settings.plaintext:
        raise BackupError("No age recipient is configured, and plaintext is not asked for: infisical_backup_recipients")
    with alone(settings.to):
        stack = Stack(settings.directory)
        archive, manifest = make(stack, settings.to, settings.files, settings.postgres_image, settings.recipients)
        status.update(
            archive=str(archive),
            bytes=archive.stat().st_size,
            encrypted=bool(settings.recipients),
            server_version=manifest["server_version"],
            rows=sum(manifest["rows"].values()),
            removed=prune(settings.to, settings.keep),
            kept=len(archives(settings.to)),
            copies=[_copied(settings, target) for target in settings.copies],
        )
    failed = [f"{copy['to']}: {copy['error']}" for copy in status["copies"] if copy["error"]]
    if failed:
        raise BackupError(f"{archive} is made, but not copied off this host. {'; '.join(failed)}")


def prune(folder: Path, keep: Keep, spared: Path | None = None) -> list[str]:
    """Remove the archives that need not stay; their names. One is spared, whatever the clock said when it was made."""
    found = archives(folder)
    gone = superfluous([archive.time for archive in found], now(), keep)
    removed = [archive.path for archive in found if archive.time in gone and archive.path != spared]
    for path in removed:
        path.unlink()
    return [path.name for path in removed]


def _copied(settings: Settings, target: Mapping[str, Any]) -> dict[str, str]:
    """What is told of it: everybody may read that."""
    address = copies.told(target["to"], target)
    try:
        copies.copy(settings.to, target, settings.keep)
    except BackupError as error:
        return {"to": address, "error": str(error)}
    return {"to": address, "error": ""}


def tell(settings: Settings, status_file: Path, result: str) -> None:
    """Tell whoever is to be told how the job ended. systemd calls this after it, also when it was killed."""
    status = read_json(status_file)
    if status.get("state") == "running":
        status.update(state="failed", error=f"it was ended from outside ({result})")
        write_status(status_file, status)
    failed = status.get("state") != "ok"
    if not failed and not settings.notify.get("on_success"):
        return
    host = socket.gethostname()
    text = f"Infisical backup on {host} failed: {status.get('error', result)}"
    if not failed:
        text = f"Infisical backup on {host}: {status['archive']}, {status['bytes']} bytes, {status['rows']} rows"
    telegram, webhook = settings.notify.get("telegram"), settings.notify.get("webhook")
    if telegram:
        url = f"{telegram['url']}/bot{telegram['token']}/sendMessage"
        _post("Telegram", url, {"chat_id": telegram["chat_id"], "text": text})
    if webhook:
        _post("The webhook", webhook, {"host": host, "text": text, **status})


def _post(name: str, url: str, body: Mapping[str, Any]) -> None:
    """Send it. A failure is said in the journal, without the address: that may hold a token."""
    try:
        request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.build_opener().open(request, timeout=20):
            pass
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        sys.stderr.write(f"infisical-backup: {name} took no message: {reason}\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object that a file holds; nothing where there is none."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def drills_beside(status_file: Path) -> Path:
    """The record of the drills."""
    return status_file.with_name("drills.json")


def write_status(path: Path, status: Mapping[str, Any]) -> None:
    """For monitoring, so readable by everybody: it holds no secret."""
    write(path, (json.dumps(status, indent=1) + "\n").encode(), 0o644)
