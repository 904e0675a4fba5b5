# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a file of secrets: written, written again, changed, and never readable by others."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.modules import printed_by

CANARY = "KEY=canary-of-the-private-file\n"


def written(path: Path, content: str = CANARY, **given: Any) -> dict[str, Any]:
    arguments = {"_ansible_diff": True, **given}
    result = printed_by("private_file", {"path": str(path), "content": content, **arguments})
    assert "canary" not in str(result)
    return result


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_written_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "env"
    result = written(path)
    assert result["changed"] and result["checksum"] == hashlib.sha256(CANARY.encode()).hexdigest()
    assert path.read_text() == CANARY and mode(path) == 0o600
    assert not written(path)["changed"]
    assert os.listdir(tmp_path) == ["env"]


def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text(CANARY)
    path.chmod(0o644)
    assert written(path)["changed"] and mode(path) == 0o600


def test_it_is_closed_from_the_first_moment_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fdopen = os.fdopen

    def watched(handle: int, *given: Any, **more: Any) -> Any:
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))
        return fdopen(handle, *given, **more)

    monkeypatch.setattr(os, "fdopen", watched)
    before = os.umask(0)
    try:
        written(tmp_path / "env")
    finally:
        os.umask(before)
    assert seen == [0o600]


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "env"
    assert written(path, _ansible_check_mode=True)["changed"] and not path.exists()
    path.write_text("KEY=older\n")
    assert written(path, _ansible_check_mode=True)["changed"] and path.read_text() == "KEY=older\n"


def test_another_mode_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "env"
    written(path, mode="0640")
    assert mode(path) == 0o640


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    result = written(tmp_path / "none" / "env")
    assert result["failed"] and "cannot be written: No such file or directory" in result["msg"]


def test_what_somebody_else_wrote_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "env"
    written(path, replaces="")
    older = hashlib.sha256(b"KEY=older\n").hexdigest()
    for replaces in ("", older):
        result = written(path, "KEY=canary-of-another-run\n", replaces=replaces)
        assert result["failed"] and f"{path} was written by somebody else since it was read" in result["msg"]
    assert path.read_text() == CANARY
    assert not written(path, replaces=older)["changed"]
    assert written(path, "KEY=newer\n", replaces=hashlib.sha256(CANARY.encode()).hexdigest())["changed"]
