# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides, done by somebody with a checkout, a home and a key of their own, who types what stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

import pytest
import yaml

from lab import settings
from tests.end_to_end.by_hand import SECRET, ByHand
from tests.end_to_end.conftest import ADDRESSES, RECAP, ROOT, Lab, lab, remove_all
from tests.meta.repository import files
from tests.meta.test_docs_commands import BLOCK, commands
from tests.support.servers import Api

__all__ = ["lab"]  # a fixture

pytestmark = [pytest.mark.lab, pytest.mark.soak]
HOME_INVENTORY = "inventories/home"
REPOSITORY = "http://198.18.0.1:8080/git/omakase.git"
ARCHIVES = "/var/backups/infisical"
COPIES = "/srv/nas"
AUTHORISE = "ssh-copy-id -i /root/.ssh/backup.pub backup@nas.home.example"
NAS = [
    'ssh-keygen -t ed25519 -N "" -f /root/.ssh/backup',
    "ssh-keyscan nas.home.example >> /root/.ssh/known_hosts",
    # In the place of the one above, as nobody is there to type the password.
    "cat /root/.ssh/backup.pub >> /root/.ssh/authorized_keys",
]


@dataclass
class Reader:
    """The directory of a checkout, and the environment of a shell in it."""

    checkout: Path
    environ: dict[str, str]

    def types(self, line: str) -> str:
        """What it says, with status 0."""
        ran = self._typed(line)
        assert ran.returncode == 0, f"{line}\n{ran.stdout[-6000:]}{ran.stderr[-2000:]}"
        return ran.stdout

    def _typed(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line], cwd=self.checkout, env=self.environ, capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, timeout=1200,
        )  # fmt: skip

    def exports(self, line: str) -> None:
        """Type a line that holds for the rest of the shell."""
        self.environ.update(dict(word.split("=", 1) for word in line.split()[1:]))

    def refused(self, line: str) -> str:
        """What it says in the end, which is not status 0, on one line."""
        ran = self._typed(line)
        assert ran.returncode != 0, ran.stdout[-6000:]
        return " ".join(ran.stdout.split())

    def follows(self, guide: str, lines: Sequence[str], instead: Mapping[str, str]) -> None:
        """Type these lines, which must be all that stand in the guide. instead: what is typed here for some."""
        assert set(lines) == set(commands(ROOT / "docs" / "guides" / f"{guide}.md"))
        for line in lines:
            self.types(instead.get(line, line))

    def lose(self, *vmids: int) -> None:
        """Hosts are gone, and some time later."""
        remove_all(*vmids)
        shutil.rmtree(Path(self.environ["HOME"]) / ".ansible/cp")  # connections that Ansible keeps for a minute

    def connect_nas(self) -> None:
        """What day two types on the Infisical host before its first copy. The NAS is that host, by another name."""
        self.on_infisical(f"echo 127.0.0.1 nas.home.example >> /etc/hosts && mkdir --mode=0700 {COPIES}")
        for line in NAS:
            self.on_infisical(line)

    def write(self, path: str, content: object) -> None:
        (self.checkout / path).write_text(yaml.safe_dump(content, sort_keys=False))

    def on(self, host: str, command: str) -> str:
        """A command that a guide gives for a host."""
        trusted, key = self.environ["ANSIBLE_SSH_EXTRA_ARGS"], self.environ["ANSIBLE_PRIVATE_KEY_FILE"]
        return f"ssh {trusted} -i {key} root@{ADDRESSES[host]} {quote(command)}"

    def on_infisical(self, command: str) -> str:
        """What a command prints there, with status 0."""
        return self.types(self.on("infisical", command))


