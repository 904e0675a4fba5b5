# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/init.yml writes an inventory that is right, or says what is not; and overwrites nothing."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.roles.playbook import ROOT, Run, refused, succeeded
from tests.roles.proxmox import Proxmox
from tests.support.artifact import build, install

PROGRAMS = Path(sys.executable).parent
PASSWORD = "proxmox-password-canary"
REPOSITORY = "https://git.example.org/omakase.git"
Init = Callable[..., Run]


@pytest.fixture
def init(tmp_path: Path) -> Init:
    """Runs the playbook in a directory of a user, who is never there to answer."""
    (tmp_path / "key.pub").write_text("ssh-ed25519 AAAAC3Nza somebody@somewhere\n")
    common = {
        "init_ask": False,
        "init_directory": "home",
        "init_omakase_repository": REPOSITORY,
        "init_domain": "home.example.org",
        "init_ssh_public_key_file": "key.pub",
    }

    def run(*arguments: str, **answers: Any) -> Run:
        (tmp_path / "answers.json").write_text(json.dumps({**common, **answers}))
        ran = command(tmp_path, "ansible-playbook", str(ROOT / "playbooks/init.yml"), "-e@answers.json", *arguments)
        assert PASSWORD not in ran.stdout + ran.stderr
        return Run(ran.returncode, ran.stdout + ran.stderr)

    return run


@pytest.fixture
def answers(proxmox: Proxmox, certificate: tuple[str, str]) -> dict[str, Any]:
    """Return what suits a Proxmox that is there."""
    return {
        "init_kind": "proxmox",
        "init_proxmox_host": "127.0.0.1",
        "init_proxmox_password": PASSWORD,
        "init_proxmox_ca_path": certificate[0],
        "init_infisical_vmid": "201",
        "init_infisical_address": "192.0.2.201/24",
        "init_omakase_address": "192.0.2.100/24",
        "proxmox_lxc_api_port": proxmox.port,
        # Nothing answers there, but to find that out takes a while.
        "proxmox_lxc_check_addresses": False,
    }


