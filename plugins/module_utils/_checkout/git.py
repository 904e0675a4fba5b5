# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""git, run as the user that owns the checkout, and what its errors mean."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from typing import Any

_ADVICE = {
    "could not read Username": "It asks for a login: give username and password, or an SSH address and a key.",
    "Authentication failed": "It refused the login: may this account read it, and is its token still valid?",
    "Permission denied (publickey": "It refused the key: is its public half a deploy key of the repository?",
    "Host key verification failed": (
        "The server's SSH host key is not known. Give it as a line of known_hosts; `ssh-keyscan HOST` shows it, and the"
        " provider's documentation says whether it is the right one."
    ),
    "Could not resolve host": "Is the address right, and does this host reach it?",
    "unable to access": "Is the address right, and does this host reach it?",
    "index.lock": "Another git is at work in it, or one was killed: then remove that file.",
}


class GitError(Exception):
    """A command of git that failed: what, what git said, and what to do."""

    def __init__(self, verb: str, said: str) -> None:
        self.said = said
        advice = next((text for sign, text in _ADVICE.items() if sign in said), "")
        super().__init__(" ".join(filter(None, [f"git {verb} failed: {' '.join(said.split())}", advice])))


class Git:
    """Runs git in a directory.

    run: AnsibleModule.run_command. user: runs it, if we are root; another user's checkout is refused by git itself.
    """

    def __init__(self, run: Callable[..., Any], directory: str, user: str, variables: Mapping[str, str]) -> None:
        self.run = run
        self.directory = directory
        try:
            self.account = pwd.getpwnam(user)
        except (KeyError, ValueError):
            raise GitError("as user", f"there is no user {user!r} on this host") from None
        self.variables = {**variables, "HOME": self.account.pw_dir}
        self.prefix = ["runuser", "-u", user, "--"] if os.geteuid() == 0 and self.account.pw_uid else []

    def __call__(self, *words: str, fails: str | None = None, anywhere: bool = False) -> str:
        """What git prints, without the newline at its end; `fails` where it fails, else GitError is raised."""
        place = [] if anywhere else ["-C", self.directory]
        command = [*self.prefix, "git", *place, *words]
        code, out, err = self.run(command, environ_update=self.variables, cwd="/")
        if code == 0:
            return str(out).rstrip("\n")
        if fails is not None:
            return fails
        raise GitError(words[0], err)

    def make_directory(self) -> None:
        """The directory and those above it; what is made belongs to the user."""
        missing = []
        path = self.directory
        while not os.path.exists(path):
            missing.append(path)
            path = os.path.dirname(path)
        for path in reversed(missing):
            os.mkdir(path, 0o755)
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
