# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The course of kept_checkout: read what is there, decide, let git move it; git itself keeps what is in the way."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.omakase.homelab.plugins.module_utils._checkout.git import Git, GitError

_COMMIT = re.compile(r"[0-9a-f]{40}\Z")


class RefusalError(Exception):
    """Why the checkout stays as it is, in sentences for a person."""


@dataclass(frozen=True)
class Target:
    """What the revision is at the origin: a branch with its newest commit, or a commit alone."""

    commit: str
    branch: str = ""


@dataclass(frozen=True)
class Found:
    """The checkout as it stands.

    head: its commit, empty before the first. branch: empty where the head is detached.
    local: commits of the head, or of the wanted branch, that were never at the origin, as "abc1234 subject".
    edited: tracked files with changes of their own.
    """

    head: str = ""
    branch: str = ""
    local: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)


def plan(found: Found, target: Target, head_holds_target: bool) -> str:
    """What to do: "nothing", "move", or "keep", where somebody's own commits stand on top of what is wanted.

    Raises RefusalError where a move would leave commits behind that are nowhere else.
    """
    if found.head == target.commit and found.branch == target.branch:
        return "nothing"
    if not found.local:
        return "move"
    if head_holds_target and found.branch == target.branch:
        return "keep"
    raise RefusalError(
        f"It has commits that are nowhere else: {'; '.join(found.local)}."
        " Push them, or keep them on a branch of another name and set this one back."
    )


@dataclass
class Checkout:
    """A working copy in directory, whose origin is url. check_mode: asks the origin and writes nothing."""

    git: Git
    url: str
    revision: str
    check_mode: bool

    def run(self) -> dict[str, Any]:
        """The module's result. Raises RefusalError and GitError; then the files are as they were."""
        self._refuse_other_content()
        existed = self._is_checkout()
        if not existed and self.check_mode:
            return {"changed": True, "before": "", "after": self._asked().commit, "kept": []}
        changed_origin = self._set_origin(existed)
        # Before anything is fetched: what the origin had then is nobody's own.
        found = self._found() if existed else Found()
        target = self._target()
        step = plan(found, target, self._holds(found.head, target.commit))
        if step == "move" and not self.check_mode:
            self._move(target)
        after = found.head if step == "keep" else target.commit
        return {
            "changed": step == "move" or changed_origin,
            "before": found.head,
            "after": after,
            "kept": [*(found.local if step == "keep" else []), *found.edited],
            "diff": {"before": _line(found.head), "after": _line(after)},
        }

    def _refuse_other_content(self) -> None:
        if os.path.isdir(self.git.directory) and os.listdir(self.git.directory) and not self._is_checkout():
            raise RefusalError(
                "It holds other files and is not a git checkout. Move them away, or choose another directory."
            )

    def _is_checkout(self) -> bool:
        return os.path.exists(os.path.join(self.git.directory, ".git"))

    def _set_origin(self, existed: bool) -> bool:
        """Whether the origin is, or would be, set. A directory that is killed half-way is finished by the next run."""
        if not existed:
            self.git.make_directory()
            self.git("init", "--quiet")
        present = self.git("config", "--get", "remote.origin.url", fails="") if existed else ""
        if present == self.url:
            return False
        if not self.check_mode:
            self.git("config", "remote.origin.url", self.url)
            self.git("config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")
        return True

    def _found(self) -> Found:
        head = self.git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", fails="")
        if not head:
            return Found()
        mine = {commit for tip in ("HEAD", f"refs/heads/{self.revision}") for commit in self._only_here(tip)}
        status = self.git("status", "--porcelain", "-z", "--untracked-files=no", "--no-renames")
        return Found(
            head=head,
            branch=self.git("symbolic-ref", "--quiet", "--short", "HEAD", fails=""),
            local=sorted(mine),
            edited=[entry[3:] for entry in status.split("\0") if entry],
        )

    def _only_here(self, tip: str) -> list[str]:
        command = ("log", "--max-count=20", "--format=%h %s", tip, "--not", "--remotes", "--tags", "--")
        return self.git(*command, fails="").splitlines()

    def _target(self) -> Target:
        """What the revision is, its commit at hand except in check mode."""
        if _COMMIT.match(self.revision) and self._has(self.revision):
            return Target(self.revision)
        target = self._asked()
        if not self._has(target.commit) and not self.check_mode:
            self.git("fetch", "--quiet", "--tags", "--force", "origin")
            if not target.commit:
                target = Target(self.git("rev-parse", "--verify", "--quiet", f"{self.revision}^{{commit}}", fails=""))
        if not target.commit and not self.check_mode:
            raise RefusalError(f"{self.url} has no branch, tag or commit {self.revision}.")
        return target

    def _asked(self) -> Target:
        """What the origin says, in one request; a commit that is no tip is unknown until it is fetched."""
        names = [f"refs/heads/{self.revision}", f"refs/tags/{self.revision}", f"refs/tags/{self.revision}^{{}}"]
        lines = self.git("ls-remote", self.url, *names, anywhere=True).splitlines()
        found = {name: commit for commit, name in (line.split("\t", 1) for line in lines)}
        if names[0] in found:
            return Target(found[names[0]], self.revision)
        return Target(
            found.get(names[2]) or found.get(names[1]) or (self.revision if _COMMIT.match(self.revision) else "")
        )

    def _has(self, commit: str) -> bool:
        return bool(commit) and self.git("cat-file", "-t", commit, fails="") == "commit"

    def _holds(self, head: str, commit: str) -> bool:
        return (
            bool(head) and self._has(commit) and self.git("merge-base", "--is-ancestor", commit, head, fails="no") == ""
        )

    def _move(self, target: Target) -> None:
        """Without force, and without the right to overwrite what git ignores: .env and rendered files are such."""
        safely = ("checkout", "--quiet", "--no-overwrite-ignore")
        try:
            if target.branch:
                self.git("update-ref", f"refs/remotes/origin/{target.branch}", target.commit)
                self.git(*safely, "-B", target.branch, "--track", f"origin/{target.branch}")
            else:
                self.git(*safely, "--detach", target.commit)
        except GitError as error:
            raise _in_the_way(error) from None


