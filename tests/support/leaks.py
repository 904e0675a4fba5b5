# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a secret may never be: command lines while something runs, and afterwards what others of a machine may read."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from lab import lxc

_PAUSE = 0.03  # seconds between two looks; what lives shorter may be missed
_YOUNG = 10  # looks at a new process: a shell becomes another program by exec
_ALL_AGAIN = 30  # looks after which the old ones are looked at as well
_LARGEST = 32 * 2**20
# Where root's own files count too: nothing may be left there.
_LEFTOVERS = ("tmp/", "var/tmp/", "root/.ansible/tmp/")
# For the moment of a health check Docker's runtime keeps its environment there, for root alone.
_RUNTIME = ("tmp/runc-process",)
# Looked into though others do not get there, for what is left and for the histories of shells
_OWN = ("tmp", "var/tmp", "root", "home")
_ELSEWHERE = ("proc", "sys", "dev", "usr", "boot", "var/lib/apt", "var/lib/dpkg", "var/cache")


def forms(value: str) -> set[bytes]:
    """How a value may stand in a text: as it is, in JSON, in an address, and within something in Base64."""
    raw = value.encode()
    found = {raw, json.dumps(value)[1:-1].encode(), quote(value, safe="").encode()}
    for before in range(3):  # Base64 takes three bytes at a time: what is before it decides how it looks.
        encoded = base64.b64encode(b"\0" * before + raw)
        found.add(encoded[-(before * -8 // 6) : (before + len(raw)) * 8 // 6])
    return found


def holding(secrets: Mapping[str, str], text: bytes) -> list[str]:
    """The names of the secrets that a text holds, in whatever form."""
    return [name for name, value in secrets.items() if any(form in text for form in forms(value))]


class CommandLines:
    """Command lines of all processes, of the lab's containers too, which run on this machine: as `ps` shows them."""

    def __init__(self) -> None:
        self.found: set[bytes] = set()
        self.looks = 0

    @contextmanager
    def sampled(self) -> Iterator[None]:
        over = threading.Event()
        thread = threading.Thread(target=self._look, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def holding(self, secrets: Mapping[str, str]) -> list[str]:
        """The names of the secrets that stood on one."""
        return holding(secrets, b"\n".join(self.found))

    def _look(self, over: threading.Event) -> None:
        ages: dict[str, int] = {}
        while not over.wait(_PAUSE):
            self.looks += 1
            now = [name for name in os.listdir("/proc") if name.isdigit()]
            ages = {name: ages.get(name, 0) + 1 for name in now}
            for name, age in ages.items():
                if age <= _YOUNG or self.looks % _ALL_AGAIN == 0:
                    with suppress(OSError):
                        self.found.add(Path("/proc", name, "cmdline").read_bytes())


def lying_about(machine: str, secrets: Mapping[str, str], since: float) -> list[str]:
    """Where in a machine of the lab a secret can be read by others, or was left behind: "NAME in PLACE".

    Looked at: its journal, the histories of its shells, temporary directories, and every file that was written since
    then (seconds of the epoch) and that any user may read.
    """
    root = Path(f"/proc/{lxc.init_pid(machine)}/root")
    journal = lxc.attach(machine, ["journalctl", "--quiet", "--no-pager", "--output=cat"]).encode()
    texts = [("the journal", journal)]
    texts += [(str(path.relative_to(root)), path.read_bytes()) for path in _files(root, since)]
    return [f"{name} in {place}" for place, text in texts for name in holding(secrets, text)]


def _files(root: Path, since: float, place: str = "", reached: bool = True) -> Iterator[Path]:
    """The files that count; reached: whether others get into the directory at this place."""
    with suppress(OSError):  # it is gone meanwhile
        for entry in sorted(os.scandir(root / place), key=lambda found: found.name):
            inner = f"{place}/{entry.name}".lstrip("/")
            about = entry.stat(follow_symlinks=False)
            if entry.is_dir(follow_symlinks=False):
                goes_on = reached and bool(about.st_mode & stat.S_IXOTH)
                if inner not in _ELSEWHERE and (goes_on or inner.startswith(_OWN)):
                    yield from _files(root, since, inner, goes_on)
            elif entry.is_file(follow_symlinks=False) and about.st_mtime >= since and about.st_size <= _LARGEST:
                left = (inner.startswith(_LEFTOVERS) and not inner.startswith(_RUNTIME)) or inner.endswith("_history")
                if left or (reached and about.st_mode & stat.S_IROTH):
                    yield root / inner
