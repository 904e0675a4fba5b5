# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs and background processes of the lab, on real processes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import settings
from lab.daemons import Daemon
from lab.shell import CommandError, LabError, run, wait_for, write

TICKING = "import sys, time\nopen(sys.argv[1], 'w').close()\nwhile True: time.sleep(1)"


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Daemon]:
    """A process that is ready once its file is there."""
    monkeypatch.setattr(settings, "STATE", tmp_path)
    monkeypatch.setattr(settings, "LOGS", tmp_path / "log")
    ready = tmp_path / "ready"
    ticking = Daemon("ticking", [sys.executable, "-c", TICKING, str(ready)], ready.exists)
    yield ticking
    ticking.stop()


def note(daemon: Daemon) -> Path:
    """Where the lab wrote which process it is."""
    return settings.STATE / "run" / f"{daemon.name}.json"


def test_a_process_is_started_once_and_ends_when_told(daemon: Daemon) -> None:
    daemon.start()
    first = daemon.pid()
    daemon.start()
    assert daemon.is_up()
    assert daemon.pid() == first
    daemon.stop()
    assert daemon.pid() is None
    assert not note(daemon).exists()


def test_another_version_replaces_the_process(daemon: Daemon) -> None:
    daemon.start()
    newer = Daemon(daemon.name, daemon.command, daemon.is_ready, version="2")
    first = daemon.pid()
    newer.start()
    assert newer.pid() not in (None, first)


def test_a_note_about_a_number_that_somebody_else_has_now_is_not_believed(daemon: Daemon) -> None:
    write(note(daemon), json.dumps({"pid": os.getpid(), "started": 1, "version": ""}))
    assert daemon.pid() is None
    daemon.stop()  # and we are still here


def test_a_twin_that_a_killed_run_did_not_write_down_is_ended(daemon: Daemon) -> None:
    daemon.start()
    twin = daemon.pid()
    note(daemon).unlink()
    daemon.start()
    assert daemon.pid() not in (None, twin)
    assert wait_for(lambda: not Path(f"/proc/{twin}/fd").exists() or _is_zombie(twin), 5)


def _is_zombie(pid: int | None) -> bool:
    return ") Z " in Path(f"/proc/{pid}/stat").read_text()


def test_a_process_that_dies_at_once_is_reported_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "STATE", tmp_path)
    monkeypatch.setattr(settings, "LOGS", tmp_path / "log")
    dying = Daemon("dying", [sys.executable, "-c", "raise SystemExit('no port for me')"], lambda: False)
    with pytest.raises(LabError, match="no port for me"):
        dying.start()


def test_a_failed_program_is_reported_with_its_status_and_words() -> None:
    with pytest.raises(CommandError, match=r"(?s)status 3.*what was wrong") as problem:
        run(["sh", "-c", "echo what was wrong >&2; exit 3"])
    assert problem.value.status == 3


def test_a_missing_program_and_one_that_hangs_are_reported() -> None:
    with pytest.raises(LabError, match="not installed"):
        run(["omklab-no-such-program"])
    with pytest.raises(LabError, match="did not end"):
        run(["sh", "-c", "while :; do read -r _ </dev/zero || :; done"], limit=0.2)


def test_a_file_is_written_whole_with_its_mode_and_only_when_it_differs(tmp_path: Path) -> None:
    path = tmp_path / "below" / "secret"
    assert write(path, "one", mode=0o600)
    assert not write(path, "one", mode=0o600)
    assert write(path, "two", mode=0o600)
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["secret"]
