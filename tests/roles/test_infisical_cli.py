# SPDX-License-Identifier: GPL-3.0-or-later
"""The role infisical_cli on a real machine: the tests build on each other in the order they stand in."""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab import packages
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
# Where nobody answers
NOBODY = "http://198.18.0.1:1"

Role = Callable[..., Run]


@pytest.fixture
def role(machine: Machine, tmp_path: Path) -> Role:
    """Runs the role with the lab's repository."""
    given = cli_of_the_lab()

    def run(*arguments: str, **changes: Any) -> Run:
        return machine.role(tmp_path, "infisical_cli", {**given, **changes}, *arguments)

    return run


@dataclass(frozen=True)
class Releases:
    """Releases in the layout of the vendor's: what is in the folder is served at the address."""

    folder: Path
    url: str

    def sum(self, name: str) -> str:
        """SHA-256 of one of their files."""
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, machine: Machine) -> Iterator[Releases]:
    """An archive of RELEASE, packages of RELEASE and OLDER, and their checksums, served."""
    folder = tmp_path_factory.mktemp("releases")
    pack_archive(RELEASE, tmp_path_factory.mktemp("archive"), folder)
    for version in (RELEASE, OLDER):
        pack_package(version, tmp_path_factory.mktemp("package"), folder)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer((SERVER.split("/")[2].split(":")[0], 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found = Releases(folder, f"http://{server.server_address[0]}:{server.server_address[1]}")  # type: ignore[str-bytes-safe]
        sums = [f"{found.sum(path.name)}  {path.name}\n" for path in sorted(folder.iterdir())]
        (folder / "checksums.txt").write_text("".join([f"{'0' * 64}  other.tar.gz\n", *sums]))
        yield found
        server.shutdown()


def command_of(version: str) -> str:
    """The stand-in as another version."""
    return STAND_IN.read_text().replace(packages.CLI_VERSION, version)


def pack_archive(version: str, content: Path, folder: Path) -> None:
    """Lay the archive of a release into a folder."""
    (content / "completions").mkdir()
    (content / "infisical").write_text(command_of(version))
    (content / "infisical").chmod(0o755)
    for shell in ("bash", "fish", "zsh"):
        text = subprocess.run([sys.executable, str(STAND_IN), "completion", shell], check=True, capture_output=True)
        (content / "completions" / f"infisical.{shell}").write_bytes(text.stdout)
    with tarfile.open(folder / f"cli_{version}_linux_amd64.tar.gz", "w:gz") as tar:
        for name in ("infisical", "completions"):
            tar.add(content / name, name)


def pack_package(version: str, content: Path, folder: Path) -> None:
    """Lay the package of a release into a folder: the one of the lab's repository, as another version."""
    (package,) = (packages.ROOT / "infisical").rglob("infisical_*.deb")
    subprocess.run(["dpkg-deb", "--raw-extract", package, content], check=True)
    control = content / "DEBIAN" / "control"
    control.write_text(control.read_text().replace(f"Version: {packages.CLI_VERSION}", f"Version: {version}"))
    (content / "usr" / "bin" / "infisical").write_text(command_of(version))
    target = folder / f"infisical_{version}_linux_amd64.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", content, target], check=True)


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


def test_a_release_s_package_is_installed_if_its_checksum_is_right_and_held(
    role: Role, machine: Machine, releases: Releases
) -> None:
    host = machine.host
    before = host.package("infisical").version
    leftover = host.file("/etc/apt/sources.list.d/infisical-infisical-cli.list")
    host.check_output("printf %s > %s", DEAD, leftover.path)
    given = {"infisical_cli_source": "deb", "infisical_cli_version": RELEASE, "infisical_cli_hold": True}
    served = {**given, "infisical_cli_release_url": releases.url}
    assert f"Would install infisical {RELEASE}" in succeeded(role("--check", **served)).text
    assert "checksum" in refused(role(**served, infisical_cli_archive_checksum="1" * 64))
    assert host.package("infisical").version == before
    assert succeeded(role(**served)).changed
    assert not leftover.exists
    assert host.package("infisical").version == RELEASE
    assert host.check_output("infisical --version").startswith(f"infisical version {RELEASE}")
    assert host.check_output("apt-mark showhold") == "infisical"
    assert host.check_output("find /tmp /root -name '*.infisical'") == ""
    assert succeeded(role(**given, infisical_cli_release_url=NOBODY)).changed == 0, "it was fetched again"


