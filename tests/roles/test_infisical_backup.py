# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups and upgrades of a real Infisical in the lab: the tests build on each other in the order they stand in."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.backups import backups

from tests.faults.playbook import Playbook
from tests.roles.machine import Machine, docker_of_the_lab
from tests.roles.playbook import ROOT, Run, refused, succeeded
from tests.support.age import Age
from tests.support.leaks import holding
from tests.support.servers import Api
from tests.support.writers import writing

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not shutil.which("age"), reason="needs age: python -m lab test-packages"),
]
ADDRESS = "198.18.0.150"
OLD, NEW = "v0.165.15", "v0.166.2"
SECRETS = {"DB_PASSWORD": "canary-pa$$ 'word\"", "API_KEY": "canary-äöü-ключ"}
BACKUPS, STATUS = "/var/backups/infisical", "/var/lib/infisical-backup/status.json"
RESTIC_PASSWORD = "restic-canary"
DRILLS = "/var/lib/infisical-backup/drills.json"
DIRECTORY = "/opt/infisical"

Apply = Callable[..., Run]


@pytest.fixture
def role(machine: Machine, tmp_path: Path) -> Apply:
    """Applies a role to the machine."""

    def run(name: str, *arguments: str, **variables: Any) -> Run:
        return machine.role(tmp_path, name, variables, *arguments)

    return run


@pytest.fixture
def playbook(machine: Machine, tmp_path: Path) -> Apply:
    """Runs a playbook of the collection on the machine, as the group infisical."""

    def run(name: str, *arguments: str, settings: Mapping[str, str] | None = None, **variables: Any) -> Run:
        return machine.playbook(tmp_path, name, variables, *arguments, settings=settings)

    return run


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[Age]:
    """Those of two people who may open backups, and of one who may not."""
    folder = tmp_path_factory.mktemp("keys")
    return [Age.made(folder, name) for name in ("first", "second", "stranger")]


@dataclass
class Vault:
    """The project in the server, and how to read it."""

    api: Api
    client: tuple[str, str]
    token: str
    project: str

    @property
    def query(self) -> str:
        return f"projectId={self.project}&environment=dev&secretPath=/&viewSecretValue=true"

    def keep_credentials(self, machine: Machine, secret: str) -> None:
        """The files by which an upgrade proves that secrets can be read, with this client secret."""
        kept: dict[str, dict[str, Any]] = {
            "management": {"client_id": self.client[0], "client_secret": secret},
            "project": {"id": self.project, "environments": [{"slug": "dev"}]},
        }
        folder = f"{DIRECTORY}/credentials"
        machine.host.check_output(f"install -d -m 700 {folder}")
        for name, content in kept.items():
            machine.host.check_output(f"echo %s | base64 -d > {folder}/{name}.json", encoded(content))

    def values(self) -> dict[str, str]:
        """The secrets as a machine identity reads them."""
        reply = self.api.request("GET", f"/api/v4/secrets?{self.query}", None, self.api.log_in(*self.client))
        assert reply.status == 200, reply
        return {secret["secretKey"]: secret["secretValue"] for secret in reply.body["secrets"]}


@pytest.fixture(scope="module")
def vault(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """An Infisical of the older version with two secrets and an identity that reads them."""
    folder = tmp_path_factory.mktemp("site")
    roles = {"gather_facts": False, "roles": ["omakase.homelab.docker", "omakase.homelab.infisical"]}
    succeeded(machine.play(folder, roles, {**docker_of_the_lab(), "infisical_version": OLD}))
    api = Api(f"http://{ADDRESS}")
    account = api.bootstrap()
    project = api.request("POST", "/api/v1/projects", {"projectName": "x"}, account.token).body["project"]["id"]
    for name, value in SECRETS.items():
        body = {"projectId": project, "environment": "dev", "secretPath": "/", "secretValue": value}
        assert api.request("POST", f"/api/v4/secrets/{name}", body, account.token).status == 200
    client = api.identity(account, "reader", project, "viewer")
    vault = Vault(api, client, account.token, project)
    vault.keep_credentials(machine, client[1])
    return vault


def encoded(content: dict[str, Any]) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def archives(machine: Machine, folder: str = BACKUPS) -> list[str]:
    return str(machine.host.check_output(f"find {folder} -maxdepth 1 -name 'infisical-*' | sort")).split()


def status(machine: Machine, path: str = STATUS) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.host.file(path).content_string)
    return found


