# SPDX-License-Identifier: GPL-3.0-or-later
"""The signed apt repositories in the layout of Docker's and Infisical's own, and the practice checkout as a git
repository: everything that the HTTP server offers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lab import host, settings
from lab.shell import CommandError, remove_tree, run, say, write

ROOT = settings.CACHE / "www"
_HERE = Path(__file__).parent
_CLI = _HERE / "stand_ins" / "infisical_cli" / "infisical"
_CHECKOUT = _HERE / "omakase"
_KEYRING = settings.CACHE / "gpg"
# Where the vendor's package has them.
_COMPLETIONS = {
    "bash": "etc/bash_completion.d/infisical",
    "fish": "usr/share/fish/vendor_completions.d/infisical.fish",
    "zsh": "usr/share/zsh/site-functions/_infisical",
}
PARTS = ("docker", "git", "infisical")
_ARCHITECTURE = "amd64"
_NOTE = ".recipe.json"
# As the vendor ends its versions.
_RELEASES = {settings.SUITE: f"~debian.13~{settings.SUITE}", settings.OLDER_SUITE: f"~debian.12~{settings.OLDER_SUITE}"}


@dataclass(frozen=True)
class Rebuilt:
    """A vendor's package made of Debian's: files of `parts`, maintainer scripts of the first, and these relations."""

    name: str
    parts: tuple[str, ...]
    depends: str
    relations: dict[str, str]
    epoch: str = ""
    without: tuple[str, ...] = field(default=("usr/share/doc", "usr/share/man", "usr/share/lintian"))


DOCKER = [
    Rebuilt(
        "docker-ce",
        ("docker.io",),
        "libc6 (>= 2.34), libsystemd0, adduser, iptables, tini, sysvinit-utils, containerd.io, docker-ce-cli",
        {"Conflicts": "docker-engine, docker.io", "Replaces": "docker-engine, docker.io"},
        epoch="5:",
    ),
    Rebuilt(
        "docker-ce-cli",
        ("docker-cli",),
        "libc6 (>= 2.34)",
        {
            "Conflicts": "docker-engine, docker.io, docker-cli",
            "Replaces": "docker-engine, docker.io, docker-cli",
            "Recommends": "docker-buildx-plugin, docker-compose-plugin",
        },
        epoch="5:",
    ),
    Rebuilt(
        "containerd.io",
        ("containerd", "runc"),
        "libc6, libseccomp2 (>= 2.5.0)",
        {"Conflicts": "containerd, runc", "Replaces": "containerd, runc", "Provides": "containerd, runc"},
    ),
    Rebuilt(
        "docker-compose-plugin",
        ("docker-compose",),
        "libc6 (>= 2.34)",
        {"Conflicts": "docker-compose", "Replaces": "docker-compose", "Enhances": "docker-ce-cli"},
        without=("usr/share/doc", "usr/share/man", "usr/bin"),
    ),
    Rebuilt(
        "docker-buildx-plugin",
        ("docker-buildx",),
        "libc6 (>= 2.34)",
        {"Conflicts": "docker-buildx", "Replaces": "docker-buildx", "Enhances": "docker-ce-cli"},
    ),
]
# Made of the suite's own packages; the others run on an older suite as well, whose own Docker has no Compose.
OF_THE_SUITE = ("containerd.io",)
CLI_VERSION = "0.43.136"


def up() -> None:
    """Build each part whose recipe has changed."""
    _ensure_key()
    _part("docker", _digest(repr(DOCKER)), lambda place: _docker(place, settings.SUITE))
    if _CLI.exists():
        _part("infisical", _digest(f"{CLI_VERSION} {_COMPLETIONS}", _CLI), _infisical)
    _part("git", _digest("main", *_files(_CHECKOUT)), _git)
    write(settings.KEY_FINGERPRINT, _fingerprint() + "\n")
    _stop_agent()


def for_suite(suite: str) -> None:
    """Docker's repository for an older suite, at docker-SUITE; nothing for the lab's own, which `up` makes."""
    if suite != settings.SUITE:
        _ensure_key()
        _part(f"docker-{suite}", _digest(suite + repr(DOCKER)), lambda place: _docker(place, suite))
        _stop_agent()


def parts() -> list[str]:
    """Those of PARTS that are ready."""
    return sorted(name for name in PARTS if (ROOT / name / _NOTE).exists())


def _part(name: str, recipe: str, build: Callable[[Path], None]) -> None:
    """Build a folder of the server in the background of the one that is served, and put it in its place."""
    place, draft, old = ROOT / name, ROOT / f".{name}.draft", ROOT / f".{name}.old"
    note = place / _NOTE
    if note.exists() and json.loads(note.read_text()) == recipe:
        return
    say(f"packages: building {name}")
    for stale in (draft, old):
        remove_tree(stale)
    draft.mkdir(parents=True)
    build(draft)
    write(draft / _NOTE, json.dumps(recipe) + "\n")
    if place.exists():
        place.rename(old)
    draft.rename(place)
    remove_tree(old)


def _digest(text: str, *files: Path) -> str:
    digest = hashlib.sha256(text.encode())
    for path in files:
        digest.update(f"{path.name}\0{path.stat().st_mode & 0o111:o}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


# ------------------------------------------------------------------- Docker


def _docker(place: Path, suite: str) -> None:
    root = place / "linux" / "debian"
    pool = root / "dists" / suite / "pool" / "stable" / _ARCHITECTURE
    pool.mkdir(parents=True)
    scratch = place / "scratch"
    for source in sorted({suite, settings.SUITE}):
        packages = [
            package for package in DOCKER if source == (suite if package.name in OF_THE_SUITE else settings.SUITE)
        ]
        fetched = _fetch([part for package in packages for part in package.parts], source, scratch / source)
        for package in packages:
            parts = [fetched[part] for part in package.parts]
            _rebuild(package, parts, _RELEASES[suite], scratch / package.name, pool)
    remove_tree(scratch)
    _publish(root, suite, "stable", "Docker", "Docker CE")
    _export_key(root / "gpg")


def _rebuild(package: Rebuilt, sources: list[Path], release: str, scratch: Path, pool: Path) -> None:
    run(["dpkg-deb", "--raw-extract", str(sources[0]), str(scratch)])
    upstream = _field(scratch / "DEBIAN" / "control", "Version").partition("+")[0].partition("~")[0].partition("-")[0]
    for source in sources[1:]:
        run(["dpkg-deb", "--extract", str(source), str(scratch)])
    for path in package.without:
        remove_tree(scratch / path)
    (scratch / "DEBIAN" / "md5sums").unlink()
    fields = {
        "Package": package.name,
        "Version": f"{package.epoch}{upstream}-1{release}",
        "Architecture": _ARCHITECTURE,
        "Maintainer": "The omakase.homelab authors <lab@omklab.invalid>",
        "Section": "admin",
        "Priority": "optional",
        "Depends": package.depends,
        **package.relations,
        "Description": f"Debian's {' and '.join(package.parts)} under the vendor's package name, for the lab",
    }
    _control(scratch, fields)
    _pack(scratch, pool / f"{package.name}_{upstream}-1{release}_{_ARCHITECTURE}.deb")


def _field(control: Path, name: str) -> str:
    return next(line for line in control.read_text().splitlines() if line.startswith(f"{name}: ")).partition(": ")[2]


def _fetch(packages: list[str], suite: str, scratch: Path) -> dict[str, Path]:
    """Download packages of a suite, whatever the host's own: apt with folders of its own."""
    for folder in ("etc", "state/lists/partial", "cache/archives/partial", "debs"):
        (scratch / folder).mkdir(parents=True)
    (scratch / "etc" / "sources.list").write_text(host.sources_list(host.mirrors(), suite))
    (scratch / "status").touch()
    settings_file = scratch / "etc" / "apt.conf"
    settings_file.write_text(
        f'Dir::Etc "{scratch}/etc"; Dir::Etc::sourceparts "-"; Dir::Etc::parts "-";\n'
        'Dir::Etc::trustedparts "/etc/apt/trusted.gpg.d";\n'
        f'Dir::State "{scratch}/state"; Dir::State::status "{scratch}/status"; Dir::Cache "{scratch}/cache";\n'
        f'APT::Architecture "{_ARCHITECTURE}"; APT::Sandbox::User "root"; Acquire::Languages "none";\n'
        + host.apt_access()
    )
    environment = {"APT_CONFIG": str(settings_file)}
    run(["apt-get", "update", "-q"], env=environment)
    run(["apt-get", "download", "-q", *packages], env=environment, cwd=scratch / "debs")
    return {name: next((scratch / "debs").glob(f"{name}_*.deb")) for name in packages}


