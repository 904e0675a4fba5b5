# SPDX-License-Identifier: GPL-3.0-or-later
"""What host_info reads of a host in one step."""

from __future__ import annotations

import base64
import hashlib
import os
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._host import reading

from tests.support.modules import printed_by

DEBIAN = """\
PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION_CODENAME=trixie
ID=debian
HOME_URL="https://www.debian.org/
"""


def asked(**given: Any) -> dict[str, Any]:
    return printed_by("host_info", {"_ansible_check_mode": True, **given})


def test_each_program_answers_under_its_name_and_a_missing_one_is_no_failure() -> None:
    found = asked(
        commands={
            "said": ["printf", "one\\ntwo\\n\\n"],
            "refused": ["sh", "-c", "echo no >&2; exit 3"],
            "missing": ["/nonexistent/program"],
        }
    )
    assert found["commands"] == {
        "said": {"rc": 0, "stdout": "one\ntwo", "stderr": ""},
        "refused": {"rc": 3, "stdout": "", "stderr": "no"},
        "missing": {"rc": 127, "stdout": "", "stderr": "/nonexistent/program: No such file or directory"},
    }


def test_programs_run_at_the_same_time_and_speak_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setattr(reading, "_PATIENCE", 5)
    os.mkfifo(pipe := tmp_path / "pipe")
    # The first two can only end together.
    commands = {"reads": ["cat", str(pipe)], "writes": ["sh", "-c", f"echo met >{pipe}"]}
    found = reading.answers({**commands, "locale": ["printenv", "LC_ALL"]})
    assert found["reads"]["stdout"] == "met"
    assert found["locale"]["stdout"] == "C"


def test_a_program_that_says_nothing_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PATIENCE", 0.2)
    began = time.monotonic()
    said = reading.answers({**{str(n): ["sleep", "60"] for n in range(3)}, "echo": ["echo", "here"]})
    assert [said[str(n)]["rc"] for n in range(3)] == [124] * 3 and said["echo"]["stdout"] == "here"
    assert time.monotonic() - began < 30


def test_files_have_their_content_and_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    kept, program, missing = tmp_path / "kept", tmp_path / "program", tmp_path / "missing"
    kept.write_bytes(b"caf\xe9\n")
    kept.chmod(0o600)
    program.write_text("long")
    found = asked(files=[str(kept), str(tmp_path), str(missing)], checksums=[str(program)])["files"]
    assert set(found) == {str(kept), str(tmp_path), str(program)}
    assert base64.b64decode(found[str(kept)]["content"]) == b"caf\xe9\n"
    assert (found[str(kept)]["type"], found[str(kept)]["mode"]) == ("file", "0600")
    assert found[str(kept)]["owner"] == tmp_path.owner() and found[str(kept)]["group"] == tmp_path.group()
    assert found[str(program)]["sha256"] == hashlib.sha256(b"long").hexdigest()
    assert "content" not in found[str(program)]
    assert found[str(tmp_path)]["type"] == "directory" and "content" not in found[str(tmp_path)]


def test_the_system_is_that_of_os_release_and_the_container_what_systemd_says(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(DEBIAN)
    (tmp_path / "run/systemd").mkdir(parents=True)
    (tmp_path / "run/systemd/container").write_text("lxc\n")
    found = reading.system(str(tmp_path))
    assert (found["id"], found["like"], found["release"], found["version"]) == ("debian", [], "trixie", "13")
    assert (found["name"], found["container"]) == ("Debian GNU/Linux 13 (trixie)", "lxc")


def test_a_system_without_os_release_is_an_unknown_one(tmp_path: Path) -> None:
    found = reading.system(str(tmp_path))
    assert (found["id"], found["like"], found["name"]) == ("", [], "an unknown system")


class Engine(BaseHTTPRequestHandler):
    """Docker's engine, as much of it as is asked."""

    def do_GET(self) -> None:
        known = {"/info": (200, b'{"ServerVersion": "29.1.0"}')}
        status, body = known.get(self.path, (404, b'{"message": "page not found"}'))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The path of the engine's socket."""
    path = str(tmp_path / "docker.sock")
    monkeypatch.setattr(reading, "_ENGINE", path)
    with socketserver.UnixStreamServer(path, Engine) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield path
        server.shutdown()
        thread.join()


def test_docker_s_engine_is_asked_at_its_socket(engine: str) -> None:
    assert asked(engine={"info": "/info"})["engine"] == {"info": {"ServerVersion": "29.1.0"}}
    assert asked(engine={"info": "/info", "gone": "/gone"})["engine"] == {"problem": f"{engine}: page not found"}
    assert asked()["engine"] == {}


def test_an_engine_that_does_not_answer_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_ENGINE", str(tmp_path / "none"))
    found = asked(engine={"info": "/info"})["engine"]
    assert found == {"problem": f"{tmp_path}/none: No such file or directory"}


def test_an_asterisk_stands_for_all_that_it_matches(tmp_path: Path) -> None:
    for name in ("b.list", "a.list", "a.save"):
        (tmp_path / name).write_text(name)
    assert list(asked(files=[f"{tmp_path}/*.list"])["files"]) == [f"{tmp_path}/a.list", f"{tmp_path}/b.list"]
    assert asked(files=[f"{tmp_path}/none/*"])["files"] == {}
