# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of files that hold secrets: written, written again, changed, and what is refused."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._files.places import Place

from tests.support.modules import printed_by

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def write(*files: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
    told = {"files": list(files), "_ansible_check_mode": check, "_ansible_diff": True, **options}
    return printed_by("secret_files", told)


def test_a_file_is_private_from_its_first_byte_and_written_once(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    file = {"path": str(path), "content": "password: canary-3d\n"}
    planned = write(file, check=True)
    assert planned["changed_paths"] == [str(path)] and not path.exists()
    result = write(file)
    assert result["changed"] and "canary-3d" not in str(result)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("password: canary-3d\n", 0o600)
    inode = path.stat().st_ino
    assert not write(file)["changed"] and path.stat().st_ino == inode
    assert os.listdir(tmp_path) == ["config.yml"]


def test_only_files_that_differ_are_told(tmp_path: Path) -> None:
    one, two = ({"path": str(tmp_path / name), "content": "x"} for name in ("one", "two"))
    write(one, two)
    assert write(one, {**two, "content": "y"})["changed_paths"] == [two["path"]]
    (tmp_path / "one").chmod(0o644)
    assert write(one, two)["changed"] is True
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o600
    assert write(one, {**two, "content": "y", "mode": "0400"})["changed_paths"] == [two["path"]]


def test_what_a_run_wrote_stays_due_until_somebody_has_made_use_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = ({"path": str(tmp_path / name), "content": "x"} for name in ("one", "two"))
    note = tmp_path / "state" / "due.json"
    assert write(one, check=True, due_path=str(note))["due_paths"] == [one["path"]] and not note.exists()
    with monkeypatch.context() as killed:
        killed.setattr(Place, "_replace", _killed_unless(str(note)))
        with pytest.raises(KeyboardInterrupt):
            write(one, due_path=str(note))
    assert not (tmp_path / "one").exists() and json.loads(note.read_text()) == [one["path"]]
    assert write(one, due_path=str(note))["due_paths"] == [one["path"]]
    result = write(one, two, due_path=str(note))
    assert (result["changed_paths"], result["due_paths"]) == ([two["path"]], [one["path"], two["path"]])
    note.unlink()
    assert write(one, two, due_path=str(note))["due_paths"] == []
    note.write_text("not ours")
    assert write(one, two, due_path=str(note))["due_paths"] == []


def _killed_unless(path: str) -> Any:
    replace = Place._replace

    def killed(place: Place, *given: Any) -> None:
        if place.path != path:
            raise KeyboardInterrupt
        replace(place, *given)

    return killed


def test_what_is_refused_leaves_all_others_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    result = write(
        {"path": str(tmp_path / "one"), "content": "x"}, {"path": str(tmp_path / "directory"), "content": "x"}
    )
    assert result["failed"] and result["changed_paths"] == []
    assert not (tmp_path / "one").exists()


@as_root
def test_the_owner_is_a_name_or_a_number_with_its_own_group(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write({"path": str(path), "content": "", "owner": "4711"})
    assert (path.stat().st_uid, path.stat().st_gid) == (4711, 4711)
    write({"path": str(path), "content": "", "owner": "nobody", "group": "0"})
    assert (path.owner(), path.stat().st_gid) == ("nobody", 0)


def test_variables_are_set_in_a_dotenv_file_and_the_rest_of_it_stays(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("# mine\nKEPT='a b' # why\nexport ADDRESS=old\n\nTOKEN=\"two\nlines\"\nLAST=1")
    file = {"path": str(path), "variables": {"ADDRESS": "https://x", "TOKEN": "it's", "NEW": "n"}}
    assert write(file)["changed"]
    assert path.read_text() == "# mine\nKEPT='a b' # why\nADDRESS=https://x\n\nTOKEN=\"it's\"\nLAST=1\nNEW=n\n"
    assert not write(file)["changed"]


def test_lines_are_added_where_they_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "exclude"
    path.write_text("# git's own\n/.env")
    file = {"path": str(path), "lines": ["/.env", "/users"]}
    assert write(file)["changed"] and path.read_text() == "# git's own\n/.env\n/users\n"
    assert not write(file)["changed"]


def test_a_directory_is_made_and_what_is_in_it_stays(tmp_path: Path) -> None:
    path = tmp_path / "a" / "data"
    directory = {"path": str(path), "state": "directory"}
    assert write(directory, {"path": str(path / "x"), "content": "x"})["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert write({**directory, "mode": "0700"})["changed"] and (path / "x").read_text() == "x"
    assert not write({**directory, "mode": "0700"})["changed"]


@as_root
def test_a_directory_of_somebody_else_is_not_adopted_where_that_is_off(tmp_path: Path) -> None:
    theirs, new = tmp_path / "theirs", tmp_path / "new"
    theirs.mkdir(mode=0o755)
    rights = {"state": "directory", "owner": "4711"}
    refused = write({"path": str(new), **rights}, {"path": str(theirs), "adopt": False, **rights})
    assert (
        f"{theirs} belongs to root and not to 4711" in refused["msg"] and "name it in the inventory" in refused["msg"]
    )
    assert (theirs.stat().st_uid, new.exists()) == (0, False)
    for path in (theirs, new):
        assert write({"path": str(path), **rights})["changed"] and path.stat().st_uid == 4711
        assert not write({"path": str(path), "adopt": False, **rights})["changed"]
    made = tmp_path / "made"
    assert write({"path": str(made), "adopt": False, **rights})["changed"] and made.stat().st_uid == 4711


@as_root
@pytest.mark.parametrize("whose", [4711, 0], ids=["the service's user", "root in the container"])
def test_a_link_that_a_service_has_laid_does_not_lead_root_elsewhere(tmp_path: Path, whose: int) -> None:
    data, system, link = tmp_path / "data", tmp_path / "etc", tmp_path / "data" / "files"
    data.mkdir()
    system.mkdir(mode=0o755)
    (system / "known").write_text("before")
    os.chown(data, 4711, 4711)
    link.symlink_to(system)
    os.chown(link, whose, whose, follow_symlinks=False)
    for place in (
        {"path": str(link), "state": "directory", "owner": "4711"},
        {"path": str(link / "below"), "state": "directory"},
        {"path": str(link / "known"), "content": "canary-3d"},
    ):
        refused = write(place)
        assert f"{link} is a symbolic link in the hands of 4711" in refused["msg"] and not refused["changed"]
    assert (system.stat().st_uid, os.listdir(system), (system / "known").read_text()) == (0, ["known"], "before")


@as_root
def test_links_of_root_and_links_to_one_s_own_are_followed(tmp_path: Path) -> None:
    large, home = tmp_path / "large", tmp_path / "home"
    large.mkdir()
    home.mkdir()
    for path in (large, home):
        os.chown(path, 4711, 4711)
    (tmp_path / "root-s").symlink_to(large)
    (home / "own").symlink_to("../large")
    os.chown(home / "own", 4711, 4711, follow_symlinks=False)
    for name in ("root-s", "home/own"):
        assert write({"path": str(tmp_path / name), "state": "directory", "mode": "0700"}, check=True)["changed"]
        assert write({"path": str(tmp_path / name / name.replace("/", "-")), "content": "x"})["changed"]
    assert sorted(os.listdir(large)) == ["home-own", "root-s"]
    # What root's link leads to is in the hands of its owner all the same.
    (large / "further").symlink_to("/etc")
    assert "in the hands of 4711" in write({"path": f"{tmp_path}/root-s/further/x", "content": "x"}, check=True)["msg"]


def test_a_link_in_a_circle_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("x")
    assert "Too many levels" in write({"path": str(tmp_path / "x" / "y"), "content": ""})["msg"]


@pytest.mark.parametrize(
    ("prepare", "file", "message"),
    [
        (lambda path: path.mkdir(), {"content": "canary-3d"}, "is a directory. Docker makes one"),
        (lambda path: path.symlink_to("/etc/passwd"), {"content": "canary-3d"}, "is a symbolic link"),
        (lambda path: path.write_text("no variable canary-3d"), {"variables": {"A": "b"}}, "line 1 is neither"),
        (lambda path: None, {"content": "canary-3d", "owner": "no-such-user"}, "there is no such user"),
        (lambda path: None, {"content": "canary-3d", "owner": "a\0b"}, "x' has a zero byte"),
        (lambda path: None, {"content": "canary-3d", "path": "/a\0b"}, r"The path of '/a\x00b' has a zero byte"),
        (lambda path: None, {"content": "canary-3d", "mode": "rw"}, "not an octal number"),
        (lambda path: None, {"content": "canary-3d", "variables": {"A": "canary-3d"}}, "mutually exclusive"),
        (lambda path: None, {}, "but any of the following are missing"),
    ],
)
def test_what_cannot_be_written_is_named_and_left(
    tmp_path: Path, prepare: Any, file: dict[str, Any], message: str
) -> None:
    path = tmp_path / "x"
    prepare(path)
    before = path.read_text() if path.is_file() else None
    result = write({"path": str(path), **file})
    assert result["failed"] and message in result["msg"] and "canary-3d" not in str(result)
    assert (path.read_text() if path.is_file() else None) == before


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    assert "none/x: No such file or directory" in write({"path": str(tmp_path / "none" / "x"), "content": ""})["msg"]
