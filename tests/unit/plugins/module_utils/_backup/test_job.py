# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduled backup: what it writes down, what it removes, whom it tells."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import copies, job
from ansible_collections.omakase.homelab.plugins.module_utils._backup.archive import now
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError
from ansible_collections.omakase.homelab.plugins.module_utils._backup.retention import Keep

from .double import Programs

TOKEN = "123:canary-token"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> job.Settings:
    """Settings of an installation whose backup takes no time."""

    def make(_stack: Any, folder: Path, *_: Any) -> tuple[Path, dict[str, Any]]:
        path = folder / f"infisical-{now().strftime('%Y%m%dT%H%M%SZ')}.tar"
        path.write_text("archive")
        return path, {"server_version": "v0.165.16", "rows": {"a": 2, "b": 3}}

    monkeypatch.setattr(job, "make", make)
    return job.Settings(directory=tmp_path / "opt", to=tmp_path / "backups", plaintext=True)


@pytest.fixture
def received() -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """An HTTP server's address, and what it was sent; at /refuse it refuses."""
    messages: list[tuple[str, dict[str, Any]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            messages.append((self.path, body))
            self.send_response(500 if self.path.startswith("/refuse") else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", messages
        server.shutdown()


def with_changes(settings: job.Settings, **changes: Any) -> job.Settings:
    return job.Settings(**{**settings.__dict__, **changes})


def test_a_backup_leaves_its_status_for_everybody_to_read(settings: job.Settings, tmp_path: Path) -> None:
    status = tmp_path / "status.json"
    assert job.perform(settings, status) == 0
    found = job.read_json(status)
    assert (found["state"], found["rows"], found["kept"], found["encrypted"]) == ("ok", 5, 1, False)
    assert found["last_success"] == found["started"]
    assert status.stat().st_mode & 0o777 == 0o644


def test_a_failed_backup_remembers_the_last_good_one(
    settings: job.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status = tmp_path / "status.json"
    job.perform(settings, status)
    good = job.read_json(status)["last_success"]

    def fails(*_: Any) -> None:
        raise BackupError("the database is gone")

    monkeypatch.setattr(job, "make", fails)
    assert job.perform(settings, status) == 1
    found = job.read_json(status)
    assert (found["state"], found["error"], found["last_success"]) == ("failed", "the database is gone", good)
    assert "infisical-backup: the database is gone" in capsys.readouterr().err


def test_old_archives_go_and_foreign_files_stay(settings: job.Settings, tmp_path: Path) -> None:
    settings.to.mkdir()
    old = [now() - datetime.timedelta(days=days) for days in (400, 800)]
    for moment in old:
        (settings.to / f"infisical-{moment.strftime('%Y%m%dT%H%M%SZ')}.tar.age").touch()
    (settings.to / "notes.txt").touch()
    job.perform(with_changes(settings, keep=Keep(last=1, daily=1, weekly=1, monthly=1)), tmp_path / "status.json")
    found = job.read_json(tmp_path / "status.json")
    assert len(found["removed"]) == 2
    assert {path.name for path in settings.to.glob("[!.]*")} == {Path(found["archive"]).name, "notes.txt"}


def test_a_copy_that_fails_fails_the_job_and_keeps_the_archive(
    settings: job.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = Programs(monkeypatch)
    programs.expect("rsync", failure="ssh: connect to host nas: No route to host")
    targets = [{"kind": "rsync", "to": "nas:backups/"}]
    assert job.perform(with_changes(settings, copies=targets), tmp_path / "status.json") == 1
    found = job.read_json(tmp_path / "status.json")
    assert "not copied off this host. nas:backups/: `rsync" in found["error"] and "No route to host" in found["error"]
    assert Path(found["archive"]).exists()


def test_rsync_copies_all_that_is_missing_and_removes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = Programs(monkeypatch)
    programs.expect("rsync")
    target = {
        "kind": "rsync",
        "to": "b@nas:x/",
        "port": 2222,
        "ssh_key_file": "/root/my key",
        "known_hosts_file": "/etc/k",
    }
    copies.copy(Path("/var/backups/infisical"), target, Keep())
    assert "--ignore-existing" in programs.commands[0] and "--delete" not in programs.commands[0]
    assert "StrictHostKeyChecking=yes -p 2222 -i '/root/my key' -o UserKnownHostsFile=/etc/k" in programs.commands[0]


def test_restic_gets_its_password_by_environment_and_forgets_as_we_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = Programs(monkeypatch)
    programs.expect("restic unlock")
    programs.expect("restic backup")
    programs.expect("restic forget")
    target = {"kind": "restic", "to": "b2:bucket:omakase", "environment": {"RESTIC_PASSWORD": "canary"}}
    copies.copy(tmp_path, target, Keep(last=2, monthly=9))
    assert programs.environments[0] == {"RESTIC_REPOSITORY": "b2:bucket:omakase", "RESTIC_PASSWORD": "canary"}
    assert "--keep-last=2" in programs.commands[2] and "--keep-monthly=9" in programs.commands[2]
    assert not any("canary" in command for command in programs.commands)


def test_restic_is_given_the_archives_that_an_earlier_run_could_not_bring_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["infisical-20261125T031500Z.tar.age", "infisical-20261124T031500Z.tar.age"]
    for name in (*names, "notes.txt", ".lock"):
        (tmp_path / name).touch()
    programs = Programs(monkeypatch)
    for verb in ("unlock", "backup", "forget"):
        programs.expect(f"restic {verb}")
    copies.copy(tmp_path, {"kind": "restic", "to": "/srv/restic"}, Keep())
    assert programs.commands[1].split()[-2:] == [str(tmp_path / name) for name in names]
    assert "notes.txt" not in programs.commands[1]


@pytest.mark.parametrize("password", ["canary", "canary%40%24w"])
def test_a_password_in_the_address_of_a_copy_is_nowhere_told(
    settings: job.Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    password: str,
) -> None:
    programs = Programs(monkeypatch)
    address = f"rest:https://backup:{password}@nas:8000/"
    said = f'Fatal: unable to open repository at {address}: Get "{address[5:]}config": EOF (canary@$w)'
    programs.expect("restic unlock", failure=said)
    target = {"kind": "restic", "to": address, "environment": {"RESTIC_PASSWORD": "x"}}
    assert job.perform(with_changes(settings, copies=[target]), tmp_path / "status.json") == 1
    assert programs.environments[0]["RESTIC_REPOSITORY"] == address
    found, printed = (tmp_path / "status.json").read_text(), capsys.readouterr()
    assert "rest:https://backup:***@nas:8000/: `restic unlock`" in job.read_json(tmp_path / "status.json")["error"]
    assert "canary" not in found + printed.out + printed.err


def test_a_password_that_restic_would_tell_a_part_of_is_refused_before(monkeypatch: pytest.MonkeyPatch) -> None:
    Programs(monkeypatch)  # none is run
    for password in ("can/ary", "can%ary"):
        target = {"kind": "restic", "to": f"rest:https://backup:{password}@nas/"}
        assert copies.told(target["to"], target) == "rest:https://backup:***@nas/"
        with pytest.raises(BackupError, match="must be percent-encoded"):
            copies.copy(Path("/b"), target, Keep())


def test_telegram_and_a_webhook_are_told_of_a_failure(
    settings: job.Settings, tmp_path: Path, received: tuple[str, list[tuple[str, dict[str, Any]]]]
) -> None:
    url, messages = received
    status = tmp_path / "status.json"
    status.write_text(json.dumps({"state": "failed", "error": "disk full"}))
    notify: dict[str, Any] = {"telegram": {"url": url, "token": TOKEN, "chat_id": "42"}, "webhook": f"{url}/hook"}
    job.tell(with_changes(settings, notify=notify), status, "exit-code")
    (telegram, text), (hook, body) = messages
    assert telegram == f"/bot{TOKEN}/sendMessage" and text["chat_id"] == "42" and "failed: disk full" in text["text"]
    assert hook == "/hook" and body["state"] == "failed" and body["error"] == "disk full"


def test_success_is_told_only_if_asked_for(
    settings: job.Settings, tmp_path: Path, received: tuple[str, list[tuple[str, dict[str, Any]]]]
) -> None:
    url, messages = received
    job.perform(settings, tmp_path / "status.json")
    job.tell(with_changes(settings, notify={"webhook": url}), tmp_path / "status.json", "success")
    assert messages == []
    job.tell(with_changes(settings, notify={"webhook": url, "on_success": True}), tmp_path / "status.json", "success")
    assert "bytes, 5 rows" in messages[0][1]["text"]


def test_a_backup_that_was_killed_is_told_as_failed(settings: job.Settings, tmp_path: Path) -> None:
    status = tmp_path / "status.json"
    status.write_text(json.dumps({"state": "running", "last_success": "yesterday"}))
    job.tell(settings, status, "signal")
    found = job.read_json(status)
    assert (found["state"], found["last_success"]) == ("failed", "yesterday")
    assert "ended from outside (signal)" in found["error"]


def test_a_message_that_is_not_taken_shows_no_token(
    settings: job.Settings, tmp_path: Path, received: tuple[str, list[Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    notify: dict[str, Any] = {
        "telegram": {"url": f"{received[0]}/refuse", "token": TOKEN, "chat_id": "42"},
        "webhook": "nonsense",
    }
    job.tell(with_changes(settings, notify=notify), tmp_path / "status.json", "exit-code")
    said = capsys.readouterr().err
    assert "Telegram took no message: HTTP 500" in said and "The webhook took no message: ValueError" in said
    notify["telegram"]["token"] = f"{TOKEN}\n"  # as a file holds it
    job.tell(with_changes(settings, notify=notify), tmp_path / "status.json", "exit-code")
    after = capsys.readouterr().err
    assert "Telegram took no message: InvalidURL" in after and "The webhook took no message: ValueError" in after
    assert TOKEN not in said + after


def test_a_backup_without_recipient_and_without_plaintext_is_refused_and_told(
    settings: job.Settings, tmp_path: Path
) -> None:
    assert job.perform(with_changes(settings, plaintext=False), tmp_path / "status.json") == 1
    assert "No age recipient is configured" in job.read_json(tmp_path / "status.json")["error"]
    assert not settings.to.exists()


def test_settings_that_cannot_be_read_are_not_shown(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"directory": "secret-canary')
    with pytest.raises(BackupError, match="cannot be read") as error:
        job.Settings.read(config)
    assert "canary" not in str(error.value)