def image(machine: Machine) -> str:
    return str(machine.host.check_output("docker inspect --format '{{.Config.Image}}' infisical-backend-1"))


def started(machine: Machine) -> str:
    """When each container was started."""
    return str(machine.host.check_output("docker inspect --format '{{.State.StartedAt}}' $(docker ps --quiet | sort)"))


def given(keys: list[Age], **changes: Any) -> dict[str, Any]:
    keyed = {"ssh_key_file": "/root/.ssh/backup", "known_hosts_file": "/root/.ssh/backup_hosts"}
    restic = {"kind": "restic", "to": "/srv/restic", "environment": {"RESTIC_PASSWORD": RESTIC_PASSWORD}}
    copies = [{"kind": "rsync", "to": "root@127.0.0.2:/srv/copies/", **keyed}, restic]
    recipients = [key.recipient for key in keys[:2]]
    return {"infisical_backup_recipients": recipients, "infisical_backup_copies": copies, **changes}


def test_a_plan_changes_nothing(playbook: Apply, machine: Machine, vault: Vault, keys: list[Age]) -> None:
    run = succeeded(playbook("playbooks/backup.yml", "--check", "--diff", **given(keys)))
    assert f"Would back up {DIRECTORY} into {BACKUPS}." in run.text
    assert not machine.host.exists("infisical-backup") and not machine.host.exists("age")


def test_it_makes_a_backup_copies_it_to_two_other_places_and_shows_it(
    playbook: Apply, machine: Machine, keys: list[Age]
) -> None:
    host = machine.host
    host.check_output(
        "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/backup && cat /root/.ssh/backup.pub >>/root/.ssh/authorized_keys"
        " && ssh-keyscan -t ed25519 127.0.0.2 >/root/.ssh/backup_hosts"
    )
    # The repository is there before the role installs restic.
    host.check_output("mkdir /root/restic && cd /root/restic && apt-get download -qq restic && dpkg-deb -x restic_* .")
    host.check_output(f"RESTIC_PASSWORD={RESTIC_PASSWORD} /root/restic/usr/bin/restic init --quiet --repo /srv/restic")
    run = succeeded(playbook("playbooks/backup.yml", "--diff", **given(keys)))
    assert (
        "Encrypted for 2 recipient(s), 1 archive(s) kept, copied to root@127.0.0.2:/srv/copies/, /srv/restic"
        in run.text
    )
    assert "UNPROVEN: no backup of this host was ever brought back in a drill" in run.text
    assert RESTIC_PASSWORD not in run.output
    found = status(machine)
    assert (found["state"], found["server_version"]) == ("ok", OLD)
    assert archives(machine) == [found["archive"]]
    assert host.file(found["archive"]).mode == 0o600 and host.file(BACKUPS).mode == 0o700
    (copied,) = archives(machine, "/srv/copies")
    host.check_output(f"cmp {copied} {found['archive']}")
    listed = host.check_output(f"RESTIC_PASSWORD={RESTIC_PASSWORD} restic ls --quiet --repo /srv/restic latest")
    assert found["archive"] in listed


