# SPDX-License-Identifier: GPL-3.0-or-later
"""The role infisical_cli on a real machine: the tests build on each other in the order they stand in."""

from __future__ import annotations

import functools
import hashlib
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab.shell import wait_for
from tests.faults.playbook import LIMIT, Playbook
from tests.roles.machine import SERVER, Machine, cli_of_the_lab
from tests.roles.playbook import ROOT, Run, refused, succeeded

pytestmark = pytest.mark.lab
ADDRESS = "198.18.0.162"
DEAD = (
    "deb [signed-by=/usr/share/keyrings/infisical-infisical-cli-archive-keyring.gpg] "
    "https://dl.cloudsmith.io/public/infisical/infisical-cli/deb/debian trixie main\n"
)

STAND_IN = ROOT / "lab" / "stand_ins" / "infisical_cli" / "infisical"
# As another apt at work, until it is stopped
APT_AT_WORK = "import fcntl, signal; held = open('/var/lib/apt/lists/lock', 'w'); fcntl.lockf(held, 2); signal.pause()"
RELEASE = "0.43.137"
OLDER = "0.43.1"

Role = Callable[..., Run]


@pytest.fixture
def role(machine: Machine, tmp_path: Path) -> Role:
    """Runs the role with the lab's repository."""
    given = cli_of_the_lab()

    def run(*arguments: str, **changes: Any) -> Run:
        return machine.role(tmp_path, "infisical_cli", {**given, **changes}, *arguments)

    return run


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Iterator[tuple[str, str]]:
    """A server with a release in the layout of the vendor's: its address, and the archive's SHA-256."""
    folder = tmp_path_factory.mktemp("releases")
    content = folder / "content"
    (content / "completions").mkdir(parents=True)
    (content / "infisical").write_text(STAND_IN.read_text().replace("0.43.136", RELEASE))
    (content / "infisical").chmod(0o755)
    for shell in ("bash", "fish", "zsh"):
        text = subprocess.run([sys.executable, str(STAND_IN), "completion", shell], check=True, capture_output=True)
        (content / "completions" / f"infisical.{shell}").write_bytes(text.stdout)
    archive = folder / f"cli_{RELEASE}_linux_amd64.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("infisical", "completions"):
            tar.add(content / name, name)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (folder / "checksums.txt").write_text(f"{'0' * 64}  other.tar.gz\n{digest}  {archive.name}\n")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer((SERVER.split("/")[2].split(":")[0], 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{server.server_address[0]}:{server.server_address[1]}", digest  # type: ignore[str-bytes-safe]
        server.shutdown()


def test_a_plan_on_a_fresh_machine_succeeds_and_tells_what_would_be_installed(role: Role, machine: Machine) -> None:
    assert "Would install infisical" in succeeded(role("--check", "--diff")).text
    assert not machine.host.file("/etc/apt/sources.list.d/infisical.sources").exists


def test_it_waits_for_another_apt_even_where_the_module_that_would_wait_is_not_there(
    machine: Machine, tmp_path: Path
) -> None:
    assert not machine.host.package("python3-apt").is_installed
    machine.host.check_output("systemd-run --quiet --collect --unit=apt-at-work python3 -c %s", APT_AT_WORK)
    play = {"hosts": "machines", "gather_facts": False, "roles": ["omakase.homelab.infisical_cli"]}
    playbook = Playbook(tmp_path, machine.inventory, play, cli_of_the_lab())
    process = playbook.start()
    wait_for(lambda: "FAILED - RETRYING" in playbook.log.read_text() or process.poll() is not None, LIMIT)
    machine.host.check_output("systemctl stop apt-at-work")
    assert process.wait(LIMIT) == 0 and "FAILED - RETRYING" in playbook.log.read_text(), playbook.log.read_text()


def test_it_installs_the_command_and_removes_the_dead_repository(role: Role, machine: Machine) -> None:
    host = machine.host
    host.check_output("apt-get purge -qq infisical")
    host.check_output("printf %s > /etc/apt/sources.list.d/infisical-infisical-cli.list", f"# Infisical\n{DEAD}")
    host.check_output("printf %s >> /etc/apt/sources.list", f"# kept\n{DEAD}")
    succeeded(role())
    assert host.check_output("infisical --version").startswith("infisical version ")
    assert host.check_output("bash -c '. /etc/bash_completion.d/infisical; complete -p infisical'")
    assert not host.file("/etc/profile.d/infisical.sh").exists
    assert not host.file("/etc/apt/sources.list.d/infisical-infisical-cli.list").exists
    main = host.file("/etc/apt/sources.list").content_string
    assert "cloudsmith" not in main and "# kept" in main
    host.check_output("apt-get update")
    assert (
        "Signed-By: /etc/apt/keyrings/infisical.asc"
        in host.file("/etc/apt/sources.list.d/infisical.sources").content_string
    )


def test_a_second_run_changes_nothing_though_the_repository_has_a_newer_version(role: Role, machine: Machine) -> None:
    steps = [
        "cd $(mktemp -d)",
        "apt-get download -qq infisical",
        "dpkg-deb --raw-extract infisical_*.deb package",
        f"sed -i 's/^Version: .*/Version: {OLDER}/' package/DEBIAN/control",
        "dpkg-deb --build package old.deb",
        "dpkg --force-downgrade -i old.deb",
    ]
    machine.host.check_output(" && ".join(steps))
    assert succeeded(role()).changed == 0
    assert machine.host.package("infisical").version == OLDER


def test_it_is_upgraded_to_the_newest_when_that_is_asked_for(role: Role, machine: Machine) -> None:
    assert succeeded(role(infisical_cli_upgrade=True)).changed == 1
    assert machine.host.package("infisical").version != OLDER
    assert succeeded(role(infisical_cli_upgrade=True)).changed == 0


def test_an_exact_version_that_is_not_to_be_had_is_named_and_the_one_there_kept(role: Role, machine: Machine) -> None:
    version = machine.host.package("infisical").version
    assert "infisical=0.0.1" in refused(role(infisical_cli_version="0.0.1"))
    assert machine.host.package("infisical").version == version


def test_an_exact_version_is_held_and_let_go(role: Role, machine: Machine) -> None:
    version = machine.host.package("infisical").version
    for hold, held, changed in ((True, "infisical", 1), (False, "", 1), (False, "", 0)):
        assert succeeded(role(infisical_cli_version=version, infisical_cli_hold=hold)).changed == changed
        assert machine.host.check_output("apt-mark showhold") == held


def test_shells_are_told_of_the_server_only_when_asked(role: Role, machine: Machine) -> None:
    succeeded(role(infisical_cli_profile=True, infisical_cli_domain="https://vault.test"))
    seen = machine.host.check_output(
        "bash -lc 'echo $INFISICAL_DOMAIN $INFISICAL_API_URL $INFISICAL_DISABLE_UPDATE_CHECK'"
    )
    assert seen == "https://vault.test https://vault.test/api true"
    assert "--telemetry=false" in machine.host.check_output("bash -lc 'alias infisical'")


def test_a_release_s_archive_is_installed_if_its_checksum_is_right(
    role: Role, machine: Machine, releases: tuple[str, str]
) -> None:
    url, digest = releases
    host = machine.host
    given = {"infisical_cli_source": "archive", "infisical_cli_release_url": url, "infisical_cli_version": RELEASE}
    assert f"Would install infisical {RELEASE}" in succeeded(role("--check", **given)).text
    assert "checksum" in refused(role(**given, infisical_cli_archive_checksum="1" * 64))
    assert not host.file("/usr/local/bin/infisical").exists
    assert succeeded(role(**given)).changed
    assert host.check_output("infisical --version").startswith(f"infisical version {RELEASE}")
    completions = "/usr/local/share/bash-completion/completions/infisical"
    assert "export" in host.check_output(f"bash -c '. {completions}; complete -p infisical'")
    assert host.check_output("ls /usr/local/share/zsh/site-functions /usr/local/share/fish/vendor_completions.d")
    assert host.check_output("find /tmp /root -name '*.infisical'") == ""
    assert succeeded(role(**given, infisical_cli_archive_checksum=digest)).changed == 0
    host.check_output("rm /usr/local/bin/infisical")


def test_a_command_that_does_not_answer_is_named(role: Role, machine: Machine) -> None:
    machine.host.check_output(
        "printf '#!/bin/sh\\nexit 3\\n' > /usr/local/bin/infisical && chmod 0755 /usr/local/bin/infisical"
    )
    text = refused(role())
    assert "`infisical --version` on infisical-cli says" in text and "type -a infisical" in text
    machine.host.check_output("rm /usr/local/bin/infisical")
