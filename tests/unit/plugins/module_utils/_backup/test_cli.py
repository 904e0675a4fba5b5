# SPDX-License-Identifier: GPL-3.0-or-later
"""The program as the operator meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import cli, commands
from ansible_collections.omakase.homelab.plugins.module_utils._backup.cli import main

MODULES = Path(__file__).resolve().parents[5] / "plugins/module_utils"


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """What happens at a signal, and the modes of new files, are put back afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    mask = os.umask(0o022)
    yield
    os.umask(mask)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Those that lead to a folder with two archives, of which one was brought back in a drill."""
    config = {"directory": "/opt/infisical", "to": str(tmp_path), "plaintext": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    for day in ("24", "25"):
        (tmp_path / f"infisical-202611{day}T031500Z.tar").touch()
    proven = {"proven": {"infisical-20261124T031500Z.tar": "2026-11-24T09:00:00+00:00"}}
    (tmp_path / "drills.json").write_text(json.dumps(proven))
    return ["--config", str(tmp_path / "config.json"), "--status", str(tmp_path / "status.json")]


def test_the_list_tells_which_archive_was_proven(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "list"]) == 0
    newest, older = capsys.readouterr().out.splitlines()
    assert newest.startswith("2026-11-25T03:15:00+00:00") and newest.endswith("unproven")
    assert older.endswith("infisical-20261124T031500Z.tar  proven 2026-11-24T09:00:00+00:00")


def test_an_archive_is_chosen_without_any_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "infisical-20261125T031500Z.tar").touch()
    assert main(["--config", str(tmp_path / "none.json"), "choose", f"--folder={tmp_path}", "latest"]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/infisical-20261125T031500Z.tar\n"


def test_archives_are_listed_and_chosen_without_a_recipient(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"directory": "/opt/infisical", "to": str(tmp_path)}))
    assert main([*arguments, "list"]) == main([*arguments, "choose", "latest"]) == 0
    assert capsys.readouterr().out.endswith(f"{tmp_path}/infisical-20261125T031500Z.tar\n")


def test_it_cleans_up_when_its_terminal_is_gone_but_not_when_it_is_to_outlive_it(arguments: list[str]) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    main([*arguments, "list"])
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    main([*arguments, "list"])
    signal.raise_signal(signal.SIGHUP)


def test_a_program_that_it_runs_ends_with_it(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM))

    def work(*_: object) -> None:
        timer.start()
        commands.run(["sleep", "60"], stdin="what it never reads" * 10_000)

    monkeypatch.setattr(cli, "archives", work)
    began = time.monotonic()
    try:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "list"])
    finally:
        timer.cancel()
    assert ended.value.code == 128 + signal.SIGTERM and time.monotonic() - began < 30


def test_a_program_that_it_runs_ends_with_it_also_when_it_is_killed(tmp_path: Path) -> None:
    script = f"from _backup import commands; commands.run(['sh', '-c', 'echo $$ >{tmp_path}/pid; exec sleep 60'])"
    process = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(MODULES)})
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
    process.kill()
    process.wait()
    child = Path("/proc") / (tmp_path / "pid").read_text().strip()
    until(lambda: not child.exists() or "Z" in (child / "stat").read_text().rpartition(")")[2])


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_a_backup_lets_everything_else_go_first(arguments: list[str], tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\nnice >{tmp_path}/niceness\nexit 1\n")
    docker.chmod(0o755)
    settings = {"directory": str(tmp_path), "to": str(tmp_path), "plaintext": True}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    env = {**os.environ, "PYTHONPATH": str(MODULES), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run(
        [sys.executable, "-m", "_backup.cli", *arguments, "run"], env=env, capture_output=True, check=False
    )
    assert ran.returncode == 1 and b"docker compose" in ran.stderr
    assert int((tmp_path / "niceness").read_text()) == min(19, os.nice(0) + 19)
