# SPDX-License-Identifier: GPL-3.0-or-later
"""The story of a checkout, with real git: made, moved, and left alone where somebody has worked in it."""

from __future__ import annotations

import base64
import functools
import getpass
import http.server
import subprocess
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._checkout.checkout import environment

from tests.support.modules import printed_by

IDENTITY = {"GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t"}


class Repository:
    """A repository and a checkout of it."""

    def __init__(self, root: Path) -> None:
        self.origin = root / "origin"
        self.directory = root / "home" / "checkout"
        self.origin.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit({"compose.yml": "one\n", "README": "one\n", ".gitignore": "data/\n"})

    def git(self, *words: str, where: Path | None = None) -> str:
        command = ["git", "-C", str(where or self.origin), *words]
        environ = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **IDENTITY}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environ).stdout.strip()

    def commit(self, files: dict[str, str], where: Path | None = None) -> str:
        for name, text in files.items():
            path = (where or self.origin) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all", "--force", where=where)
        self.git("commit", "--quiet", "--message", f"change {', '.join(files)}", where=where)
        return self.git("rev-parse", "HEAD", where=where)

    def check_out(self, revision: str = "main", **changes: Any) -> dict[str, Any]:
        given = {"url": str(self.origin), "directory": str(self.directory), "revision": revision}
        return printed_by("kept_checkout", {**given, "user": getpass.getuser(), **changes})

    def refused(self, revision: str = "main") -> str:
        before = self.git("rev-parse", "HEAD", where=self.directory)
        result = self.check_out(revision)
        assert result["failed"], result
        assert self.git("rev-parse", "HEAD", where=self.directory) == before
        return str(result["msg"])

    def text(self, name: str) -> str:
        return (self.directory / name).read_text()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    found = Repository(tmp_path)
    assert found.check_out()["changed"]
    return found


def test_a_checkout_is_made_once_and_follows_its_branch(repository: Repository) -> None:
    assert repository.text("compose.yml") == "one\n"
    assert not repository.check_out()["changed"]
    newest = repository.commit({"compose.yml": "two\n"})
    plan = repository.check_out(_ansible_check_mode=True)
    assert plan["changed"] and plan["after"] == newest and repository.text("compose.yml") == "one\n"
    assert repository.check_out()["after"] == newest
    assert repository.text("compose.yml") == "two\n"
    assert repository.git("status", "--short", "--branch", where=repository.directory) == "## main...origin/main"