def command(folder: Path, *words: str, collections: Path = ROOT / "collections") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PWD": str(folder),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
    }
    return subprocess.run(
        [str(PROGRAMS / words[0]), *words[1:]],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def variables(folder: Path) -> dict[str, dict[str, Any]]:
    """What Ansible reads for each host, with the password of the vault."""
    read = command(folder, "ansible-inventory", "-i", "home", "--vault-password-file", "home/.vault_password", "--list")
    assert read.returncode == 0, read.stderr
    return dict(json.loads(read.stdout)["_meta"]["hostvars"])


def test_an_inventory_for_proxmox_is_written_vaulted_and_checked_and_nothing_is_made(
    init: Init, answers: dict[str, Any], proxmox: Proxmox, tmp_path: Path
) -> None:
    said = succeeded(init("-vvv", "--diff", **answers))
    assert proxmox.written == []
    assert "ansible-playbook -i " in said.text and "omakase.homelab.site --check --diff" in said.text

    home = tmp_path / "home"
    files = {path.relative_to(home).as_posix(): path for path in home.rglob("*.yml")}
    source = ROOT / "inventories" / "proxmox"
    assert set(files) == {path.relative_to(source).as_posix() for path in source.rglob("*.yml")}
    for path in (path for name, path in files.items() if name.endswith("secrets.yml")):
        assert path.read_text().startswith("$ANSIBLE_VAULT;1.1;AES256\n")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((home / ".vault_password").stat().st_mode) == 0o600

    hosts = variables(tmp_path)
    assert hosts["infisical01"]["ansible_host"] == "192.0.2.201"
    omakase = hosts["omakase01"]
    assert omakase["omakase_repository"] == REPOSITORY
    assert omakase["omakase_secrets"]["DOMAINNAME"] == "home.example.org"
    assert omakase["infisical_url"] == "http://192.0.2.201"
    pve = hosts["pve"]
    assert pve["proxmox_lxc_api_password"] == PASSWORD
    assert [entry["vmid"] for entry in pve["proxmox_lxc_containers"]] == [201, 100]
    assert pve["proxmox_lxc_defaults"]["ssh_public_keys"] == ["ssh-ed25519 AAAAC3Nza somebody@somewhere"]

    # The comments of the source are its comments, and it is ready for an editor.
    main = files["group_vars/proxmox/main.yml"]
    comments = [line for line in main.read_text().splitlines() if line.strip().startswith("#")]
    originals = (source / "group_vars/proxmox/main.yml").read_text().replace("FILL IN: name", "Name")
    assert comments[1:] == [line for line in originals.splitlines() if line.strip().startswith("#")][1:]
    schema = comments[0].partition("$schema=")[2]
    assert (main.parent / schema).resolve() == ROOT / "inventories" / "schema.json"


@pytest.mark.parametrize(
    ("key", "private", "written"),
    [
        (".ssh/homelab.pub", ".ssh/homelab", True),
        (".ssh/id_ed25519.pub", ".ssh/id_ed25519", False),
        (".ssh/agent.pub", None, False),  # an agent has the other half
    ],
)
def test_the_other_half_of_the_key_is_named_where_ssh_would_not_try_it(
    init: Init, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, private: str | None, written: bool
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    for name in (private, key):
        if name:
            (tmp_path / name).write_text("ssh-ed25519 AAAAC3Nza somebody@somewhere\n")
    given = {"init_proxmox_host": "pve.home.example.org", "init_proxmox_password": PASSWORD, "init_check": False}
    succeeded(init(init_kind="proxmox", **given, init_ssh_public_key_file=f"~/{key}"))
    expected = str(tmp_path / private) if private and written else None
    hosts = variables(tmp_path)
    assert [hosts[name].get("ansible_ssh_private_key_file") for name in ("infisical01", "omakase01")] == [expected] * 2


def test_what_proxmox_lacks_is_said_at_once_and_the_inventory_is_there_to_correct(
    init: Init, answers: dict[str, Any], proxmox: Proxmox, tmp_path: Path
) -> None:
    said = refused(init(**answers | {"init_storage": "nowhere", "init_bridge": "vmbr9"}))
    assert "there is no storage 'nowhere' on pve" in said
    assert "there is no bridge 'vmbr9' on pve" in said
    assert f"Correct it in {tmp_path}/home/group_vars/proxmox/main.yml" in said
    assert "omakase.homelab.provision --limit proxmox --check" in said
    assert proxmox.written == []


def test_an_inventory_that_is_there_is_not_touched_and_everything_else_that_is_wrong_is_said_too(
    init: Init, answers: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    wrong = {"init_omakase_address": "dhcp", "init_ssh_public_key_file": "none.pub", "init_proxmox_password": ""}
    said = refused(init(**answers | wrong))
    assert f"{tmp_path}/home is there already" in said
    assert "init_omakase_address is dhcp" in said
    assert f"There is no {tmp_path}/none.pub" in said
    assert "init_proxmox_password is empty" in said
    assert list((tmp_path / "home").iterdir()) == []


def test_infisical_cloud_needs_no_proxmox_and_the_vault_may_have_a_name_and_a_password_that_is_there(
    init: Init, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("a password of my own\n")
    cloud = {"init_project_id": "1f", "init_client_id": "me", "init_client_secret": "client-secret: canary"}
    own = {"init_vault_id": "homelab", "init_vault_password_file": "password"}
    succeeded(init(init_kind="cloud", **cloud, **own))
    secrets = tmp_path / "home/group_vars/omakase/secrets.yml"
    assert secrets.read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;homelab\n")
    assert not (tmp_path / "home/.vault_password").exists()
    words = ["view", "--vault-id", "homelab@password", str(secrets)]
    shown = command(tmp_path, "ansible-vault", *words).stdout
    assert yaml.safe_load(shown)["infisical_client_secret"] == "client-secret: canary"


QUESTIONS = {
    "What do you want to set up": "single_host",
    "Directory of the inventory": "",
    "File with the password of its vault": "",
    "Address of your Omakase repository": REPOSITORY,
    "Environment of the Infisical project": "prod",
    "Your domain": "home.example.org",
    "Address of the machine": "192.0.2.7",
    "User to log in as": "",
}


def test_it_asks_what_it_was_not_told_and_an_empty_answer_takes_what_is_proposed(tmp_path: Path) -> None:
    said = answered(str(PROGRAMS / "ansible-playbook"), str(ROOT / "playbooks/init.yml"), folder=tmp_path)
    assert "failed=0" in said
    assert "The inventory is in " in said
    (tmp_path / "inventories/home").rename(tmp_path / "home")
    homelab = variables(tmp_path)["homelab"]
    assert (homelab["ansible_host"], homelab["ansible_user"]) == ("192.0.2.7", "root")
    assert (homelab["omakase_repository"], homelab["omakase_environment"]) == (REPOSITORY, "prod")


def answered(*words: str, folder: Path) -> str:
    """What a command says on a terminal at which somebody answers QUESTIONS."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.environ.update(PWD=str(folder), ANSIBLE_COLLECTIONS_PATH=str(ROOT / "collections"))
        os.execv(words[0], words)  # noqa: S606
    said, answer = b"", b""
    left = dict(QUESTIONS)
    end = time.monotonic() + 300
    with contextlib.suppress(OSError):  # how a terminal ends
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 10)[0]:
                # Ansible throws away what is typed before it listens, and it has just said its question.
                os.write(terminal, answer)
                continue
            said += os.read(terminal, 4096)
            asked = [question for question in left if question.encode() in said and said.rstrip().endswith(b":")]
            for question in asked:
                answer = f"{left.pop(question)}\n".encode()
                os.write(terminal, answer)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert left == {}, said.decode()
    return said.decode()


def test_check_mode_writes_nothing(init: Init, tmp_path: Path) -> None:
    succeeded(init("--check", init_kind="single_host"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.json", "key.pub"]


def test_in_its_checkout_it_names_the_playbooks_there(tmp_path: Path) -> None:
    said = command(ROOT, "ansible-playbook", "playbooks/init.yml", "-e", _one_machine(tmp_path))
    assert said.returncode == 0, said.stdout
    text = " ".join(said.stdout.split())
    assert "/.vault_password site.yml --check --diff" in text and "homelab.site" not in text
    assert "inventories/home" not in (hosts := (tmp_path / "home/hosts.yml").read_text()) and " site.yml" in hosts


def test_installed_it_names_the_playbooks_of_the_collection_which_ansible_finds(tmp_path: Path) -> None:
    (tmp_path / "collections").mkdir()
    collections = install(build(tmp_path), tmp_path / "collections")
    said = command(
        tmp_path, "ansible-playbook", "omakase.homelab.init", "-e", _one_machine(tmp_path), collections=collections
    )
    assert said.returncode == 0, said.stdout
    text = " ".join(said.stdout.split())
    assert "/.vault_password omakase.homelab.site --check --diff" in text and "site.yml" not in text
    assert "site.yml" not in (hosts := (tmp_path / "home/hosts.yml").read_text()) and "omakase.homelab.site" in hosts
    site = ["-i", "home", "--vault-password-file", "home/.vault_password", "omakase.homelab.site", "--list-tasks"]
    listed = command(tmp_path, "ansible-playbook", *site, collections=collections)
    assert listed.returncode == 0, listed.stderr
    assert "Run Omakase with its secrets from Infisical" in listed.stdout


def _one_machine(folder: Path) -> str:
    """What makes an inventory there and asks nothing."""
    common = {"init_ask": False, "init_kind": "single_host", "init_directory": str(folder / "home")}
    return json.dumps({**common, "init_omakase_repository": REPOSITORY, "init_domain": "home.example.org"})