# ---------------------------------------------------------------- Infisical


def _infisical(place: Path) -> None:
    root = place / "deb"
    pool = root / "pool"
    pool.mkdir(parents=True)
    scratch = place / "scratch"
    target = scratch / "usr" / "bin" / "infisical"
    target.parent.mkdir(parents=True)
    shutil.copyfile(_CLI, target)
    target.chmod(0o755)
    for shell, path in _COMPLETIONS.items():
        write(scratch / path, run([str(target), "completion", shell]))
    (scratch / "DEBIAN").mkdir()
    fields = {
        "Package": "infisical",
        "Version": CLI_VERSION,
        "Architecture": _ARCHITECTURE,
        "Maintainer": "The omakase.homelab authors <lab@omklab.invalid>",
        "Section": "admin",
        "Priority": "optional",
        "Depends": "python3",
        "Description": "Stand-in for the Infisical command, for the lab",
    }
    _control(scratch, fields)
    _pack(scratch, pool / f"infisical_{CLI_VERSION}_{_ARCHITECTURE}.deb")
    remove_tree(scratch)
    _publish(root, "stable", "main", "Infisical", "Infisical")
    _export_key(place / "infisical.gpg")


# ------------------------------------------------------------- repositories


def _control(tree: Path, fields: dict[str, str]) -> None:
    (tree / "DEBIAN" / "control").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))


