# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup costs, and that it keeps everything: `python bench/backup.py [CASE ...]` writes bench/BACKUP.md.

Cases: disaster, writes, latency, memory. Each on a machine of the lab, fresh for it: `python -m lab test-packages` and
`python -m lab up` first.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.installation import PER_FOLDER, Installation, bare_machine, installation
from bench.latency import Client, Window, summary
from bench.report import machine, record, table
from lab.settings import KNOWN_HOSTS, SSH_KEY
from tests.support.writers import writing

RESULTS = Path(__file__).resolve().parent / "BACKUP.md"
FOLDERS, IDENTITIES = 200, 20
MB = 1 << 20


def disaster(folders: int = FOLDERS) -> str:
    """Secrets backed up, the host destroyed, and all of it brought back on a bare one."""
    with installation("disaster") as ours:
        filled, _ = timed(lambda: ours.fill(folders))
        ours.add_identities(IDENTITIES)
        before, versions = ours.readable(), ours.versions(folders)
        backup, _ = timed(lambda: ours.playbook("playbooks/backup.yml"))
        status = ours.status()
        drill, _ = timed(lambda: ours.playbook("playbooks/drill.yml", **opened(ours)))
        drilled = json.loads(ours.sh("cat /var/lib/infisical-backup/drills.json"))
        archive = fetched(ours, status["archive"])
        ours.machine = bare_machine("disaster")
        if ours.machine.host.exists("docker") or ours.machine.host.file("/opt/infisical").exists:
            raise RuntimeError("That is no bare machine")
        restore, seconds = restored(ours, archive)
        same = (ours.readable(), ours.versions(folders)) == (before, versions)
        told = retold(ours, status["archive"])
    if not same or told:
        raise RuntimeError(f"Not all is as it was: {told or 'what the identities read differs'}")
    rows = [
        ["backup, by `playbooks/backup.yml`", f"{backup:.1f} s", f"the program itself {status['seconds']} s"],
        ["drill, by `playbooks/drill.yml`", f"{drill:.1f} s", f"the program itself {drilled['seconds']} s"],
        ["restore on a bare host, by `playbooks/restore.yml`", f"{restore:.1f} s", parts(seconds)],
        ["the archive", f"{status['bytes'] / MB:.2f} MB", f"{status['rows']} rows of all tables"],
    ]
    read = sum(count for count, _digest in before.values())
    return (
        f"{folders * PER_FOLDER} secrets in {folders} folders, in every second one with two versions each, written"
        f" through the API in {filled:.0f} s; {IDENTITIES} machine identities that may read all, one folder, or"
        " nothing. Then the host is removed, and a new one without Docker has its address.\n\n"
        f"{table(['what', 'seconds or size', 'of that'], rows)}\n\n"
        f"After it every identity logged in with its old client secret and read what it had read before ({read} values"
        f" together, each with its path, version and time); the first version of one secret in each folder was the"
        f" same; and so was the keyed digest of each table of secrets, when the server ran on it.\n"
    )


def opened(ours: Installation) -> dict[str, Any]:
    return {"infisical_backup_restore_identity": str(ours.key.file)}


def fetched(ours: Installation, archive: str) -> Path:
    """The archive on this machine, as from where the copies are."""
    path = ours.folder / Path(archive).name
    path.write_bytes(ours.machine.host.file(archive).content)
    return path


def restored(ours: Installation, archive: Path) -> tuple[float, list[dict[str, Any]]]:
    """Bring it back by the playbook: the time of all, and of its tasks."""
    timings = ours.folder / "timings.json"
    settings = {
        # The connection that Ansible keeps is to the host that was lost.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(ours.folder / "ssh"),
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "bench" / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "task_timings",
        "TASK_TIMINGS": str(timings),
    }
    given = {**opened(ours), "infisical_backup_restore_archive": str(archive)}
    seconds, _ = timed(lambda: ours.playbook("playbooks/restore.yml", settings=settings, **given))
    return seconds, json.loads(timings.read_text())


def parts(tasks: list[dict[str, Any]]) -> str:
    """How long the parts of a restore took."""
    found = {"Docker": 0.0, "bringing back": 0.0, "the rest": 0.0}
    for task in tasks[:-1]:
        name = "Docker" if task["role"].endswith("docker") else "the rest"
        name = "bringing back" if task["name"].startswith("Bring it back, and") else name
        found[name] += task["seconds"]
    return ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found.items())


