# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's real hosts, and the site's playbooks run against them as a user would."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

ROOT = Path(__file__).resolve().parents[2]
STATE = Path("/var/lib/omakase-lab")
ADDRESSES = {"infisical": "198.18.0.101", "omakase": "198.18.0.100", "existing": "198.18.0.110"}
RECAP = re.compile(
    r"^(?P<host>\S+)\s+: ok=(?P<ok>\d+)\s+changed=(?P<changed>\d+)"
    r"\s+unreachable=(?P<unreachable>\d+)\s+failed=(?P<failed>\d+)",
    re.M,
)

# Given to the site and looked for in everything that it prints
CANARIES = {
    "omakase_secrets": {
        "DOMAINNAME": "homelab.test",
        "TRAEFIK_DOMAIN": "traefik.homelab.test",
        "TZ": "Europe/Rome",
        "B2_ACCOUNT_ID": "canary-b2-id-77c1",
        "B2_ACCOUNT_KEY": "canary-b2-key-91ff",
        "RESTIC_REPOSITORY": "b2:lab-bucket:omakase",
        "TELEGRAM_BOT_TOKEN": "canary-bot-token-5d20",
        "TELEGRAM_CHAT_ID": "100200300",
    },
    "infisical_smtp_host": "127.0.0.1",
    "infisical_smtp_from_address": "infisical@homelab.test",
    "infisical_smtp_password": "canary-smtp-$pass word-3c88",
    "infisical_project_admin_password": "canary-admin-password-e41b",
}


@dataclass
class Run:
    """What one ansible-playbook printed, and how it ended."""

    returncode: int
    output: str
    seconds: float

    @property
    def changed(self) -> dict[str, int]:
        """Changed tasks by host."""
        return {match["host"]: int(match["changed"]) for match in RECAP.finditer(self.output)}

    def succeeded(self) -> Run:
        """Return this run, or fail the test with the end of its output."""
        assert self.returncode == 0, self.output[-6000:]
        return self

    def refused(self) -> str:
        """Return the output of a run that had to fail, on one line to look for sentences in."""
        assert self.returncode != 0, self.output[-3000:]
        return " ".join(self.output.split())


@dataclass
class Lab:
    """The lab, and a log of everything that was printed while it was used."""

    log: list[str] = field(default_factory=list)

    def playbook(self, *arguments: str, kill_at: str = "", kill_after: float = 0.0) -> Run:
        """Run ansible-playbook; killed, children included, `kill_after` seconds into the task named `kill_at`."""
        started = time.monotonic()
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "ansible-playbook"), *arguments],
            cwd=ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ANSIBLE_FORCE_COLOR": "0", "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            if kill_at and line.startswith("TASK [") and kill_at in line:
                try:
                    process.wait(kill_after)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    kill_at = ""
        process.wait()
        output = "".join(lines)
        self.log.append(output)
        return Run(process.returncode, output, time.monotonic() - started)

    def host(self, name: str) -> Host:
        """Return a host of the lab, to look at from the outside."""
        return testinfra.get_host(
            f"ssh://root@{ADDRESSES[name]}",
            ssh_identity_file=str(STATE / "ssh/id_ed25519"),
            ssh_extra_args=f"-o UserKnownHostsFile={STATE}/ssh/known_hosts -o StrictHostKeyChecking=accept-new",
            controlpersist=60,
        )


def manage_lab(*arguments: str) -> None:
    """Run the lab's own command."""
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, check=True)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A fresh lab with nothing in it, taken down afterwards.

    OMAKASE_KEEP_LAB=1 leaves what is there as it is, for work on a test.
    """
    keep = os.environ.get("OMAKASE_KEEP_LAB") == "1"
    if not keep:
        manage_lab("down")
    manage_lab("up")
    yield Lab()
    if not keep:
        manage_lab("down")