@pytest.fixture(scope="module")
def archive(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first archive, on the controller."""
    (name,) = archives(machine)
    path = tmp_path_factory.mktemp("archive") / Path(name).name
    path.write_bytes(machine.host.file(name).content)
    return path


def verified(path: Path, key: Age) -> subprocess.CompletedProcess[str]:
    """What the program itself says of an archive, here, where there is neither Docker nor an installation."""
    command = [sys.executable, "-m", "_backup.cli", "verify", str(path), "--identity", str(key.file)]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "plugins/module_utils")}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


def test_either_recipient_opens_it_and_finds_what_the_manifest_says(
    machine: Machine, keys: list[Age], archive: Path, tmp_path: Path
) -> None:
    for key in keys[:2]:
        assert verified(archive, key).returncode == 0
    (tmp_path / "plain.tar").write_bytes(keys[0].decrypted(archive))
    listed = subprocess.run(["tar", "-tf", tmp_path / "plain.tar"], check=True, capture_output=True, text=True).stdout
    kept = ["files/credentials/management.json", "files/credentials/project.json"]
    parts = ["database.dump", "files/.env", *kept, "files/docker-compose.yml"]
    assert listed.split() == ["manifest.json", "manifest.sha256", *parts]
    manifest = json.loads(verified(archive, keys[0]).stdout)
    assert manifest["images"]["backend"]["name"] == f"infisical/infisical:{OLD}"
    assert manifest["server_version"] == OLD and manifest["rows"]["secrets_v2"] == len(SECRETS)
    pairs = (line.split("=", 1) for line in machine.host.file(f"{DIRECTORY}/.env").content_string.splitlines())
    env = {name: value for name, value in pairs if name.endswith(("_KEY", "_SECRET", "_PASSWORD"))}
    for told in (json.dumps(manifest).encode(), archive.read_bytes()):
        assert holding({**env, **SECRETS}, told) == []
    assert sorted(holding(env, (tmp_path / "plain.tar").read_bytes())) == sorted(env)


def test_a_wrong_key_and_a_damaged_archive_are_refused_by_name(keys: list[Age], archive: Path, tmp_path: Path) -> None:
    assert f"was encrypted for another key than {keys[2].file}" in verified(archive, keys[2]).stderr
    content = archive.read_bytes()
    for name, damage in (
        ("flipped", content[:-5000] + bytes([content[-5000] ^ 1]) + content[-4999:]),
        ("truncated", content[: len(content) // 2]),
        ("header", content[:200] + b"x" + content[201:]),
    ):
        path = tmp_path / name / archive.name
        path.parent.mkdir()
        path.write_bytes(damage)
        found = verified(path, keys[0])
        assert found.returncode == 1 and f"{path} is damaged" in found.stderr, (name, found.stderr)


def with_config(machine: Machine, name: str, **changes: Any) -> str:
    """The command with settings of its own."""
    config = {**json.loads(machine.host.file("/etc/infisical-backup.json").content_string), "copies": [], **changes}
    machine.host.run_test(f"umask 077; cat >/root/{name}.json <<'END'\n{json.dumps(config)}\nEND")
    return f"infisical-backup --config /root/{name}.json --status /root/{name}.status"


def test_a_full_disk_leaves_the_earlier_backups_and_no_half_one(machine: Machine) -> None:
    host = machine.host
    host.check_output("mkdir -p /mnt/small && mount -t tmpfs -o size=64k,mode=0700 tmpfs /mnt/small")
    earlier = "/mnt/small/infisical-20260101T000000Z.tar.age"
    host.check_output(f"echo earlier >{earlier}")
    run = host.run(f"{with_config(machine, 'small', to='/mnt/small')} run")
    assert run.rc == 1 and "No space left on device" in run.stderr.replace("no space", "No space")
    assert host.check_output("ls -A /mnt/small").split() == [".lock", earlier.rpartition("/")[2]]
    assert status(machine, "/root/small.status")["state"] == "failed"
    host.check_output("umount /mnt/small")


def test_a_copy_that_does_not_arrive_fails_the_backup_and_keeps_the_archive(machine: Machine) -> None:
    copies = [
        {"kind": "rsync", "to": "backup@127.0.0.2:/srv/", "port": 1},
        {"kind": "restic", "to": "/srv/nowhere", "environment": {"RESTIC_PASSWORD": RESTIC_PASSWORD}},
    ]
    command = with_config(machine, "apart", to="/var/backups/apart", copies=copies)
    run = machine.host.run(f"{command} run")
    assert run.rc == 1 and "is made, but not copied off this host. backup@127.0.0.2:/srv/: `rsync" in run.stderr
    assert "Connection refused" in run.stderr and "/srv/nowhere: `restic unlock" in run.stderr
    assert RESTIC_PASSWORD not in run.stderr
    assert archives(machine, "/var/backups/apart") == [status(machine, "/root/apart.status")["archive"]]


def of_a_drill(machine: Machine) -> str:
    """What there is of the stack of a drill."""
    label = "--filter label=com.docker.compose.project=infisical-drill"
    kinds = ("container ls --all", "volume ls", "network ls")
    return str(machine.host.check_output("; ".join(f"docker {kind} --quiet {label}" for kind in kinds)))


def told_by_the_doctor(machine: Machine, folder: Path) -> str:
    """What the doctor tells of backups by the records of this host."""
    for record in (STATUS, DRILLS):
        if machine.host.file(record).exists:
            (folder / Path(record).name).write_bytes(machine.host.file(record).content)
    return ", ".join(finding.evidence for finding in backups(str(folder)))


def test_a_drill_proves_a_backup_beside_what_runs(
    playbook: Apply, machine: Machine, vault: Vault, keys: list[Age], tmp_path: Path
) -> None:
    host = machine.host
    everything = "docker volume ls --quiet; docker network ls --quiet; ss -lnt"
    before, resources = started(machine), host.check_output(everything)
    assert "unproven: no backup of this host was ever brought back" in told_by_the_doctor(machine, tmp_path)
    run = succeeded(playbook("playbooks/drill.yml", **given(keys), infisical_backup_restore_identity=str(keys[1].file)))
    assert f"is proven: Infisical {OLD} came up on it" in run.text and "every secret as its manifest tells" in run.text
    assert (started(machine), host.check_output(everything), of_a_drill(machine)) == (before, resources, "")
    assert vault.values() == SECRETS
    archive = archives(machine)[-1]
    assert status(machine, DRILLS)["last_success"]["archive"] == archive
    assert f"{archive}  proven" in host.check_output("infisical-backup list")
    assert f"{Path(archive).name} was brought back 0 days ago" in told_by_the_doctor(machine, tmp_path)


def test_the_key_of_a_drill_is_in_no_file_on_a_disk_of_the_host(
    playbook: Apply, machine: Machine, keys: list[Age]
) -> None:
    # As badly as it can be: nothing is pipelined, and no temporary file removed.
    settings = {"ANSIBLE_PIPELINING": "0", "ANSIBLE_KEEP_REMOTE_FILES": "1"}
    stranger = str(keys[2].file)
    variables = {**given(keys), "infisical_backup_restore_identity": stranger}
    run = playbook("playbooks/drill.yml", "-vvv", settings=settings, **variables)
    assert "was encrypted for another key than the one given" in refused(run)
    key = keys[2].file.read_text().splitlines()[-1]
    search = f"grep -rlFs {key}"
    assert machine.host.check_output(f"{search} /dev/shm")
    disks = "/root /home /etc /opt /srv /tmp /var/tmp /var/log /var/backups /run"
    assert machine.host.run(f"{search} {disks}").stdout == ""
    assert machine.host.run(f"journalctl --quiet --no-pager | grep -F {key}").stdout == ""
    assert key not in run.output
    machine.host.check_output("rm -r /dev/shm/ansible-tmp-*")


FORGE = """
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from infisical_backup.archive import pack, unpack
from infisical_backup.files import described
from infisical_backup.stack import Stack
with TemporaryDirectory() as folder:
    place = Path(folder)
    manifest = unpack(Path("{archive}"), Path("/run/drill.key"), place)
    {change}
    pack(Path("{forged}"), place, manifest, ())
"""
OTHER_SECRETS = 'manifest["digests"]["secrets_v2"] = "0" * 64'
# As of an installation with its database and its Redis on other hosts
ELSEWHERE = """
    services = {"backend": Stack(place / "files").services()["backend"]}
    services["backend"].update(depends_on={}, networks={}, env_file=[])
    services["backend"]["environment"].update(DB_CONNECTION_URI="postgresql://192.0.2.1/x", REDIS_URL="redis://192.0.2.1")
    compose = place / "files" / "docker-compose.yml"
    compose.write_text(json.dumps({"services": services}))
    manifest["parts"]["files/docker-compose.yml"] = described(compose)
    del manifest["images"]["db"], manifest["images"]["redis"]
"""


def forged(machine: Machine, key: Age, name: str, change: str) -> str:
    """Another of the last archive, changed and not encrypted."""
    path = f"/root/{name}.tar"
    lay_down(machine, key)
    script = FORGE.format(archive=archives(machine)[-1], forged=path, change=change)
    machine.host.check_output(f"PYTHONPATH=/usr/local/lib/infisical-backup python3 - <<'END'\n{script}\nEND")
    return path


def test_a_killed_drill_and_one_that_fails_leave_nothing_behind(machine: Machine, keys: list[Age]) -> None:
    host, before, archive = machine.host, started(machine), archives(machine)[-1]
    other = forged(machine, keys[0], "infisical-20260102T000000Z", OTHER_SECRETS)
    host.check_output(f"systemd-run --quiet --unit=drill infisical-backup drill {archive} --identity /run/drill.key")
    label = "--filter label=com.docker.compose.project=infisical-drill"
    host.check_output(f"timeout 30 sh -c 'until docker ps --quiet {label} | grep .; do sleep 0.2; done'")
    host.check_output("systemctl kill --signal=KILL drill; systemctl reset-failed drill; true")
    assert of_a_drill(machine)
    run = host.run(f"infisical-backup drill {other}")
    assert run.rc == 1 and "not what the manifest tells: secrets_v2 holds other values" in run.stderr
    assert (of_a_drill(machine), started(machine)) == ("", before)
    assert host.check_output("ls -A /var/lib/infisical-backup/drill") == ".lock"
    found = status(machine, DRILLS)
    assert (found["state"], found["archive"], found["last_success"]["archive"]) == ("failed", other, archive)


def test_a_drill_of_an_installation_with_its_database_elsewhere_brings_its_own(
    machine: Machine, keys: list[Age]
) -> None:
    run = machine.host.run(
        f"infisical-backup drill {forged(machine, keys[0], 'infisical-20260103T000000Z', ELSEWHERE)}"
    )
    assert run.rc == 0, run.stderr
    assert json.loads(run.stdout)["digests"] > 3 and of_a_drill(machine) == ""


def test_a_killed_backup_leaves_no_half_one_and_the_next_clears_up(machine: Machine) -> None:
    host, before = machine.host, archives(machine)
    command = with_config(machine, "killed")
    # An age that never ends, so that the run can be killed in its middle.
    host.check_output(
        "mkdir -p /root/slow && printf '#!/bin/sh\\nexec sleep 60\\n' >/root/slow/age && chmod 755 /root/slow/age"
    )
    host.check_output(
        f"systemd-run --quiet --unit=killed --setenv=PATH=/root/slow:/usr/sbin:/usr/bin:/sbin:/bin {command} run"
    )
    half = f"find {BACKUPS} -name '.infisical-*.age'"
    assert host.check_output(f"timeout 20 sh -c 'until {half} | grep .; do sleep 0.1; done'")
    host.check_output("systemctl kill --signal=KILL killed; systemctl reset-failed killed; true")
    assert archives(machine) == before
    assert host.check_output(f"{command} run")
    assert len(archives(machine)) == len(before) + 1
    assert host.check_output(f"find {BACKUPS} -name '.infisical-*'") == ""


def test_the_timer_runs_it_and_a_failed_backup_fails_the_unit(role: Apply, machine: Machine, keys: list[Age]) -> None:
    host = machine.host
    timer = host.check_output(
        "systemctl show infisical-backup.timer --property RandomizedDelayUSec,Persistent,ActiveState"
    )
    assert set(timer.split()) == {"RandomizedDelayUSec=30min", "Persistent=yes", "ActiveState=active"}
    assert host.run("systemd-analyze calendar 'at teatime'").rc == 1, "by which the role knows what is no time"
    host.check_output("docker stop infisical-db-1")
    text = refused(role("infisical_backup", **given(keys), infisical_backup_now=True))
    host.check_output("docker start infisical-db-1")
    assert (
        "db does not run in /opt/infisical" in text
        and "Earlier archives in /var/backups/infisical are untouched" in text
    )
    assert host.run("systemctl is-failed infisical-backup").stdout.strip() == "failed"
    host.check_output("timeout 60 sh -c 'until docker exec infisical-db-1 pg_isready -q; do sleep 0.3; done'")


def test_a_backup_under_write_load_has_every_write_acknowledged_before_it_began_and_no_half_batch(
    machine: Machine, vault: Vault, keys: list[Age]
) -> None:
    command = with_config(machine, "load", to="/var/backups/load")
    with writing(vault.api, vault.token, vault.project, "load") as load:
        load.go_on(30)
        began = time.time()
        machine.host.check_output(f"{command} run")
        load.go_on(10)
    archive = status(machine, "/root/load.status")["archive"]
    assert load.losses(time.time()) == []
    machine.host.check_output(f"infisical-backup bring-back {archive} --identity {lay_down(machine, keys[0])}")
    assert load.losses(began) == []
    # What was written later is not in it, or nothing was written while it was made.
    assert load.losses(time.time()) != []
    assert vault.values() == SECRETS


def test_an_upgrade_is_not_begun_where_its_secrets_cannot_be_read_before(
    role: Apply, machine: Machine, vault: Vault
) -> None:
    before = started(machine)
    vault.keep_credentials(machine, "of-another-day")
    text = refused(role("infisical", infisical_version=NEW))
    assert f"from {OLD} to {NEW} was not begun, and nothing of it was changed" in text and "Invalid credentials" in text
    assert started(machine) == before
    vault.keep_credentials(machine, vault.client[1])


def test_an_upgrade_does_not_begin_where_what_was_saved_cannot_be_brought_back(
    role: Apply, machine: Machine, vault: Vault
) -> None:
    before = started(machine)
    # Nothing comes up in a second, so this drill fails.
    text = refused(role("infisical", infisical_version=NEW, infisical_upgrade_drill=True, infisical_start_timeout=1))
    assert f"The upgrade of infisical-backup from {OLD} to {NEW} was not begun, and nothing of it was changed" in text
    assert (started(machine), of_a_drill(machine)) == (before, "")
    assert image(machine).endswith(OLD) and vault.values() == SECRETS
    machine.host.check_output(f"rm -r {DIRECTORY}/before-upgrade")


def test_an_upgrade_that_is_killed_leaves_a_note_of_what_it_began(machine: Machine, tmp_path: Path) -> None:
    play = {"hosts": "machines", "gather_facts": False, "roles": ["omakase.homelab.infisical"]}
    process = Playbook(tmp_path, machine.inventory, play, {"infisical_version": NEW}).start()
    note = f"{DIRECTORY}/upgrade.json"
    machine.host.check_output(f"timeout 120 sh -c 'until [ -e {note} ]; do sleep 0.1; done'")
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and status(machine, note)["from"] == OLD


def test_the_next_one_saves_the_installation_first(playbook: Apply, machine: Machine, vault: Vault) -> None:
    run = succeeded(playbook("playbooks/upgrade.yml", "--check", infisical_version=NEW))
    assert f"from {OLD} to {NEW}" in run.text and image(machine).endswith(OLD)
    # As if it had been killed a moment later
    machine.host.check_output(f"sed -i 's/{OLD}/{NEW}/' {DIRECTORY}/docker-compose.yml")
    run = succeeded(playbook("playbooks/upgrade.yml", infisical_version=NEW, infisical_upgrade_drill=True))
    assert "changed: [infisical-backup]" in run.text.partition("Prove on a throw-away stack")[2][:200]
    assert image(machine).endswith(NEW)
    assert vault.values() == SECRETS
    saved = archives(machine, f"{DIRECTORY}/before-upgrade")[-1]
    assert f"As it was before, it is kept in {saved}." in run.text
    assert machine.host.file(saved).mode == 0o600
    assert f"infisical:{OLD}" in machine.host.check_output(f"tar -xOf {saved} files/docker-compose.yml")
    assert f"runs Infisical {NEW}, and it answers" in run.text
    assert not machine.host.file(f"{DIRECTORY}/upgrade.json").exists


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("v0.167.0-broken", "spoils its database on purpose"),
        pytest.param("v0.167.0-blind", "Something went wrong", marks=pytest.mark.soak),
    ],
)
def test_an_upgrade_that_does_not_come_up_or_reads_nothing_is_taken_back(
    role: Apply, machine: Machine, vault: Vault, version: str, reason: str
) -> None:
    run = role("infisical", infisical_version=version, infisical_start_timeout=60)
    text = refused(run)
    assert f"did not come up as {version}, and is {NEW} again, with the database as it was before" in text
    assert reason in text
    assert image(machine).endswith(NEW)
    assert vault.values() == SECRETS
    env = machine.host.file(f"{DIRECTORY}/.env").content_string
    assert not [line for line in env.splitlines() if "KEY=" in line and line.partition("=")[2] in run.output]
    assert vault.client[1] not in run.output


def test_a_downgrade_another_key_and_another_password_are_refused_before_a_restart(
    role: Apply, machine: Machine
) -> None:
    before = started(machine)
    other = "s/^POSTGRES_PASSWORD=.*/POSTGRES_PASSWORD=another/; s#infisical:[^@]*@db#infisical:another@db#"
    other += f"; s/^ENCRYPTION_KEY=.*/ENCRYPTION_KEY={'0' * 32}/"
    machine.host.check_output(f"cp -p {DIRECTORY}/.env /root/env && sed -i '{other}' {DIRECTORY}/.env")
    text = refused(role("infisical", infisical_version=f"{OLD}-postgres"))
    assert f"runs {NEW}, which is newer than {OLD}-postgres" in text
    assert "does not open the database" in text
    assert "is another than the database was made with" in text and r"\password infisical" in text
    assert started(machine) == before
    machine.host.check_output(f"cp -p /root/env {DIRECTORY}/.env")


def test_the_keys_are_kept_apart_for_those_who_may_open_them_and_nothing_else_was_left_to_do(
    role: Apply, machine: Machine, keys: list[Age], tmp_path: Path
) -> None:
    place, recipients = f"{DIRECTORY}/keys.age", [key.recipient for key in keys[:2]]
    run = role(
        "infisical",
        infisical_version=NEW,
        infisical_escrow_recipients=recipients,
        infisical_escrow_fetch_to=str(tmp_path / "kept.age"),
    )
    # The file there and the one here: an upgrade, and one that was taken back, have left nothing to a later run.
    assert succeeded(run).changed == 2
    kept = keys[0].decrypted(tmp_path / "kept.age").decode()
    assert keys[1].decrypted(tmp_path / "kept.age").decode() == kept
    env = machine.host.file(f"{DIRECTORY}/.env").content_string.splitlines()
    assert next(line for line in env if line.startswith("ENCRYPTION_KEY=")) in kept.splitlines()
    again = f"infisical-backup escrow --directory={DIRECTORY} --to={place}"
    for allowed, changed in ((recipients, False), (recipients[1:], True)):
        said = machine.host.check_output(f"{again} {' '.join(f'--recipient={each}' for each in allowed)}")
        assert json.loads(said)["changed"] is changed
    (tmp_path / "kept.age").write_bytes(machine.host.file(place).content)
    assert keys[1].decrypted(tmp_path / "kept.age").decode() == kept


def lay_down(machine: Machine, key: Age) -> str:
    """The file of a key, in memory of the machine."""
    machine.host.run_test(f"umask 077; cat >/run/drill.key <<'END'\n{key.file.read_text()}\nEND")
    return "/run/drill.key"


def kill_a_restore(machine: Machine, key: Age) -> None:
    """In its middle."""
    restore = f"infisical-backup bring-back {archives(machine)[-1]} --identity {lay_down(machine, key)}"
    machine.host.check_output(f"systemd-run --quiet --unit=restore {restore}")
    half = "docker exec infisical-db-1 psql -qAtU infisical -lqt | grep _restored_"
    machine.host.check_output(f"until {half} || ! systemctl is-active --quiet restore; do sleep 0.05; done")
    machine.host.check_output("systemctl kill --signal=KILL restore")  # refused where it is over
    machine.host.check_output("timeout 10 sh -c 'while systemctl is-active --quiet restore; do sleep 0.05; done'")
    machine.host.check_output("systemctl reset-failed restore")
    assert machine.host.run(half).rc == 0, "over before it could be killed"


def test_a_backup_is_brought_back_with_the_secrets_and_identities_of_its_time(
    role: Apply, playbook: Apply, machine: Machine, vault: Vault, keys: list[Age], tmp_path: Path
) -> None:
    machine.host.check_output("systemctl start infisical-backup")
    machine.host.check_output("docker exec infisical-db-1 psql -qU infisical -c 'DELETE FROM secrets_v2'")
    assert vault.values() == {}
    run = machine.host.run(
        f"infisical-backup bring-back {archives(machine)[-1]} --identity {lay_down(machine, keys[2])}"
    )
    assert run.rc == 1 and "was encrypted for another key" in run.stderr and vault.values() == {}
    kill_a_restore(machine, keys[0])
    run = succeeded(
        playbook("playbooks/restore.yml", **given(keys), infisical_backup_restore_identity=str(keys[1].file))
    )
    assert vault.values() == SECRETS
    (saved,) = archives(machine, f"{BACKUPS}/before-restore")
    assert f"Infisical {NEW}" in run.text and saved in run.text
    assert "every secret as its manifest tells. No drill had proven it before." in run.text
    databases = machine.host.check_output("docker exec infisical-db-1 psql -qAtU infisical -lqt")
    assert "_restored_" not in databases and "_replaced_" not in databases
    # The host is lost with its archives, and a bare one takes its place; one archive lies elsewhere. Nobody is named
    # to encrypt for: who has the archive and its key needs nothing else.
    kept = tmp_path / Path(status(machine)["archive"]).name
    kept.write_bytes(machine.host.file(status(machine)["archive"]).content)
    lost = "docker compose down --volumes --timeout 2"
    machine.host.check_output(f"cd {DIRECTORY} && {lost} 2>&1 && rm -rf {DIRECTORY} {BACKUPS}")
    settings = machine.host.file("/etc/infisical-backup.json").content
    asked = {"infisical_backup_restore_archive": str(kept), "infisical_backup_restore_identity": str(keys[0].file)}
    succeeded(playbook("playbooks/restore.yml", **asked))
    assert machine.host.file("/etc/infisical-backup.json").content == settings
    assert [Path(name).name for name in archives(machine)] == [kept.name]
    assert machine.host.file(archives(machine)[0]).mode == 0o600 and machine.host.file(BACKUPS).mode == 0o700
    assert vault.values() == SECRETS
    assert succeeded(role("infisical", infisical_version=NEW)).changed == 0


def test_an_installation_of_the_mongo_era_is_named_and_dumped(role: Apply, machine: Machine) -> None:
    host = machine.host
    compose = {
        "services": {
            "backend": {"image": "infisical/infisical:v0.46.0", "env_file": ".env"},
            # No MongoDB can be had here: this container has a mongodump that says what it was asked.
            "mongo": {
                "image": "redis:7-alpine",
                "volumes": ["./mongodump:/usr/local/bin/mongodump:ro"],
                "environment": {"MONGO_INITDB_ROOT_USERNAME": "root", "MONGO_INITDB_ROOT_PASSWORD": "mongo-canary"},
            },
        }
    }
    program = '#!/bin/sh\n{ echo "$@"; cat; } | gzip\n'
    host.check_output("mkdir -p /opt/old")
    for name, text in (
        ("docker-compose.yml", json.dumps(compose)),
        ("mongodump", program),
        (".env", "MONGO_URL=x\nJWT_AUTH_SECRET=y\n"),
    ):
        host.check_output("printf %%s %s >%s", text, f"/opt/old/{name}")
    host.check_output(
        "chmod 755 /opt/old/mongodump && cd /opt/old && docker compose up --quiet-pull --detach mongo 2>&1"
    )
    before = host.check_output("find /opt/old -type f -exec sha256sum {} +")
    text = refused(role("infisical", infisical_directory="/opt/old"))
    assert "kept its data in MongoDB" in text and "playbooks/backup.yml" in text and "pg-migrator" in text
    assert host.check_output("find /opt/old -type f -exec sha256sum {} +") == before
    command = with_config(machine, "old", directory="/opt/old", to="/var/backups/old", recipients=[], plaintext=True)
    host.check_output(f"{command} run")
    dumped = host.check_output("tar -xOf /var/backups/old/infisical-*.tar mongo.archive.gz | gunzip")
    assert "--archive --gzip --authenticationDatabase=admin --username=root" in dumped and "mongo-canary" in dumped
    host.check_output("cd /opt/old && docker compose down --timeout 1 2>&1")


def test_it_is_taken_away_again_and_its_archives_stay(playbook: Apply, machine: Machine) -> None:
    host, before, records = machine.host, archives(machine), status(machine)
    absent = {"infisical_backup_state": "absent"}
    assert succeeded(playbook("playbooks/backup.yml", "--check", **absent)).changed > 0
    assert host.exists("infisical-backup")
    succeeded(playbook("playbooks/backup.yml", **absent))
    assert host.run("systemctl list-unit-files --no-legend 'infisical-backup*'").stdout == ""
    assert not host.exists("infisical-backup") and not host.file("/etc/infisical-backup.json").exists
    assert archives(machine) == before and status(machine) == records