def _in_the_way(error: GitError) -> Exception:
    """git lists the files in its way with a tab before each."""
    files = [line.strip() for line in error.said.splitlines() if line.startswith("\t")]
    if not files:
        return error
    return RefusalError(
        f"The wanted revision would overwrite what was changed or added here: {', '.join(files)}."
        " Commit and push it, or move it away."
    )


def _line(commit: str) -> str:
    return f"{commit}\n" if commit else ""


def environment(params: Mapping[str, Any]) -> dict[str, str]:
    """How git and ssh log in: by their environment, which only this user and root can read, and never by asking."""
    variables = {
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        "GIT_HTTP_LOW_SPEED_LIMIT": "1",
        "GIT_HTTP_LOW_SPEED_TIME": "60",
    }
    if params["password"]:
        variables["KEPT_CHECKOUT_USERNAME"] = params["username"] or "git"
        variables["KEPT_CHECKOUT_PASSWORD"] = params["password"]
        helper = '!f() { echo "username=$KEPT_CHECKOUT_USERNAME"; echo "password=$KEPT_CHECKOUT_PASSWORD"; }; f'
        # The first, empty one drops helpers that would store it. The others are for this server alone: git follows
        # redirects, and another one that asks for a login gets none.
        settings = [("credential.helper", ""), *((f"credential.{place}.helper", helper) for place in _places(params))]
        for number, (key, value) in enumerate(settings):
            variables.update({f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value})
        variables["GIT_CONFIG_COUNT"] = str(len(settings))
    ssh = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    if params["key_file"]:
        ssh += ["-o", "IdentitiesOnly=yes", "-i", params["key_file"]]
    if params["known_hosts_file"]:
        ssh += ["-o", f"UserKnownHostsFile={params['known_hosts_file']}"]
    variables["GIT_SSH_COMMAND"] = " ".join(ssh)
    return variables


def _places(params: Mapping[str, Any]) -> list[str]:
    """Where the login is for: the server of the address, which may insist on TLS."""
    url = urlsplit(params["url"])
    host = url.netloc.rpartition("@")[2]
    return list(dict.fromkeys(f"{scheme}://{host}" for scheme in (url.scheme, "https")))
