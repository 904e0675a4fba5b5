# SPDX-License-Identifier: GPL-3.0-or-later
"""An archive is whole or not there, and every way in which it can be wrong has a name."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
import os
import signal
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._backup import archive, files
from ansible_collections.omakase.homelab.plugins.module_utils._backup.archive import (
    Archive,
    archives,
    choose,
    pack,
    unpack,
)
from ansible_collections.omakase.homelab.plugins.module_utils._backup.commands import BackupError

NAME = "infisical-20261125T031500Z.tar"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An archive of two parts."""
    place = tmp_path / "place"
    (place / "files").mkdir(parents=True)
    (place / "database.dump").write_bytes(os.urandom(70_000))
    (place / "files" / ".env").write_text("ENCRYPTION_KEY=canary\n")
    (place / "files" / ".env").chmod(0o600)
    parts = {str(path.relative_to(place)): files.described(path) for path in files.regular(place)}
    pack(tmp_path / NAME, place, {"format": 1, "parts": parts}, ())
    return tmp_path / NAME


def refused(path: Path, tmp_path: Path, identity: Path | None = None) -> str:
    (tmp_path / "out").mkdir()
    with pytest.raises(BackupError) as error:
        unpack(path, identity, tmp_path / "out")
    return str(error.value)


def rewritten(path: Path, change: Any) -> Path:
    """The archive with its entries changed by name."""
    with tarfile.open(path) as tar:
        entries = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    change(entries)
    with tarfile.open(path, "w") as tar:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_what_was_packed_is_unpacked_with_its_manifest_first(made: Path, tmp_path: Path) -> None:
    with tarfile.open(made) as tar:
        assert tar.getnames() == ["manifest.json", "manifest.sha256", "database.dump", "files/.env"]
    manifest = unpack(made, None, tmp_path / "out")
    assert manifest["parts"]["files/.env"]["mode"] == 0o600
    assert (tmp_path / "out/files/.env").read_text() == "ENCRYPTION_KEY=canary\n"
    assert made.stat().st_mode & 0o777 == 0o600


def test_a_changed_part_is_named(made: Path, tmp_path: Path) -> None:
    path = rewritten(made, lambda entries: entries.update({"database.dump": b"x" * 70_000}))
    assert refused(path, tmp_path) == f"{path} is damaged: database.dump is not what its manifest says"


def test_a_part_that_is_missing_or_was_added_is_named(made: Path, tmp_path: Path) -> None:
    path = rewritten(made, lambda entries: (entries.pop("database.dump"), entries.update({"files/evil": b""})))
    assert "database.dump is not what its manifest says" in refused(path, tmp_path)


def test_a_truncated_archive_is_damaged(made: Path, tmp_path: Path) -> None:
    made.write_bytes(made.read_bytes()[:40_000])
    assert "is damaged" in refused(made, tmp_path)


@pytest.mark.parametrize("position", [0, 300, 700, 40_000])
def test_a_flipped_bit_is_noticed(made: Path, tmp_path: Path, position: int) -> None:
    content = bytearray(made.read_bytes())
    content[position] ^= 1
    made.write_bytes(content)
    assert str(made) in refused(made, tmp_path)


def test_something_else_is_no_backup_of_ours(made: Path, tmp_path: Path) -> None:
    path = rewritten(made, lambda entries: entries.pop("manifest.json"))
    assert refused(path, tmp_path) == f"{path} is not a backup of ours: it has no manifest"


def test_a_newer_format_asks_for_the_program_that_made_it(made: Path, tmp_path: Path) -> None:
    newer = json.dumps({"format": 2, "parts": {}}).encode()
    seal = hashlib.sha256(newer).hexdigest().encode()
    path = rewritten(made, lambda entries: entries.update({"manifest.json": newer, "manifest.sha256": seal}))
    assert "has the format 2 and this program reads 1" in refused(path, tmp_path)


