# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's real hosts, and the site's playbooks run against them as a user would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from threading import Timer

import pytest
from testinfra.host import Host

from lab import lxc, proxmox
from tests.support.leaks import CommandLines
from tests.support.ssh import reach

ROOT = Path(__file__).resolve().parents[2]
ADDRESSES = {"infisical": "198.18.0.101", "omakase": "198.18.0.100", "existing": "198.18.0.110"}
VMIDS = {100: ADDRESSES["omakase"], 101: ADDRESSES["infisical"]}
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
    # Each task in the order of the run, by the line that announces it and how often that came before, with its seconds
    tasks: dict[tuple[str, int], float] = field(default_factory=dict)

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
    """The lab, a log of everything that was printed while it was used, and every command line that was seen then."""

    log: list[str] = field(default_factory=list)
    command_lines: CommandLines = field(default_factory=CommandLines)
    began: float = field(default_factory=time.time)

    def playbook(
        self,
        *arguments: str,
        kill_at: str | tuple[str, int] = "",
        kill_after: float = 0.0,
        collections: Path | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Run:
        """Run ansible-playbook; killed, children included, `kill_after` seconds into the run or into `kill_at`.

        kill_at: a task, by a part of its title, or as `Run.tasks` has it.
        collections: run from this folder, where the collection is installed, instead of from the checkout.
        settings: environment variables.
        """
        environment = {
            **os.environ,
            "ANSIBLE_FORCE_COLOR": "0",
            "PYTHONUNBUFFERED": "1",
            # Otherwise a task is announced when its first host has ended it.
            "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "1",
            **(settings or {}),
        }
        if collections:
            environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
        started = time.monotonic()
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "ansible-playbook"), *arguments],
            cwd=collections or ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )

        def kill() -> None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        assert process.stdout
        lines = []
        announced: dict[tuple[str, int], float] = {}
        titles: Counter[str] = Counter()
        timer = Timer(kill_after, kill)
        if kill_after and not kill_at:
            timer.start()
        with self.command_lines.sampled():
            for line in process.stdout:
                lines.append(line)
                if not line.startswith("TASK ["):
                    continue
                task = (line.rstrip(" *\n"), titles[line])
                announced[task] = time.monotonic() - started
                titles[line] += 1
                if kill_at and (task == kill_at if isinstance(kill_at, tuple) else kill_at in line):
                    kill_at = ""
                    timer.start()
            process.wait()
        timer.cancel()
        output = "".join(lines)
        self.log.append(output)
        ended = time.monotonic() - started
        moments = [*announced.values(), ended]
        tasks = {task: after - before for task, (before, after) in zip(announced, pairwise(moments), strict=True)}
        return Run(process.returncode, output, ended, tasks)

    def host(self, name: str) -> Host:
        """Return a host of the lab, to look at from the outside."""
        return reach(ADDRESSES[name])


def manage_lab(*arguments: str) -> None:
    """Run the lab's own command."""
    subprocess.run([sys.executable, "-m", "lab", *arguments], cwd=ROOT, check=True)


def remove_all(*vmids: int) -> None:
    """Leave a Proxmox without these containers of the site, or without any."""
    for vmid in vmids or VMIDS:
        if lxc.exists(str(vmid)):
            proxmox.remove_container(vmid)
        proxmox.forget_host_keys(VMIDS[vmid])


def select(infisical: Host, query: str) -> list[str]:
    """What the server's database answers, line by line."""
    psql = "docker exec infisical-db-1 psql -U infisical -d infisical -Atc"
    return str(infisical.check_output(f'{psql} "{query}"')).splitlines()


def expect_nothing_twice(infisical: Host) -> None:
    """Fail unless containers, project, administrator, identities, client secrets and secrets are there once each."""
    assert sorted(lxc.spec_of(name).ip for name in lxc.names() if name in map(str, VMIDS)) == sorted(VMIDS.values())
    running = "docker ps --all --format '{{.Names}}' | sort"
    assert infisical.check_output(running).split() == [f"infisical-{name}-1" for name in ("backend", "db", "redis")]
    assert select(infisical, "select slug from projects") == ["omakase"]
    assert select(infisical, "select email from users") == ["admin@omakase.local"]
    # The first comes with the server's own bootstrap, the fourth is the role's; hosts of dev and prod read by theirs.
    assert select(infisical, "select name from identities order by name") == [
        "Instance Admin Identity", "omakase-deployment", "omakase-dev", "omakase-management", "omakase-prod",
    ]  # fmt: skip
    described = 'select description from identity_ua_client_secrets where not \\"isClientSecretRevoked\\" order by 1'
    assert select(infisical, described) == [
        f"omakase-{name}, kept in /opt/infisical/credentials on infisical01"
        for name in ("deployment", "dev", "management", "prod")
    ]
    # A value that was made a second time would be a second version.
    assert select(infisical, "select key from secrets_v2 where version <> 1") == []


def dotenv(host: Host, path: str) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in host.file(path).content_string.splitlines())
    return {name: value.strip("'") for name, value in pairs}


def export(omakase: Host) -> dict[str, str]:
    """What the vendor's command exports with the credentials that the role laid down."""
    output = omakase.check_output(
        "cd ~omakase/omakase && set -a && . ./.env && "
        "export INFISICAL_UNIVERSAL_AUTH_CLIENT_ID=$INFISICAL_CLIENT_ID && "
        "export INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET=$INFISICAL_CLIENT_SECRET && "
        "export INFISICAL_TOKEN=$(infisical login --method=universal-auth --plain --silent) && "
        "infisical export --env=dev --projectId=$INFISICAL_PROJECT_ID --format=json"
    )
    return {secret["key"]: secret["value"] for secret in json.loads(output)}


def secrets_of(infisical: Host, omakase: Host) -> dict[str, str]:
    """Everything that nobody else may see, by what it is."""
    identities = {
        name: json.loads(infisical.file(f"/opt/infisical/credentials/{name}.json").content_string)["client_secret"]
        for name in ("management", "omakase-deployment", "omakase-dev", "omakase-prod")
    }
    env = dotenv(infisical, "/opt/infisical/.env")
    sensitive = ("_PASSWORD", "_SECRET", "_KEY", "_TOKEN")
    found = {
        **{f"client secret of {name}": secret for name, secret in identities.items()},
        "administrator's password": str(CANARIES["infisical_project_admin_password"]),
        **{f"the server's {name}": value for name, value in env.items() if name.endswith(sensitive)},
        **{f"the project's {name}": value for name, value in export(omakase).items() if name.endswith(sensitive)},
    }
    found["Proxmox password"] = Path("/var/lib/omakase-lab/proxmox/password").read_text().strip()
    return found


@pytest.fixture(scope="module")
def canaries(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The argument that gives the canary values to the site, by a file: a command line is for everyone to read."""
    path = tmp_path_factory.mktemp("canaries") / "canaries.json"
    path.write_text(json.dumps(CANARIES))
    path.chmod(0o600)
    return f"@{path}"


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