def _pack(tree: Path, target: Path) -> None:
    # Fast rather than small: these never leave the machine.
    run(["dpkg-deb", "--root-owner-group", "-Zzstd", "-z1", "--build", str(tree), str(target)])


def _publish(root: Path, suite: str, component: str, origin: str, label: str) -> None:
    """Index the packages below root and sign the index, as apt wants them."""
    index = root / "dists" / suite / component / f"binary-{_ARCHITECTURE}"
    index.mkdir(parents=True)
    listing = run(["apt-ftparchive", "packages", "."], cwd=root)
    (index / "Packages").write_text(listing)
    run(["gzip", "--keep", "--no-name", str(index / "Packages")])
    facts = {
        "Origin": origin,
        "Label": label,
        "Suite": suite,
        "Codename": suite,
        "Components": component,
        "Architectures": _ARCHITECTURE,
    }
    options = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in facts.items()]
    release = index.parent.parent / "Release"
    text = run(["apt-ftparchive", *options, "release", "."], cwd=release.parent)
    release.write_text(text)
    _sign("--clearsign", release, release.with_name("InRelease"))
    _sign("--detach-sign", release, release.with_name("Release.gpg"))


def _gpg(*options: str) -> str:
    return run(["gpg", "--homedir", str(_KEYRING), "--batch", "--quiet", "--yes", *options])


def _ensure_key() -> None:
    """The key that signs both repositories; made once, kept from everybody else."""
    if (_KEYRING / "ready").exists():
        return
    remove_tree(_KEYRING)
    _KEYRING.mkdir(parents=True)
    _KEYRING.chmod(0o700)
    owner = "Omakase lab, practice repositories <lab@omklab.invalid>"
    _gpg("--pinentry-mode", "loopback", "--passphrase", "", "--quick-generate-key", owner, "rsa3072", "sign", "never")
    (_KEYRING / "ready").touch()


def _sign(how: str, source: Path, target: Path) -> None:
    _gpg("--pinentry-mode", "loopback", "--armor", "--output", str(target), how, str(source))


def _export_key(target: Path) -> None:
    _gpg("--armor", "--output", str(target), "--export")


def _fingerprint() -> str:
    """The fingerprint of the key, 40 hexadecimal digits."""
    records = (line.split(":") for line in _gpg("--with-colons", "--fingerprint").splitlines())
    return next(fields[9] for fields in records if fields[0] == "fpr")


def _stop_agent() -> None:
    """End the process that gpg leaves behind to hold the key."""
    if _KEYRING.exists():
        try:
            run(["gpgconf", "--homedir", str(_KEYRING), "--kill", "all"])
        except CommandError as problem:
            say(f"gpg's agent stays: {problem}")


# ---------------------------------------------------------------------- git


def _git(place: Path) -> None:
    """The checkout as one commit whose revision depends on nothing but its content.

    No tag: one that moves with the content would keep older clones from fetching.
    """
    repository = place / "omakase.git"
    identity = {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        **{f"GIT_{role}_NAME": "The Omakase lab" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_EMAIL": "lab@omklab.invalid" for role in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{role}_DATE": "2026-01-01T00:00:00Z" for role in ("AUTHOR", "COMMITTER")},
    }
    run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(repository)], env=identity)

    def git(*words: str) -> None:
        run(["git", f"--git-dir={repository}", f"--work-tree={_CHECKOUT}", *words], env=identity, cwd=_CHECKOUT)

    git("add", "--all", ".")
    git("commit", "--quiet", "--message=A practice Omakase")
    git("repack", "-a", "-d", "--quiet")
    git("update-server-info")  # git over plain files