@pytest.mark.parametrize("name", ["../outside", "/outside-of-it", "files/../../outside"])
def test_nothing_is_written_outside(made: Path, tmp_path: Path, name: str) -> None:
    path = rewritten(made, lambda entries: entries.update({name: b"x"}))
    assert "is damaged" in refused(path, tmp_path)
    assert not (tmp_path / "outside").exists()


def test_an_encrypted_archive_asks_for_its_key(tmp_path: Path) -> None:
    path = tmp_path / f"{NAME}.age"
    path.touch()
    assert "is encrypted. Give the file with the age key" in refused(path, tmp_path)


def test_a_failure_half_way_leaves_no_file(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_write_tar", full)
    with pytest.raises(BackupError, match="cannot be written: No space left on device"):
        pack(tmp_path / NAME.replace("25T", "26T"), tmp_path / "place", {"format": 1, "parts": {}}, ())
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, "place"]


def test_archives_are_known_by_their_names_the_newest_first(tmp_path: Path) -> None:
    for name in (
        NAME,
        "infisical-20261126T031500Z.tar.age",
        "infisical-x.tar",
        ".infisical-1.tar",
        "infisical-20261127T031500Z.tgz",
    ):
        (tmp_path / name).touch()
    assert [found.path.name for found in archives(tmp_path)] == ["infisical-20261126T031500Z.tar.age", NAME]
    first = Archive.named(tmp_path / NAME)
    assert first is not None and first.time == datetime.datetime(2026, 11, 25, 3, 15, tzinfo=datetime.timezone.utc)


def test_leftovers_of_a_killed_run_are_removed_and_a_second_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PATIENCE", 0)
    (tmp_path / ".infisical-abc").mkdir()
    (tmp_path / ".infisical-abc" / "database.dump").touch()
    (tmp_path / f".infisical-{NAME}").touch()
    (tmp_path / NAME).touch()
    with files.alone(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", NAME]
        with pytest.raises(BackupError, match="Another run is at work"), files.alone(tmp_path):
            pass


def test_a_run_that_is_about_to_end_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = files.alone(tmp_path)
    first.__enter__()
    monkeypatch.setattr("time.sleep", lambda _seconds: first.__exit__(None, None, None))
    with files.alone(tmp_path):
        assert capsys.readouterr().err == f"infisical-backup: another run is at work in {tmp_path}, and is waited for\n"


def test_a_killed_write_leaves_the_old_file_and_the_next_one_nothing_but_the_new(tmp_path: Path) -> None:
    files.write(tmp_path / "status.json", b"old", 0o644)
    if not (child := os.fork()):
        try:
            Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment,method-assign]
            files.write(tmp_path / "status.json", b"longer than the new one", 0o644)
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert (tmp_path / "status.json").read_bytes() == b"old" and len(list(tmp_path.iterdir())) == 2
    files.write(tmp_path / "status.json", b"new", 0o644)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"status.json": b"new"}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="file cannot be written"), files.alone(tmp_path / "file"):
        pass


def test_an_archive_is_chosen_by_day_moment_path_or_as_the_latest(tmp_path: Path) -> None:
    for stamp in ("20261124T031500Z", "20261125T031500Z", "20261125T120000Z"):
        (tmp_path / f"infisical-{stamp}.tar.age").touch()
    assert choose(tmp_path, "latest").name == "infisical-20261125T120000Z.tar.age"
    assert choose(tmp_path, "2026-11-25").name == "infisical-20261125T120000Z.tar.age"
    assert choose(tmp_path, "2026-11-25T03").name == "infisical-20261125T031500Z.tar.age"
    assert choose(tmp_path, "/mnt/x.tar.age") == Path("/mnt/x.tar.age")
    with pytest.raises(BackupError, match=r"no archive of 2026-11-01\. There are: 2026-11-24, 2026-11-25"):
        choose(tmp_path, "2026-11-01")


def test_where_there_is_no_archive_yet_it_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=r"has no archive\. Make one \(playbooks/backup\.yml\)"):
        choose(tmp_path, "latest")
