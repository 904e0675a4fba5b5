# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read of a host in one go: its system, what programs answer, and files."""

from __future__ import annotations

import base64
import glob
import grp
import hashlib
import http.client
import json
import os
import platform
import pwd
import shlex
import socket
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

# Seconds; an engine that hangs must not hold the run for ever.
_PATIENCE = 60
_LAST_MOMENT = 0.5  # for one that has ended long since, and is still to be read
_NOT_FOUND, _TOO_LATE = 127, 124  # as a shell and timeout(1) say it
_ENGINE = "/run/docker.sock"


def answers(commands: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """What each program says, by the command's name: rc, stdout, stderr. They all run at once."""
    return collected(started(commands))


def started(commands: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Programs that run while something else is done, for collected()."""
    return {name: _started(command) for name, command in commands.items()}


def collected(running: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What they say; all of them together are waited for as long as a single one."""
    end = time.monotonic() + _PATIENCE
    return {name: _answer(process, end) for name, process in running.items()}


def _started(command: Sequence[str]) -> Any:
    """The process, or why there is none."""
    try:
        return subprocess.Popen(  # noqa: S603 - what our callers ask
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        return f"{command[0]}: {error.strerror}"


def _answer(process: Any, end: float) -> dict[str, Any]:
    if isinstance(process, str):
        return {"rc": _NOT_FOUND, "stdout": "", "stderr": process}
    try:
        said, complained = process.communicate(timeout=max(_LAST_MOMENT, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"rc": _TOO_LATE, "stdout": "", "stderr": f"no answer within {_PATIENCE} seconds"}
    return {"rc": process.returncode, "stdout": _text(said), "stderr": _text(complained)}


def _text(said: bytes) -> str:
    return said.decode(errors="replace").rstrip("\r\n")


def packages(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Those of the packages that dpkg has installed, by name: version, and whether they are held at it."""
    form = "${Package} ${Version} ${db:Status-Want} ${db:Status-Status}\\n"
    said = answers({"dpkg": ["dpkg-query", "--show", "--showformat", form, *names]})["dpkg"]["stdout"] if names else ""
    known = [line.split() for line in said.splitlines() if line.endswith(" installed")]
    return {name: {"version": version, "held": want == "hold"} for name, version, want, _status in known}


class _Engine(http.client.HTTPConnection):
    """Docker's engine at its socket: the docker command takes ten times as long to ask it the same."""

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(_ENGINE)


def engine(paths: Mapping[str, str]) -> dict[str, Any]:
    """What Docker's engine has at these paths of its API, by name; where it does not answer, the `problem` alone."""
    found = {}
    for name, path in paths.items():
        connection = _Engine("docker", timeout=_PATIENCE)
        try:
            connection.request("GET", str(path))
            answer = connection.getresponse()
            said = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            return {"problem": f"{_ENGINE}: {getattr(error, 'strerror', None) or error}"}
        finally:
            connection.close()
        if answer.status != http.client.OK:
            return {"problem": f"{_ENGINE}: {said.get('message', answer.status)}"}
        found[name] = said
    return found


def files(paths: Sequence[str], contents: bool) -> dict[str, dict[str, Any]]:
    """By path, of those that may be read: type, mode, owner, group; of a file sha256, and if wanted its content.

    A path with an asterisk stands for all that it matches.
    """
    found = {}
    for path in [one for given in paths for one in (sorted(glob.glob(given)) if "*" in given else [given])]:
        try:
            found[path] = _file(path, contents)
        except (OSError, ValueError):  # a path with a zero byte
            continue
    return found


def _file(path: str, content: bool) -> dict[str, Any]:
    about = os.stat(path)
    described: dict[str, Any] = {
        "type": "directory" if stat.S_ISDIR(about.st_mode) else "file" if stat.S_ISREG(about.st_mode) else "other",
        "mode": f"{stat.S_IMODE(about.st_mode):04o}",
        "owner": _name(pwd.getpwuid, about.st_uid),
        "group": _name(grp.getgrgid, about.st_gid),
    }
    if described["type"] == "file":
        with open(path, "rb") as file:
            data = file.read()
        described["sha256"] = hashlib.sha256(data).hexdigest()
        if content:
            described["content"] = base64.b64encode(data).decode()
    return described


def _name(find: Any, number: int) -> str:
    """The name of an account; its number where it has none."""
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)


def system(root: str = "/") -> dict[str, Any]:
    """What runs here, by os-release(5), and which container it is in ("lxc", "docker", ...; empty for none)."""
    release = _assignments(_read(root, "etc/os-release") or _read(root, "usr/lib/os-release"))
    return {
        "id": release.get("ID", ""),
        "like": release.get("ID_LIKE", "").split(),
        "name": release.get("PRETTY_NAME", "an unknown system"),
        "release": release.get("VERSION_CODENAME", ""),
        "version": release.get("VERSION_ID", ""),
        "architecture": platform.machine(),
        "container": _read(root, "run/systemd/container"),
    }


def _read(root: str, path: str) -> str:
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _assignments(text: str) -> dict[str, str]:
    """A file of shell assignments; a line that is none is passed over."""
    found = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        try:
            words = shlex.split(value)
        except ValueError:
            continue
        if sign and len(words) == 1 and not name.startswith("#"):
            found[name] = words[0]
    return found