def test_a_plan_makes_nothing(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    assert repository.check_out(_ansible_check_mode=True)["changed"]
    assert not repository.directory.exists()


def test_a_tag_a_commit_and_a_branch_are_found(repository: Repository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "--annotate", "--message=v1", "v1")
    repository.commit({"compose.yml": "two\n"})
    for revision in ("v1", first, first[:9]):
        result = repository.check_out(revision)
        assert (result["after"], repository.text("compose.yml")) == (first, "one\n"), revision
        assert not repository.check_out(revision)["changed"]
        assert repository.check_out("main")["changed"]
    assert f"{repository.origin} has no branch, tag or commit nowhere." in repository.refused("nowhere")


def test_an_origin_that_rewrote_its_history_is_followed(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.commit({"compose.yml": "rewritten\n"})
    repository.git("branch", "--move", "--force", "fresh", "main")
    assert repository.check_out()["changed"]
    assert repository.text("compose.yml") == "rewritten\n"
    assert not repository.check_out()["changed"]


def test_another_address_of_the_origin_is_taken_over(repository: Repository, tmp_path: Path) -> None:
    repository.origin.rename(tmp_path / "moved")
    repository.origin = tmp_path / "moved"
    assert repository.check_out()["changed"]
    assert not repository.check_out()["changed"]


def test_commits_that_are_nowhere_else_are_named_and_kept(repository: Repository) -> None:
    repository.commit({"compose.yml": "mine\n"}, where=repository.directory)
    kept = repository.check_out()
    assert not kept["changed"] and kept["kept"][0].endswith("change compose.yml")
    repository.commit({"README": "theirs\n"})
    assert "commits that are nowhere else" in (said := repository.refused()) and "change compose.yml" in said
    repository.git("tag", "v1")
    assert "change compose.yml" in repository.refused("v1")
    assert repository.text("compose.yml") == "mine\n"


def test_commits_on_a_branch_that_is_not_checked_out_are_kept_too(repository: Repository) -> None:
    repository.commit({"compose.yml": "mine\n"}, where=repository.directory)
    repository.git("checkout", "--quiet", "--detach", "HEAD~", where=repository.directory)
    assert "change compose.yml" in repository.refused()


def test_a_changed_file_in_the_way_is_named_and_another_one_is_kept(repository: Repository) -> None:
    (repository.directory / "README").write_text("mine\n")
    repository.commit({"compose.yml": "two\n"})
    result = repository.check_out()
    assert result["changed"] and result["kept"] == ["README"]
    assert (repository.text("compose.yml"), repository.text("README")) == ("two\n", "mine\n")
    repository.commit({"README": "theirs\n"})
    assert "would overwrite what was changed or added here: README." in repository.refused()
    assert repository.text("README") == "mine\n"


@pytest.mark.parametrize("ignored", [False, True], ids=["unknown to git", "ignored by git"])
def test_a_file_beside_git_that_is_in_the_way_is_named_and_kept(repository: Repository, ignored: bool) -> None:
    if ignored:
        (repository.directory / ".git/info/exclude").write_text("/.env\n")
    (repository.directory / ".env").write_text("PASSWORD=mine\n")
    repository.commit({".env": "theirs\n"})
    said = repository.refused()
    assert "would overwrite what was changed or added here: .env." in said and "PASSWORD" not in said
    assert repository.text(".env") == "PASSWORD=mine\n"


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.directory.mkdir(parents=True)
    (repository.directory / "photo").write_text("mine\n")
    assert "holds other files and is not a git checkout" in repository.check_out()["msg"]
    assert [path.name for path in repository.directory.iterdir()] == ["photo"]


def test_a_checkout_that_was_killed_half_way_is_finished(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.directory.mkdir(parents=True)
    repository.git("init", "--quiet", where=repository.directory)
    assert repository.check_out()["changed"]
    assert repository.text("compose.yml") == "one\n"


def test_an_origin_that_does_not_answer_is_named_with_advice(repository: Repository) -> None:
    repository.commit({"compose.yml": "two\n"})
    result = repository.check_out(url="http://127.0.0.1:9/omakase.git")
    assert result["failed"] and "Is the address right" in result["msg"]


class _Private(http.server.SimpleHTTPRequestHandler):
    """Files of a directory for whoever knows the password."""

    wanted = "Basic " + base64.b64encode(b"me:canary-1f").decode()

    def send_head(self) -> Any:
        if self.headers.get("Authorization") == self.wanted:
            return super().send_head()
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()
        return None

    def log_message(self, *_arguments: Any) -> None:
        pass


def test_a_private_repository_is_read_with_a_password_that_stays_nowhere(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.git("update-server-info")
    handler = functools.partial(_Private, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/origin/.git"
        assert "It asks for a login" in repository.check_out(url=url)["msg"]
        assert "It refused the login" in repository.check_out(url=url, username="me", password="wrong")["msg"]
        result = repository.check_out(url=url, username="me", password="canary-1f")
        server.shutdown()
    assert result["changed"] and repository.text("compose.yml") == "one\n"
    kept = [path for path in repository.directory.rglob("*") if path.is_file() and b"canary-1f" in path.read_bytes()]
    assert kept == [] and "canary-1f" not in str(result)


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    """Sends everybody to another server."""

    there = ""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.there + self.path)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


class _Curious(_Private):
    """Asks for a login, and remembers what it is given."""

    given: ClassVar[list[str]] = []

    def send_head(self) -> Any:
        self.given.append(self.headers.get("Authorization", ""))
        return super().send_head()


def test_the_password_does_not_follow_a_redirect(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.git("update-server-info")
    curious = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Curious, directory=str(tmp_path)))
    with curious, http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        _Elsewhere.there = f"http://127.0.0.1:{curious.server_address[1]}"
        for each in (curious, server):
            threading.Thread(target=each.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/origin/.git"
        assert repository.check_out(url=url, username="me", password="canary-1f")["failed"]
        for each in (curious, server):
            each.shutdown()
    assert _Curious.given and not any(_Curious.given)


def test_a_password_is_in_the_environment_of_git_alone() -> None:
    given = {"url": "https://git.example/x", "key_file": None, "known_hosts_file": None}
    variables = environment({**given, "username": "me", "password": "canary-1f"})
    assert [name for name, value in variables.items() if "canary-1f" in value] == ["KEPT_CHECKOUT_PASSWORD"]


def test_ssh_never_asks_and_never_trusts_an_unknown_host() -> None:
    given = {"username": "", "password": "", "key_file": "/k", "known_hosts_file": "/h"}
    command = environment(given)["GIT_SSH_COMMAND"]
    assert command == (
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes -i /k -o UserKnownHostsFile=/h"
    )