RETELL = """
from pathlib import Path
from tempfile import TemporaryDirectory
from infisical_backup.archive import unpack
from infisical_backup.contents import SECRETS
from infisical_backup.databases import own_postgres
from infisical_backup.installation import expectation
from infisical_backup.stack import Stack
with TemporaryDirectory() as folder:
    manifest = unpack(Path({archive!r}), Path("/run/backup.key"), Path(folder))
stack = Stack(Path("/opt/infisical"))
expected, key = expectation(stack, manifest)
assert len(expected.digests) > 3
print("; ".join(expected.only(SECRETS).differences(own_postgres(stack).contents(key).only(SECRETS))))
"""


def retold(ours: Installation, archive: str) -> str:
    """In what the secrets of a running server differ from the manifest of an archive."""
    ours.sh(f"umask 077; cat >/run/backup.key <<'END'\n{ours.key.file.read_text()}\nEND")
    script = RETELL.format(archive=archive)
    return ours.sh(f"PYTHONPATH=/usr/local/lib/infisical-backup python3 - <<'END'\n{script}\nEND").strip()


def writes(rounds: int = 3) -> str:
    """Writers at work, a backup in the middle, and what it holds of their acknowledged writes."""
    rows = []
    with installation("writes") as ours:
        ours.fill(FOLDERS // 4)
        for number in range(rounds):
            with writing(ours.api, ours.account.token, ours.project, f"round-{number}") as load:
                load.go_on(200)
                began = time.time()
                ours.sh("systemctl start infisical-backup")
                ended = time.time()
                load.go_on(100)
            all_of_them = load.acknowledged(time.time())
            bring_back(ours, ours.status()["archive"])
            losses = load.losses(began)
            if losses:
                raise RuntimeError("; ".join(losses))
            before = load.acknowledged(began)
            meanwhile = load.acknowledged(ended) - before
            rows.append([str(before), f"{meanwhile} in {ended - began:.1f} s", str(all_of_them - before), "0", "0"])
    head = ["acknowledged before it began", "meanwhile", "later in all", "lost of the first", "half batches"]
    return (
        "Three clients write without pause, batches of 20 secrets and single ones in turn. Then the archive is brought"
        f" back. Lost would be a write that was acknowledged before the backup began.\n\n{table(head, rows)}\n"
    )


def bring_back(ours: Installation, archive: str) -> None:
    ours.sh(f"umask 077; cat >/run/backup.key <<'END'\n{ours.key.file.read_text()}\nEND")
    ours.sh(f"infisical-backup bring-back {archive} --identity /run/backup.key")


def latency(windows: int = 16, seconds: float = 5) -> str:
    """Requests in turn without anything beside them, with backups, and with a program that only computes."""
    with installation("latency") as ours:
        ours.fill(FOLDERS)
        client = Client(ours.api, ours.account.token, ours.project, FOLDERS)
        client.work(seconds / 2)
        rounds: list[tuple[Window, ...]] = []
        backups = 0
        for number in range(windows):
            found: dict[int, Window] = {}
            for which in (0, 1, 2) if number % 2 else (2, 1, 0):
                if which:
                    with Repeated(ours, (BACKUP, COMPUTE)[which - 1]) as running:
                        found[which] = client.work(seconds)
                    backups += running.count if which == 1 else 0
                else:
                    found[which] = client.work(seconds)
            rounds.append((found[0], found[1], found[2]))
            print(f"  {number}: {' '.join(f'{each.median():.1f}' for each in rounds[-1])} ms", file=sys.stderr)
    head, rows = summary(rounds)
    return (
        f"One client asks {client.rate} times a second for a folder of {PER_FOLDER} secrets, for one secret, and writes"
        f" one, in turn, of {FOLDERS * PER_FOLDER} secrets. {windows} windows of {seconds:.0f} s with one backup after"
        f" the other ({backups} in all) took turns with as many without, and as many with a program beside them that"
        " computes and does nothing else, as nice as a backup: what any use of the other core costs on this machine."
        " Target: a ratio of at most 1.10 at the median."
        f"\n\n{table(head, rows)}\n"
    )


BACKUP = "systemctl reset-failed infisical-backup; systemctl start infisical-backup"
COMPUTE = "systemd-run --quiet --wait --property=Nice=19 --property=CPUWeight=10 timeout 1 sha256sum /dev/zero || true"


class Repeated:
    """A command there, one time after the other as long as the block lasts."""

    def __init__(self, ours: Installation, command: str) -> None:
        self.ours, self.command, self.count = ours, command, 0
        self.thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        one = f"{{ {self.command}; }} || exit 1; n=$((n+1))"
        # By one connection for all of them: a login costs more than what is measured.
        self.count = int(self.ours.sh(f"n=0; until [ -e /run/enough ]; do {one}; done; rm /run/enough; echo $n"))

    def __enter__(self) -> Repeated:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ours.sh("touch /run/enough")
        self.thread.join()


# Rows of values that cannot be compressed, as those of a server are.
GROW = """
CREATE EXTENSION IF NOT EXISTS pgcrypto;
INSERT INTO secrets_v2 (id, version, type, key, "encryptedValue", "encryptedComment", metadata, "tagIds", "folderId",
                        actor, "createdAt", "updatedAt")
    SELECT gen_random_uuid(), 1, 'shared', 'LARGE_{size}_' || n, gen_random_bytes(1024), '', '[]', '{{}}',
           (SELECT id FROM secret_folders WHERE name = 'service-0'), '{{}}', now(), now()
    FROM generate_series(1, {rows}) n;
DROP EXTENSION pgcrypto;
CHECKPOINT;
"""
# The programs that are told of, by what they do
PROGRAMS = ("infisical-backup", "docker", "age", "pg_dump", "pg_restore", "psql", "postgres", "dockerd")


def memory(sizes: tuple[int, ...] = (100, 1000)) -> str:
    """The most memory of a backup and of a restore, for databases of two sizes in MB."""
    found: dict[str, dict[str, Any]] = {}
    about = []
    with installation("memory") as ours:
        ours.fill(2)
        grown = 0
        for size in sizes:
            rows = size * MB // 1200 - grown
            grown += rows
            sql = GROW.format(size=size, rows=rows)
            ours.sh(f"docker exec -i infisical-db-1 psql -qU infisical -v ON_ERROR_STOP=1 <<'END'\n{sql}\nEND")
            ours.sh(f"umask 077; cat >/run/backup.key <<'END'\n{ours.key.file.read_text()}\nEND")
            backup = peaks(ours, "infisical-backup run")
            status = ours.status()
            manifest = json.loads(ours.sh(f"infisical-backup verify {status['archive']} --identity /run/backup.key"))
            back = f"infisical-backup bring-back {status['archive']} --identity /run/backup.key --save-to /root/saved"
            restore = peaks(ours, f"{back} --timeout 600")
            found[f"backup, {size} MB"], found[f"restore, {size} MB"] = backup, restore
            about.append(
                f"{manifest['database']['bytes'] / MB:.0f} MB on its disk: an archive of {status['bytes'] / MB:.0f} MB"
                f" in {backup['seconds']:.0f} s, and back, with what was there saved, in {restore['seconds']:.0f} s"
            )
            ours.sh("rm -r /root/saved")
    names = ["the largest of the tool and its children", *PROGRAMS]
    lines = [
        [name, *(f"{each['peaks'][name] / 1024:.0f}" if name in each["peaks"] else "" for each in found.values())]
        for name in names
    ]
    return (
        f"Values of 1 KB that cannot be compressed. {'. '.join(about)}.\n\nPeak resident memory in MB; of PostgreSQL's"
        " processes without the buffers that they share.\n\n"
        f"{table(['program', *found], lines)}\n"
    )


def peaks(ours: Installation, command: str) -> dict[str, Any]:
    """Run it there by bench/peaks.py; what that tells."""
    ssh = ["ssh", "-i", str(SSH_KEY), "-o", f"UserKnownHostsFile={KNOWN_HOSTS}"]
    with (ROOT / "bench" / "peaks.py").open() as script:
        ran = subprocess.run(  # noqa: S603  # our own command
            [*ssh, f"root@{ours.machine.address}", f"python3 - {command}"],
            stdin=script,
            capture_output=True,
            text=True,
            check=True,
        )
    told: dict[str, Any] = json.loads(ran.stdout)
    if told["status"]:
        raise RuntimeError(f"{command} ended with {told['status']}: {ran.stderr[-2000:]}")
    return told


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


CASES: dict[str, tuple[str, Callable[[], str]]] = {
    "disaster": ("A host is lost, and a bare one takes its place", disaster),
    "writes": ("A backup while others write", writes),
    "latency": ("What requests take while a backup runs", latency),
    "memory": ("Memory, and the size of the database", memory),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], metavar="CASE", help="which to run; all without")
    given = parser.parse_args()
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)  # as the machines: before what else runs here
    for name in given.cases or CASES:
        title, case = CASES[name]
        print(f"{title} ...", file=sys.stderr, flush=True)
        before = os.getloadavg()[0]
        section = f"{case()}\nOn {machine()}, which had a load of {before:.1f} before it"
        section += f" and {os.getloadavg()[0]:.1f} at its end;"
        section += f" all else had a sixteenth of its share (`python bench/backup.py {name}`).\n"
        print(section, flush=True)
        made = "Made by `python bench/backup.py`; each part says on which machine."
        preamble = f"# What a backup costs, and what it keeps\n\n{made}\n"
        record(RESULTS, preamble, [title for title, _case in CASES.values()], title, section)


if __name__ == "__main__":
    main()
