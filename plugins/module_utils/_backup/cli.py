# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""infisical-backup: the verbs.

This package backs up an Infisical that runs under Docker Compose, and brings it back. Standard library only: the role
infisical_backup installs it as that program, which works without Ansible.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import drill
from .archive import FILES, archives, choose, make, unpack
from .commands import BackupError
from .files import DRAFT, alone, staging
from .installation import bring_back, escrow, inspect
from .job import PLAIN, Settings, drills_beside, perform, prune, read_json, tell
from .pace import PACE
from .stack import Stack

CONFIG = Path("/etc/infisical-backup.json")
STATUS = Path("/var/lib/infisical-backup/status.json")
Options = argparse.Namespace
KEY: dict[str, Any] = {"type": Path, "metavar": "FILE", "help": "the age key; - for standard input"}


def _ended(number: int, _frame: object) -> None:
    """As a shell tells that a signal has ended a program."""
    raise SystemExit(128 + number)


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0, or 1 with what went wrong on standard error."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)
    # An orderly end cleans up behind itself. What nohup started outlives its terminal.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _ended)
    try:
        return int(options.verb(options) or 0)
    except BackupError as error:
        sys.stderr.write(f"infisical-backup: {error}\n")
    except OSError as error:
        sys.stderr.write(f"infisical-backup: {error.filename or 'a file'}: {error.strerror}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infisical-backup", description="Back up an Infisical under Docker Compose.")
    parser.add_argument("--config", type=Path, default=CONFIG, metavar="FILE")
    parser.add_argument("--status", type=Path, default=STATUS, metavar="FILE")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, work: Callable[[Options], int | None], about: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=about, description=about)
        added.set_defaults(verb=work)
        return added

    def of_an_installation(name: str, work: Callable[[Options], None], about: str) -> argparse.ArgumentParser:
        added = verb(name, work, about)
        added.add_argument("--directory", type=Path, default=Path("/opt/infisical"), help="where its compose file is")
        added.add_argument("--postgres-image", default="", help="has pg_dump, for a database that is not in the stack")
        return added

    verb("run", _run, "make one backup as configured")
    verb("tell", _tell, "tell how the last backup ended").add_argument("--result", default="unknown")
    chosen = verb("choose", _choose, "print the path of an archive")
    chosen.add_argument("asked", help="latest, a day, or a path")
    chosen.add_argument("--folder", type=Path, help="where the archives are, if not as configured")
    verb("list", _list, "list the archives, the newest first")
    verify = verb("verify", _verify, "hold an archive against its manifest, and print that")
    verify.add_argument("archive", type=Path)
    verify.add_argument("--identity", **KEY)
    tried = verb("drill", _drill, "bring an archive back in a throw-away stack, compare it, and remove that again")
    tried.add_argument("archive", type=Path)
    tried.add_argument("--identity", **KEY)
    tried.add_argument("--timeout", type=int, default=drill.Trial.timeout, metavar="SECONDS")
    tried.add_argument("--memory", type=int, default=drill.Trial.memory, metavar="MB", help="that must be free")
    for name, program in (("postgres", "PostgreSQL"), ("redis", "Redis")):
        about = f"for an installation whose {program} is elsewhere"
        tried.add_argument(f"--{name}-image", default=getattr(drill.Trial, f"{name}_image"), help=about)
    tried.add_argument("--unrecorded", action="store_true", help="this archive is none that the timer makes")
    of_an_installation("inspect", _inspect, "tell what runs, and whether keys and passwords fit the database")
    snapshot = of_an_installation("snapshot", _snapshot, "make a plain archive for root alone; the last three stay")
    snapshot.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    snapshot.add_argument("--file", action="append", metavar="NAME", help="of the directory; may be given again")
    snapshot.add_argument(
        "--files-of", type=Path, metavar="ARCHIVE", help="take them from a plain archive, if it is there"
    )
    back = of_an_installation("bring-back", _bring_back, "return to an archive: files, database, containers")
    back.add_argument("archive", type=Path)
    back.add_argument("--identity", **KEY)
    back.add_argument("--save-to", type=Path, metavar="FOLDER", help="save what is there before, as a plain archive")
    back.add_argument("--keep-replaced", action="store_true", help="leave the replaced database there, renamed")
    back.add_argument("--unless-written", action="store_true", help="refuse to lose secrets that are newer")
    back.add_argument("--timeout", type=int, default=300, metavar="SECONDS")
    kept = of_an_installation("escrow", _escrow, "keep the keys apart, encrypted")
    kept.add_argument("--to", type=Path, required=True, metavar="FILE")
    kept.add_argument("--recipient", action="append", required=True)
    kept.add_argument("--dry-run", action="store_true")
    return parser


def _run(options: Options) -> int:
    os.nice(19)  # whoever asks the server goes first, also where this is run by hand
    PACE.slow_down()
    return perform(Settings.read(options.config), options.status)


def _tell(options: Options) -> None:
    tell(Settings.read(options.config), options.status, options.result)


def _list(options: Options) -> None:
    proven = _proven(options)
    for archive in archives(Settings.read(options.config).to):
        word = f"proven {proven[archive.path.name]}" if archive.path.name in proven else "unproven"
        size = archive.path.stat().st_size
        sys.stdout.write(f"{archive.time.isoformat()}  {size:>12}  {archive.path}  {word}\n")


def _proven(options: Options) -> dict[str, str]:
    """When each archive was brought back in a drill."""
    return dict(read_json(drills_beside(options.status)).get("proven", {}))


def _choose(options: Options) -> None:
    folder = options.folder or Settings.read(options.config).to
    sys.stdout.write(f"{choose(folder, options.asked)}\n")


def _verify(options: Options) -> None:
    with tempfile.TemporaryDirectory(prefix=DRAFT, dir=options.archive.parent) as place:
        _say(unpack(options.archive, options.identity, Path(place)))


def _drill(options: Options) -> int:
    trial = drill.Trial(options.timeout, options.memory, options.postgres_image, options.redis_image)
    record = None if options.unrecorded else drills_beside(options.status)
    return drill.perform(options.archive, options.identity, trial, record)


def _inspect(options: Options) -> None:
    _say(inspect(Stack(options.directory), options.postgres_image))


def _snapshot(options: Options) -> None:
    files = options.file or [".env", "docker-compose.yml", "redis-ca.pem"]
    with alone(options.to), staging(options.to) as place:
        known = options.files_of is not None and options.files_of.exists()
        if known:
            unpack(options.files_of, None, place)
        source = place / FILES if known else options.directory
        archive, manifest = make(Stack(options.directory), options.to, files, options.postgres_image, (), source)
        prune(options.to, PLAIN, spared=archive)
    _say({"archive": str(archive), "server_version": manifest["server_version"]})


def _bring_back(options: Options) -> None:
    how = (options.timeout, options.save_to, options.keep_replaced, options.unless_written)
    result = bring_back(options.archive, options.identity, options.directory, *how)
    _say({**result, "proven": _proven(options).get(options.archive.name, "")})


def _escrow(options: Options) -> None:
    _say(escrow(Stack(options.directory), options.to, options.recipient, options.dry_run))


def _say(answer: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
