# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files written many at once: what each is to hold, and putting it there whole, private from its first byte."""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._files import dotenv


class PlaceError(Exception):
    """A file that cannot be written: which, and why; never what it was to hold."""


@dataclass(frozen=True)
class Place:
    """A file or directory as it is wanted. Of content, variables and lines a file is given one.

    variables are set in a dotenv file, lines added to a text; what else is there stays.
    adopt: whether a directory that somebody else has becomes the owner's.
    """

    path: str
    owner: str = ""
    group: str = ""
    mode: int = 0o600
    is_directory: bool = False
    adopt: bool = True
    content: str | None = None
    variables: Mapping[str, str] | None = None
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, item: Mapping[str, Any]) -> Place:
        """item: an entry of the option files. Raises PlaceError."""
        try:
            mode = int(item["mode"] or ("0600" if item["state"] == "file" else "0750"), 8)
        except ValueError:
            raise PlaceError(f'The mode of {item["path"]} is not an octal number, such as "0600".') from None
        for option in ("path", "owner", "group"):
            if "\0" in (item[option] or ""):
                raise PlaceError(f"The {option} of {item['path']!r} has a zero byte, which none can have.")
        return cls(
            path=item["path"],
            owner=item["owner"] or "",
            group=item["group"] or "",
            mode=mode,
            is_directory=item["state"] == "directory",
            adopt=item["adopt"],
            content=item["content"],
            variables=item["variables"],
            lines=tuple(item["lines"] or ()),
        )

    def settle(self, write: bool) -> bool:
        """Whether it differs from what is wanted; with write, it does no more. Raises PlaceError."""
        try:
            _holder(self.path)
            return self._settle_directory(write) if self.is_directory else self._settle(write)
        except OSError as error:
            raise PlaceError(f"{self.path}: {error.strerror}.") from None
        except OverflowError as error:
            raise PlaceError(f"{self.path} cannot belong to {self.owner or self.group}: {error}.") from None
        except dotenv.DotenvError as error:
            raise PlaceError(f"{self.path} is not a file of variables: {error}") from None

    def _settle_directory(self, write: bool) -> bool:
        status = os.stat(self.path) if os.path.isdir(self.path) else None
        uid, gid = self._ids(status)
        if status and not self.adopt and status.st_uid != uid:
            raise PlaceError(
                f"{self.path} belongs to {_name(status.st_uid)} and not to {self.owner}, and is not taken from them."
                f" If it is meant for {self.owner}, chown it, or name it in the inventory."
            )
        if status and (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (uid, gid, self.mode):
            return False
        if write:
            if not status:
                os.makedirs(self.path, mode=0o755)
            os.chown(self.path, uid, gid)
            os.chmod(self.path, self.mode)
        return True

    def _settle(self, write: bool) -> bool:
        self._refuse_other_kinds()
        found, status = self._found()
        wanted = self._wanted(found or b"")
        uid, gid = self._ids(status)
        rights = (uid, gid, self.mode)
        if found == wanted and status and (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == rights:
            return False
        if write:
            self._replace(wanted, uid, gid)
        return True

    def _refuse_other_kinds(self) -> None:
        if os.path.isdir(self.path):
            raise PlaceError(
                f"{self.path} is a directory. Docker makes one where a file that it mounts is missing: remove it."
            )
        if os.path.islink(self.path):
            raise PlaceError(f"{self.path} is a symbolic link, and would be replaced. Name the file that it leads to.")

    def _found(self) -> tuple[bytes | None, os.stat_result | None]:
        try:
            with open(self.path, "rb") as file:
                return file.read(), os.fstat(file.fileno())
        except FileNotFoundError:
            return None, None

    def _wanted(self, found: bytes) -> bytes:
        if self.content is not None:
            return self.content.encode(errors="surrogateescape")
        text = found.decode(errors="surrogateescape")
        if self.variables is not None:
            return dotenv.updated(text, self.variables).encode(errors="surrogateescape")
        missing = [line for line in self.lines if line not in text.splitlines()]
        start = "\n" if missing and text and not text.endswith("\n") else ""
        return (text + start + "".join(f"{line}\n" for line in missing)).encode(errors="surrogateescape")

    def _ids(self, status: os.stat_result | None) -> tuple[int, int]:
        """The owner's and the group's number. A new file's group is its owner's first one."""
        uid = _uid(self.path, self.owner) if self.owner else status.st_uid if status else os.geteuid()
        if self.group:
            return uid, _gid(self.path, self.group)
        if status and uid == status.st_uid:
            return uid, status.st_gid
        with contextlib.suppress(KeyError):
            return uid, pwd.getpwuid(uid).pw_gid
        return uid, uid

    def _replace(self, content: bytes, uid: int, gid: int) -> None:
        handle, scratch = tempfile.mkstemp(dir=os.path.dirname(self.path), prefix=f".{os.path.basename(self.path)}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                os.fchown(handle, uid, gid)
                os.fchmod(handle, self.mode)
                file.flush()
                os.fsync(handle)
            os.replace(scratch, self.path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(scratch)
            raise


@dataclass(frozen=True)
class Note:
    """A list of paths, kept in a file from before they are written until somebody has made use of them."""

    path: str | None

    def extended(self, paths: Sequence[str], write: bool) -> list[str]:
        """The paths that it holds, and these; with write it holds them from then on. Raises PlaceError."""
        held = self._held()
        due = list(dict.fromkeys([*held, *paths]))
        if self.path and write and due != held:
            try:
                os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
            except OSError as error:
                raise PlaceError(f"{self.path}: {error.strerror}.") from None
            Place(self.path, content=json.dumps(due)).settle(write=True)
        return due

    def _held(self) -> list[str]:
        """Nothing where there is none, or something else: whoever reads it does too much rather than fail."""
        try:
            with open(self.path or "", encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError):
            return []
        return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []


def _holder(path: str) -> int:
    """Who can put something else in the place of path: the first above it, or itself, that is not root's; root if none.

    Whoever holds a directory, such as a service that mounts it, can lay links there for root to follow.
    Raises PlaceError for a link that leads to what its holder has not.
    """
    parent = os.path.dirname(path)
    holder = _holder(parent) if parent not in ("", path) else 0
    if not os.path.lexists(path):
        return holder
    status = os.lstat(path)
    holder = holder or status.st_uid
    if not stat.S_ISLNK(status.st_mode):
        return holder
    owner = os.stat(path).st_uid
    if holder not in (0, os.geteuid()) and owner not in {holder, status.st_uid} - {0}:
        raise PlaceError(
            f"{path} is a symbolic link in the hands of {_name(holder)}, and leads to what belongs to {_name(owner)}."
            " Remove it, or chown what it leads to."
        )
    target = _holder(os.path.join(parent, os.readlink(path)))
    return holder or target


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _uid(path: str, owner: str) -> int:
    if owner.isdigit():
        return int(owner)
    try:
        return pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise PlaceError(f"{path} is to belong to {owner}, and there is no such user.") from None


def _gid(path: str, group: str) -> int:
    if group.isdigit():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise PlaceError(f"{path} is to belong to the group {group}, and there is no such group.") from None
