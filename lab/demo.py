# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo`: the lab, then the site on it, then what someone does next."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from lab import settings
from lab.shell import say

ROOT = Path(__file__).resolve().parent.parent
_PLAY = re.compile(r"^PLAY \[(.+?)\] \**$")
_SUMMARY = """
What runs now, all of it on this machine
  Proxmox API    https://127.0.0.1:8006     a practice one: its containers are real LXC containers
  Infisical      http://198.18.0.101        container 101: the server (a stand-in with its API), PostgreSQL, Redis
  Omakase        http://198.18.0.100:8000   container 100: PostgreSQL, Redis, a dashboard with a password from Infisical

Look at it
  a shell on Omakase        ssh -i {key} \\
                              -o UserKnownHostsFile={known_hosts} root@198.18.0.100
  its services              … omakase-infisical run -- docker compose ps
  its secrets               … omakase-infisical export
  run the site once more    {python}ansible-playbook site.yml        (changes nothing)

Take it down
  make lab-down             stops everything and removes the containers; the caches stay for the next time
  make clean                removes the caches as well
"""


def main() -> int:
    """Exit status: that of the first step that failed, or 0."""
    started = time.monotonic()
    stages: list[tuple[str, float]] = []
    lab = _timed("The lab", [sys.executable, "-m", "lab", "up"], stages)
    status = lab or _site(stages)
    print("\nHow long each stage took")
    for name, seconds in [*stages, ("all together", time.monotonic() - started)]:
        print(f"  {seconds:7.1f} s  {name}")
    if status:
        print(
            "\nThe demo stopped: the reason is above. Fix it and run `make demo` again; it continues where it stopped."
        )
        return status
    python = _shown(Path(sys.executable).parent)
    print(_SUMMARY.format(key=settings.SSH_KEY, known_hosts=settings.KNOWN_HOSTS, python=python), end="")
    return 0


def _timed(name: str, command: list[str], stages: list[tuple[str, float]]) -> int:
    before = time.monotonic()
    status = subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603
    stages.append((name, time.monotonic() - before))
    return status


def _site(stages: list[tuple[str, float]]) -> int:
    """Run site.yml, each play a stage; every line is shown as it comes, with the time on the line of a play."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "site.yml"]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)  # noqa: S603
    play, before = "", time.monotonic()
    for line in process.stdout or ():
        if (found := _PLAY.match(line)) or line.startswith("PLAY RECAP"):
            if play:
                stages.append((play, time.monotonic() - before))
            play, before = (found[1] if found else ""), time.monotonic()
            if found:
                print()
                say(play)
                continue
        print(line, end="", flush=True)
    return process.wait()


def _shown(folder: Path) -> str:
    """The folder as someone in this checkout would write it."""
    return f"{folder.relative_to(ROOT)}/" if folder.is_relative_to(ROOT) else f"{folder}/"
