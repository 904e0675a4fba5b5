# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an Omakase host has, read in one go: accounts, programs, and the texts of the checkout."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import re
import shutil
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from ansible_collections.omakase.homelab.plugins.module_utils._files import dotenv
from ansible_collections.omakase.homelab.plugins.module_utils._host.reading import answers, engine

# What a person writes; data, pictures and archives are larger.
_LARGEST_TEXT = 256 * 1024
_ALL_TEXTS = 8 * 1024 * 1024
_COMPOSE = ("compose.y*ml", "docker-compose.y*ml", "*compose.override.y*ml")
_SETTINGS = ("COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME")
_CONTAINERS = "/containers/json?all=true&filters=" + quote('{"label":["com.docker.compose.project"]}')
# Where Docker looks for the plugins of its command
_PLUGINS = [
    os.path.expanduser("~/.docker/cli-plugins"),
    "/usr/local/lib/docker/cli-plugins",
    "/usr/local/libexec/docker/cli-plugins",
    "/usr/lib/docker/cli-plugins",
    "/usr/libexec/docker/cli-plugins",
]


def account(name: str, uid: int | None, gid: int | None) -> dict[str, Any]:
    """The user's numbers, None where there is no such user, and who else has the numbers that are wanted."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        found = None
    return {
        "uid": found.pw_uid if found else None,
        "gid": found.pw_gid if found else None,
        "home": found.pw_dir if found else None,
        "uid_owner": _name(pwd.getpwuid, uid),
        "gid_owner": _name(grp.getgrgid, gid),
    }


def _name(find: Any, number: int | None) -> str | None:
    if number is None:
        return None
    try:
        return str(find(number)[0])
    except (KeyError, OverflowError):  # the project may say any number
        return None


def programs() -> dict[str, Any]:
    """Where these programs lie, None where one is missing; the directories of each Compose project that runs, and why
    Docker's engine does not tell them.
    """
    projects: dict[str, set[str]] = {}
    told = engine({"containers": _CONTAINERS})
    for container in told.get("containers", []):
        labels = container["Labels"]
        directory = labels.get("com.docker.compose.project.working_dir", "")
        projects.setdefault(labels["com.docker.compose.project"], set()).add(directory)
    return {
        "compose": shutil.which("docker") and shutil.which("docker-compose", path=os.pathsep.join(_PLUGINS)),
        "infisical": shutil.which("infisical"),
        "git": shutil.which("git"),
        "apt": shutil.which("apt-get"),
        "projects": {name: sorted(directories) for name, directories in projects.items()},
        "engine_problem": told.get("problem", ""),
    }


def environment(path: str) -> dict[str, Any]:
    """The names that an .env sets, the values of Compose's own settings among them, the client id of the identity that
    the host logs in as, and why it cannot be read.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            variables = dotenv.from_dotenv(file.read())
    except FileNotFoundError:
        return {"names": [], "settings": {}, "identity": "", "problem": ""}
    except (OSError, dotenv.DotenvError) as error:
        return {"names": [], "settings": {}, "identity": "", "problem": str(error)}
    settings = {name: variables[name] for name in _SETTINGS if variables.get(name)}
    return {
        "names": [name for name, value in variables.items() if value],
        "settings": settings,
        "identity": variables.get("INFISICAL_CLIENT_ID", ""),
        "problem": "",
    }


def command(path: str) -> dict[str, str]:
    """Which checkout and environment the installed command belongs to; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return {}
    # It was a shell script once.
    found = re.search(r"^(?:cd |DIRECTORY = \")(?P<directory>[^\s\"]+)\"?$", text, re.MULTILINE)
    environment_ = re.search(r"^(?:ENVIRONMENT = \"|exec .*--env=)(?P<name>[^\s\"]+)", text, re.MULTILINE)
    return {
        "directory": found["directory"] if found else "",
        "environment": environment_["name"] if environment_ else "",
    }


def checkout(directory: str, wanted: Iterable[str]) -> dict[str, Any]:
    """The tracked files, and the texts among them that may read a variable, with those wanted besides."""
    is_there = os.path.exists(os.path.join(directory, ".git"))
    tracked = _tracked(directory) if is_there else []
    own = [path for pattern in _COMPOSE for path in glob.glob(os.path.join(glob.escape(directory), pattern))]
    texts: dict[str, str] = {}
    left = _ALL_TEXTS
    asked = list(wanted)
    for path in dict.fromkeys([*asked, *(os.path.relpath(path, directory) for path in own), *tracked]):
        whatever = path in asked or path not in tracked or path.endswith((".yml", ".yaml"))
        text = _text(os.path.join(directory, path), only_if_it_reads=not whatever)
        if text is not None and len(text) <= left:
            texts[path] = text
            left -= len(text)
    return {"exists": is_there, "tracked": tracked, "texts": texts}


def _tracked(directory: str) -> list[str]:
    """As the owner: another user's checkout is refused by git."""
    owner = os.stat(directory).st_uid
    try:
        prefix = ["runuser", "-u", pwd.getpwuid(owner).pw_name, "--"] if os.geteuid() == 0 and owner else []
    except KeyError:
        return []
    command = [*prefix, "git", "-C", directory, "ls-files", "-z"]
    answer = answers({"tracked": command})["tracked"]
    return [path for path in answer["stdout"].split("\0") if path] if answer["rc"] == 0 else []


def _text(path: str, only_if_it_reads: bool) -> str | None:
    """None for what is no file of the checkout, no text, or no concern of ours."""
    try:
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > _LARGEST_TEXT:
            return None
        with open(path, "rb") as file:
            text = file.read().decode()
    except (OSError, UnicodeDecodeError):
        return None
    return None if only_if_it_reads and "${" not in text and "{{" not in text else text