@pytest.fixture(scope="module")
def reader(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A bare Proxmox, and somebody who has just cloned this repository."""
    remove_all()
    folder = tmp_path_factory.mktemp("reader")
    checkout, home = folder / "omakase.homelab", folder / "home"
    for path in files():
        copy = checkout / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy, follow_symlinks=False)
    link = checkout / "collections/ansible_collections/omakase/homelab"
    link.parent.mkdir(parents=True)
    link.symlink_to("../../..")
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    environ = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        # OpenSSH takes its files from the home that the system knows, whatever HOME says.
        "ANSIBLE_PRIVATE_KEY_FILE": str(home / ".ssh/id_ed25519"),
        "ANSIBLE_SSH_EXTRA_ARGS": f"-o UserKnownHostsFile={home}/.ssh/known_hosts",
    }
    return Reader(checkout, environ)


# Nobody here reaches the vendors: the lab's repositories and registry in their place, and what the lab's Omakase reads.
def sources() -> dict[str, object]:
    where = ROOT / "inventories" / "lab" / "group_vars"
    every = yaml.safe_load((where / "all/main.yml").read_text())
    omakase = [yaml.safe_load((where / f"omakase/{name}.yml").read_text()) for name in ("main", "secrets")]
    found = {name: value for name, value in every.items() if name.startswith(("docker_", "lab_"))}
    return {**found, **omakase[0], **omakase[1]}


SITE = "ansible-playbook -i inventories/home --vault-password-file inventories/home/.vault_password site.yml"
PLAN = f"{SITE} --check --diff"


def test_the_first_homelab_on_proxmox(reader: Reader) -> None:
    reader.types("ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519")
    answers = {
        "init_ask": False,
        "init_omakase_repository": REPOSITORY,
        "init_domain": "homelab.test",
        "init_proxmox_host": "127.0.0.1",
        "init_proxmox_password": (settings.PROXMOX / "password").read_text().strip(),
        "init_proxmox_ca_path": "pve-root-ca.pem",
        "init_gateway": "198.18.0.1",
        "init_infisical_address": f"{ADDRESSES['infisical']}/24",
        "init_omakase_address": f"{ADDRESSES['omakase']}/24",
    }
    (reader.checkout / "answers.json").write_text(json.dumps(answers))
    reader.write("sources.yml", sources())
    group = f"{HOME_INVENTORY}/group_vars"
    clone, ansible, collections, authority = (
        "git clone https://github.com/omakase-homelab/omakase.homelab && cd omakase.homelab",
        "pipx install ansible-core",
        "ansible-galaxy collection install -r requirements.yml",
        "scp root@PROXMOX:/etc/pve/pve-root-ca.pem .",
    )
    init, export = "ansible-playbook playbooks/init.yml", "omakase-infisical export"
    reader.follows(
        "proxmox",
        [clone, ansible, collections, authority, init, PLAN, SITE, export],
        {
            clone: "git --version",
            ansible: "ansible --version",
            authority: f"cp {settings.PROXMOX}/ca.pem pve-root-ca.pem",
            collections: "ansible-galaxy collection list community.docker",
            init: f"{init} -e @answers.json && cp sources.yml {group}/infisical/sources.yml"
            f" && mv sources.yml {group}/omakase/sources.yml",
            export: reader.on("omakase", export),
        },
    )
    again = reader.types(SITE)
    assert {match["changed"] for match in RECAP.finditer(again)} == {"0"}, again[-6000:]


EXPORT = "export ANSIBLE_INVENTORY=inventories/home ANSIBLE_VAULT_PASSWORD_FILE=inventories/home/.vault_password"


def test_day_two(reader: Reader) -> None:
    reader.exports(EXPORT)
    reader.types("age-keygen -o backup.key")
    recipient = reader.types("age-keygen -y backup.key").strip()
    reader.connect_nas()
    copies = {"kind": "rsync", "to": f"root@nas.home.example:{COPIES}/", "ssh_key_file": "/root/.ssh/backup"}
    given = {"infisical_backup_recipients": [recipient], "infisical_backup_copies": [copies]}
    reader.write(f"{HOME_INVENTORY}/group_vars/infisical/sources.yml", {**sources(), **given})
    key, update = "-e infisical_backup_restore_identity=backup.key", "ansible-galaxy collection install --upgrade"
    reader.follows(
        "day-two",
        [
            EXPORT,
            *NAS[:2],
            AUTHORISE,
            "ansible-playbook playbooks/backup.yml",
            f"ansible-playbook playbooks/drill.yml {key}",
            "ansible-playbook playbooks/doctor.yml",
            "ansible-playbook playbooks/audit.yml",
            "ansible-playbook playbooks/rotate.yml --check",
            "ansible-playbook playbooks/omakase.yml",
            "ansible-playbook playbooks/upgrade.yml",
            f"{update} omakase.homelab",
        ],
        {
            **dict.fromkeys([*NAS[:2], AUTHORISE], "true"),  # typed above, on the host
            f"{update} omakase.homelab": "ansible-galaxy collection list",
        },
    )
    assert "infisical-" in reader.on_infisical(f"ls {COPIES}")


def test_a_bad_day(reader: Reader) -> None:
    """Both hosts are gone, one after the other; then somebody may have read the secrets."""
    before = reader.types(reader.on("omakase", "omakase-infisical export"))
    rsync = "rsync --archive backup@nas.home.example:infisical/ copies/"
    fetch = "restic --repo rest:https://nas.home.example/infisical restore latest --tag infisical --target copies"
    # What infisical_backup copies; here it lies on a disk.
    reader.environ["RESTIC_PASSWORD"] = "canary-restic"
    reader.types(reader.on("infisical", f"tar -C {ARCHIVES} -c .") + " | tar -x --one-top-level=archives")
    reader.types("restic --repo copied init && restic --repo copied backup --tag infisical archives")
    reader.types(fetch.replace("rest:https://nas.home.example/infisical", "copied"))
    found = sorted(reader.checkout.glob("copies/**/infisical-*"), key=lambda path: path.name)
    ssh = reader.on("infisical", "").partition(" root@")[0]
    reader.types(f"rsync -e {quote(ssh)} --archive root@{ADDRESSES['infisical']}:{COPIES}/ copies/")
    copied = max(reader.checkout.glob("copies/infisical-*"), key=lambda path: path.name)
    assert copied.read_bytes() == found[-1].read_bytes()
    archive = str(found[-1].relative_to(reader.checkout))
    restore = (
        "ansible-playbook playbooks/restore.yml -e infisical_backup_restore_identity=backup.key"
        " -e infisical_backup_restore_archive=ARCHIVE"
    )
    provision = "ansible-playbook playbooks/provision.yml"
    doctor, infisical = (f"ansible-playbook playbooks/{name}.yml" for name in ("doctor", "infisical"))
    backup, omakase = (f"ansible-playbook playbooks/{name}.yml" for name in ("backup", "omakase"))
    audit, site = "ansible-playbook playbooks/audit.yml", "ansible-playbook site.yml"
    rotate = "ansible-playbook playbooks/rotate.yml -e rotate_names=POSTGRES_PASSWORD,omakase-deployment,omakase-dev"
    init = "ansible-playbook playbooks/init.yml -e init_directory=inventories/new"
    unset, plan = "unset ANSIBLE_INVENTORY ANSIBLE_VAULT_PASSWORD_FILE", "ansible-playbook site.yml --check --diff"
    told = {EXPORT, doctor, infisical, provision, rsync, fetch, restore, site, backup, omakase, rotate, audit}
    assert told | {unset, init, plan} == set(commands(ROOT / "docs/guides/disaster.md"))

    reader.types(doctor)
    reader.types(infisical)
    reader.lose(101)
    for line in (provision, restore.replace("ARCHIVE", archive), site, doctor):
        reader.types(line)
    reader.connect_nas()
    reader.types(backup)
    assert reader.types(reader.on("omakase", "omakase-infisical export")) == before
    reader.lose(100)
    for line in (provision, omakase):
        reader.types(line)
    assert reader.types(reader.on("omakase", "omakase-infisical export")) == before
    reader.types(rotate)
    reader.types(audit)
    home = reader.checkout / HOME_INVENTORY
    (home / ".vault_password").unlink()
    reader.types(f"{unset} && {init} -e @answers.json")
    for path in (reader.checkout / "inventories/new").rglob("*"):
        if path.name in ("secrets.yml", ".vault_password"):
            path.replace(home / path.relative_to(reader.checkout / "inventories/new"))
    reader.types(plan)
    assert {match["changed"] for match in RECAP.finditer(reader.types(site))} == {"0"}
    after = reader.types(reader.on("omakase", "omakase-infisical export"))
    changed = set(before.splitlines()) ^ set(after.splitlines())
    assert {re.split(r"[ =]", line)[0] for line in changed} == {"POSTGRES_PASSWORD"}


def test_without_the_internet(reader: Reader) -> None:
    """No mirror of Docker Hub and no repository of the command: both come from files beside the inventory."""
    reader.exports(EXPORT)
    page = ROOT / "docs/guides/air-gapped.md"
    images, command = [block for kind, block in BLOCK.findall(page.read_text()) if kind == "yaml"]
    files = reader.checkout / "inventories/files"
    files.mkdir()
    save, checksum, _demo = commands(page)
    for line in (save, checksum):
        reader.on_infisical(line)
    reader.types(reader.on("infisical", "tar -c infisical-images.tar*") + f" | tar -x --directory {files}")
    package = files / "infisical_0.43.136_linux_amd64.deb"
    shutil.copy(settings.CACHE / "www/infisical/deb/pool/infisical_0.43.136_amd64.deb", package)
    (asked,) = re.findall(r"`(sha256sum .+?)`", command)
    digest = reader.types(f"cd {files.parent} && {asked}").split()[0]
    group = reader.checkout / HOME_INVENTORY / "group_vars"
    (group / "infisical/air_gapped.yml").write_text(images)
    (group / "omakase/air_gapped.yml").write_text(re.sub(r"(archive_checksum: ).*", rf"\g<1>{digest}", command))
    known = sources()
    reader.write(f"{group}/omakase/sources.yml", {key: known[key] for key in known if "_cli_" not in key})
    alone = {key: known[key] for key in known if key != "docker_daemon_options"}
    reader.write(f"{group}/infisical/sources.yml", {**alone, "docker_proof_image": ""})

    reader.lose(100, 101)
    reader.types("ansible-playbook site.yml")
    assert "198.18.0.1:5000" not in reader.on_infisical("docker info")
    assert reader.types(reader.on("omakase", "omakase-infisical export"))
    again = reader.types("ansible-playbook site.yml")
    assert {match["changed"] for match in RECAP.finditer(again)} == {"0"}, again[-6000:]


@pytest.fixture
def by_hand(reader: Reader) -> Iterator[ByHand]:
    """Where the guide has it, on the Infisical host; what the inventory says of it is unsaid afterwards."""
    installation = ByHand(
        run=reader.on_infisical,
        api=Api(f"http://{ADDRESSES['infisical']}"),
        directory="/opt/infisical",
        compose_file="docker-compose.yml",
    )
    yield installation
    (reader.checkout / OF_BEFORE).unlink(missing_ok=True)


# Its name comes after secrets.yml, which has the same variables, empty.
OF_BEFORE = f"{HOME_INVENTORY}/group_vars/infisical/that_of_before.yml"


def of_before(installation: ByHand, **more: str) -> dict[str, str]:
    """What the guide wants in the inventory."""
    account = installation.account
    admin = {"infisical_project_admin_email": account.email, "infisical_project_admin_password": account.password}
    return {"infisical_directory": installation.directory, **admin, **more}


PLAY, SITE_OF_HOME = "ansible-playbook playbooks/infisical.yml", "ansible-playbook site.yml"
BY_HAND = [
    EXPORT,
    "docker ps",
    f"{PLAY} --check --diff",
    SITE_OF_HOME,
    "ansible-playbook playbooks/rotate.yml -e rotate_names=omakase-deployment",
]
OF_MONGODB = [
    f"{PLAY} --tags infisical_keys --tags infisical_start",
    "docker compose stop backend",
    "docker compose exec db dropdb --username infisical infisical",
    "docker compose exec db createdb --username infisical infisical",
    "docker compose exec -T db pg_restore --username infisical --dbname infisical --no-owner < infisical.dump",
    SITE_OF_HOME,
]


def test_from_an_installation_by_hand(reader: Reader, by_hand: ByHand) -> None:
    reader.exports(EXPORT)
    by_hand.set_up()
    keys = by_hand.key_lines()
    reader.write(OF_BEFORE, of_before(by_hand))
    assert {*BY_HAND, *OF_MONGODB} == set(commands(ROOT / "docs/guides/migrating.md"))
    by_hand.run("docker ps")
    for line in BY_HAND[2:]:
        reader.types(line)
    assert by_hand.key_lines() == keys
    assert by_hand.secret() == SECRET


def test_from_an_installation_that_is_not_where_the_role_has_its_own(reader: Reader, by_hand: ByHand) -> None:
    """Each thing that would be lost is named at once, with the commands that take it over; they are typed."""
    by_hand.directory, by_hand.compose_file = "/srv/vault", "docker-compose.prod.yml"
    by_hand.mail = "SMTP_HOST=mail.home.example\nSMTP_FROM_ADDRESS=me@home.example\nSMTP_PASSWORD=canary-mail\n"
    reader.exports(EXPORT)
    by_hand.set_up()
    keys = by_hand.key_lines()
    reader.write(OF_BEFORE, of_before(by_hand))
    site = "ansible-playbook playbooks/infisical.yml"
    said = reader.refused(site)
    assert "sets SMTP_FROM_ADDRESS, SMTP_HOST, SMTP_PASSWORD, of which" in said and "canary" not in said
    # The first renames the compose file, the others copy the volume.
    told = dict.fromkeys(line for line in re.findall(r"`([^`]+)`", said) if line.startswith(("mv ", "docker ")))
    reader.on_infisical(f"cd {by_hand.directory} && {' && '.join(told)}")
    mail = {"host": "mail.home.example", "from_address": "me@home.example", "password": "canary-mail"}
    reader.write(OF_BEFORE, of_before(by_hand, **{f"infisical_smtp_{name}": value for name, value in mail.items()}))
    reader.types(f"{site} --check --diff")
    reader.types(site)
    assert by_hand.key_lines() == keys
    assert by_hand.secret() == SECRET


def test_from_a_dump_of_another_server(reader: Reader, by_hand: ByHand) -> None:
    """What pg-migrator makes of a MongoDB is a dump and a key as well; here both are of the server that is set up."""
    by_hand.directory = "/srv/old"
    reader.exports(EXPORT)
    by_hand.set_up()
    key = next(line for line in by_hand.key_lines() if line.startswith("ENCRYPTION_KEY=")).partition("=")[2]
    dump = "docker compose exec -T db pg_dump -Fc --username infisical infisical > /root/infisical.dump"
    by_hand.run(f"cd {by_hand.directory} && {dump} && docker compose down --volumes")
    by_hand.directory = "/opt/infisical"
    reader.write(OF_BEFORE, of_before(by_hand, infisical_encryption_key=key))
    first, *inside, site = OF_MONGODB
    reader.types(first)
    by_hand.run("mv /root/infisical.dump /opt/infisical")
    for line in inside:
        by_hand.run(f"cd /opt/infisical && {line} </dev/null" if "<" not in line else f"cd /opt/infisical && {line}")
    reader.types(site)
    by_hand.log_in_again()
    assert by_hand.secret() == SECRET
