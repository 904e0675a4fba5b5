# SPDX-License-Identifier: GPL-3.0-or-later
"""The container templates: a Debian root file system with systemd, SSH and Python, as a compressed archive."""

from __future__ import annotations

import hashlib
import json
import shlex
from pathlib import Path

from lab import host, settings
from lab.shell import remove_tree, run, say

PACKAGES = [
    "ca-certificates",
    "curl",
    "dbus",
    "git",
    "iproute2",
    "iputils-ping",
    "openssh-server",
    "python3",
    "sudo",
    "systemd-sysv",
]
# Kept out of every root file system of the lab: half its size, read by nobody.
WITHOUT = ["/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*"]
_CUSTOMIZE = Path(__file__).with_name("template.sh")
_FOLDER = settings.CACHE / "templates"
_NAMES = {settings.SUITE: settings.TEMPLATE, settings.OLDER_SUITE: settings.OLDER_TEMPLATE}
SUITES = tuple(_NAMES)


def recipe(suite: str = settings.SUITE) -> str:
    """A name for what the template is made of: another recipe, another template."""
    parts = [suite, PACKAGES, WITHOUT, _CUSTOMIZE.read_text()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def path(suite: str = settings.SUITE) -> Path:
    """Where the template of the present recipe is, or will be."""
    return _FOLDER / suite / recipe(suite) / _NAMES[suite]


def build(suite: str = settings.SUITE) -> Path:
    """The template, made now unless it is there."""
    ready = path(suite)
    if ready.exists():
        return ready
    say(f"template: building the root file system of Debian {suite}")
    remove_tree(_FOLDER / suite)  # older recipes, and what a killed run left
    draft = _FOLDER / suite / "draft"
    draft.mkdir(parents=True)
    customize = f'--customize-hook=sh {shlex.quote(str(_CUSTOMIZE))} "$1"'
    debootstrap(draft / ready.name, PACKAGES, [customize], suite)
    draft.rename(ready.parent)
    say(f"template: {ready.stat().st_size // 2**20} MB")
    return ready


def debootstrap(target: Path, packages: list[str], options: list[str], suite: str = settings.SUITE) -> None:
    """A minimal Debian with these packages as an archive, from the host's mirrors. Half the time that debootstrap
    takes, since apt resolves and unpacks everything at once.
    """
    scratch = target.parent / "tmp"
    scratch.mkdir()
    scratch.chmod(0o755)
    access = [f"--aptopt={line}" for line in host.apt_access().splitlines()]
    excluded = [f"--dpkgopt=path-exclude={pattern}" for pattern in WITHOUT]
    run(
        [
            "mmdebstrap",
            "--mode=root",
            "--variant=minbase",
            '--aptopt=APT::Install-Recommends "false"',
            *access,
            *excluded,
            *([f"--include={','.join(packages)}"] if packages else []),
            *options,
            suite,
            str(target),
            "-",
        ],
        stdin=host.sources_list(host.mirrors(), suite),
        env={"TMPDIR": str(scratch)},
        log=settings.LOGS / f"{target.name}.log",
    )
    remove_tree(scratch)