def test_an_older_package_of_the_controller_takes_the_place_of_a_held_one_and_the_host_fetches_nothing(
    role: Role, machine: Machine, releases: Releases, tmp_path: Path
) -> None:
    host = machine.host
    package = tmp_path / f"infisical_{OLDER}_linux_amd64.deb"
    given = {"infisical_cli_archive": str(package), "infisical_cli_version": OLDER, "infisical_cli_hold": True}
    given["infisical_cli_archive_checksum"] = releases.sum(package.name)
    given["infisical_cli_release_url"] = given["infisical_cli_repository_url"] = NOBODY
    # The modules for apt would fetch it.
    host.check_output("apt-get purge -qq python3-apt")
    assert "is no file on the controller" in refused(role(**given))
    shutil.copy(releases.folder / package.name, package)
    assert "another checksum" in refused(role(**{**given, "infisical_cli_archive_checksum": "1" * 64}))
    assert f"Would install infisical {OLDER} from {package}" in succeeded(role("--check", **given)).text
    assert host.package("infisical").version == RELEASE
    succeeded(role(**given))
    assert host.package("infisical").version == OLDER
    assert host.check_output("apt-mark showhold") == "infisical"
    assert not host.package("python3-apt").is_installed
    assert host.check_output("find /tmp /root -name '*.infisical'") == ""
    package.unlink()
    assert succeeded(role(**given)).changed == 0
    assert succeeded(role(**{**given, "infisical_cli_hold": False})).changed == 1
    assert host.check_output("apt-mark showhold") == ""


def test_a_release_s_archive_is_installed_if_its_checksum_is_right(
    role: Role, machine: Machine, releases: Releases
) -> None:
    host = machine.host
    given = {"infisical_cli_source": "archive", "infisical_cli_version": RELEASE}
    served = {**given, "infisical_cli_release_url": releases.url}
    assert f"Would install infisical {RELEASE}" in succeeded(role("--check", **served)).text
    assert "checksum" in refused(role(**served, infisical_cli_archive_checksum="1" * 64))
    assert not host.file("/usr/local/bin/infisical").exists
    assert succeeded(role(**served)).changed
    assert host.check_output("infisical --version").startswith(f"infisical version {RELEASE}")
    completions = "/usr/local/share/bash-completion/completions/infisical"
    assert "export" in host.check_output(f"bash -c '. {completions}; complete -p infisical'")
    assert host.check_output("ls /usr/local/share/zsh/site-functions /usr/local/share/fish/vendor_completions.d")
    assert host.check_output("find /tmp /root -name '*.infisical'") == ""
    assert succeeded(role(**given, infisical_cli_release_url=NOBODY)).changed == 0, "it was fetched again"
    host.check_output("rm /usr/local/bin/infisical")


def test_an_archive_of_the_controller_is_installed_though_the_host_can_fetch_nothing(
    role: Role, machine: Machine, releases: Releases
) -> None:
    archive = f"cli_{RELEASE}_linux_amd64.tar.gz"
    given = {
        "infisical_cli_archive": str(releases.folder / archive),
        "infisical_cli_archive_checksum": releases.sum(archive),
        "infisical_cli_version": RELEASE,
        "infisical_cli_release_url": NOBODY,
    }
    succeeded(role(**given))
    assert machine.host.check_output("infisical --version").startswith(f"infisical version {RELEASE}")
    assert succeeded(role(**given)).changed == 0
    machine.host.check_output("rm /usr/local/bin/infisical")


def test_a_command_that_does_not_answer_is_named(role: Role, machine: Machine) -> None:
    machine.host.check_output(
        "printf '#!/bin/sh\\nexit 3\\n' > /usr/local/bin/infisical && chmod 0755 /usr/local/bin/infisical"
    )
    text = refused(role())
    assert "`infisical --version` on infisical-cli says" in text and "type -a infisical" in text
    machine.host.check_output("rm /usr/local/bin/infisical")
