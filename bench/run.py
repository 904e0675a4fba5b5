# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lookup costs: `python bench/run.py [--repeats N] [CASE ...]` writes bench/RESULTS.md and its plots.

Cases: constants-20, constants-200, per-call, large, import, load. Everything runs on this machine: the stand-in server
on a real PostgreSQL and Redis behind a counting proxy, and Ansible with hosts that are all this machine. Ratios are of
what took turns. constants-200 takes half an hour with `--repeats 1`.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.load import load
from bench.plays import CONSTANT, FORKS, OURS, PER_CALL, Play, Shape, Timing, timed
from bench.processes import Lookups
from bench.report import machine, plot, record, table
from bench.vault import Vault, running_vault

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "RESULTS.md"
# More lookups than this in one play are not asked of the lookup that logs in for each: it would take hours.
MOST_PER_CALL = 1000
SDK = "1.0.18"  # of infisicalsdk, which lookups per call are measured with


def constants(repeats: int, hosts: int) -> str:
    """Our lookup against constants in place of lookups, template by template in one play.

    A machine that is slower by a tenth a minute later says nothing then against the one that came second.
    """
    shape = Shape(hosts=hosts, templates=10, secrets=5)
    play = Play(shape, [OURS, CONSTANT])
    lookups: list[float] = []
    fixed: list[float] = []
    asked = set()
    with running_vault({"/": 50}) as vault:
        try:
            for _repeat in range(repeats):
                run = play.run(vault)
                lookups += play.turns(OURS)
                fixed += play.turns(CONSTANT)
                asked.add(f"{run.logins} login and {run.reads} list")
                print(f"  {hosts} hosts: {run}, {sum(lookups) / sum(fixed):.3f}", file=sys.stderr, flush=True)
        finally:
            play.close()
    ratios = [ours / theirs for ours, theirs in zip(lookups, fixed, strict=True)]
    rows = [
        ["lookups", f"{statistics.median(lookups):.2f} s", f"{sum(lookups):.1f} s"],
        ["constants", f"{statistics.median(fixed):.2f} s", f"{sum(fixed):.1f} s"],
        ["ratio", f"{statistics.median(ratios):.3f}", f"{sum(lookups) / sum(fixed):.3f}"],
    ]
    turns = f"{len(ratios)} turns of lookups and constants in {'one play' if repeats == 1 else f'{repeats} plays'}"
    words = f"{hosts} hosts x 10 templates x 5 secrets, {FORKS} forks, {turns}: {' or '.join(sorted(asked))} a play."
    target = "Target: 1 login, 1 list, and a ratio of at most 1.05."
    head = ["a template on all hosts, with", "median; of the ratio, that of the turns", "all together"]
    return f"{words} {target}\n\n{table(head, rows)}\n"


def per_call(repeats: int) -> str:
    """Our lookup against one that logs in and reads for each call, in a task that does nothing else."""
    rows = []
    lines: dict[str, list[tuple[float, float]]] = {}
    python = python_with_sdk()
    with running_vault({"/": 50}) as vault:
        for latency in (5, 50):
            vault.proxy.latency = latency / 1000
            for secrets, hosts in itertools.product((1, 5, 50), (1, 20, 200)):
                shape = Shape(hosts=hosts, templates=1, secrets=secrets)
                (ours,) = measured(vault, shape, (OURS,), repeats, renders=False)
                theirs = None
                if hosts * secrets <= MOST_PER_CALL:
                    times = repeats if hosts * secrets <= 20 else 1  # minutes each
                    (theirs,) = measured(vault, shape, (PER_CALL,), times, python, renders=False)
                rows.append([f"{latency} ms", str(secrets), str(hosts), *cells(ours), *cells(theirs)])
                if secrets == 1:
                    lines.setdefault(f"omakase, {latency} ms", []).append((float(hosts), ours.seconds))
                if secrets == 1 and theirs:
                    lines.setdefault(f"per call, {latency} ms", []).append((float(hosts), theirs.seconds))
    (HERE / "hosts.svg").write_text(plot("One secret: wall time by hosts", lines))
    head = ["latency", "secrets", "hosts", "requests", "time", "requests per call", "time per call"]
    note = (
        f"One task on each host, {FORKS} forks, {often(repeats)}; single runs of more than 20 lookups per call. "
        f"Per call: a lookup with infisicalsdk, which is not asked for more than {MOST_PER_CALL} lookups a play."
    )
    return f"{note}\n\n{table(head, rows)}\n\n![Wall time by hosts](hosts.svg)\n"


def large(repeats: int) -> str:
    """A folder of 10,000 secrets."""
    with running_vault({"/": 10_000}) as vault:
        lookups = Lookups(vault)
        own = vault.own_seconds("/") * 1000
        first = lookups.cost(lookups.ours, 1)
        later = lookups.cost(lookups.ours, 2 * repeats + 1)
    rows = [
        ["first use, over the server's own time", f"{first.wall - own:.0f} ms", "1000 ms"],
        ["later use in another process", f"{later.wall:.0f} ms ({later.cpu:.0f} ms of processor time)", "30 ms"],
        ["memory of a worker, first use", f"{first.memory:.0f} MB", "60 MB"],
        ["memory of a worker, later use", f"{later.memory:.0f} MB", "60 MB"],
    ]
    words = f"The server itself takes {own:.0f} ms for a login and the list."
    return f"{words}\n\n{table(['what', 'measured', 'target: at most'], rows)}\n"


def imported(repeats: int) -> str:
    """What the first lookup of a process costs where the run's cache answers."""
    with running_vault({"/": 50}) as vault:
        lookups = Lookups(vault)
        lookups.cost(lookups.ours, 1)
        ours = lookups.cost(lookups.ours, 4 * repeats + 1)
        nothing = lookups.cost(lookups.nothing, 4 * repeats + 1)
    rows = [
        ["wall time", f"{ours.wall:.1f} ms", f"{nothing.wall:.1f} ms", f"{ours.wall - nothing.wall:.1f} ms"],
        ["processor time", f"{ours.cpu:.1f} ms", f"{nothing.cpu:.1f} ms", f"{ours.cpu - nothing.cpu:.1f} ms"],
    ]
    head = ["", "first lookup, from the cache", "lookup of an environment variable", "difference"]
    return f"Target: a difference of at most 20 ms.\n\n{table(head, rows)}\n"


def measured(
    vault: Vault,
    shape: Shape,
    expressions: tuple[str, ...],
    repeats: int,
    python: str = sys.executable,
    renders: bool = True,
) -> list[Timing]:
    plays = [Play(shape, [expression], python, renders) for expression in expressions]
    try:
        return timed(vault, plays, repeats)
    finally:
        for play in plays:
            play.close()


def often(repeats: int) -> str:
    return "one run each" if repeats == 1 else f"medians of {repeats} runs that took turns"


def cells(timing: Timing | None) -> tuple[str, str]:
    if timing is None:
        return "-", "-"
    return str(timing.logins + timing.reads), f"{timing.seconds:.1f} s"


def python_with_sdk() -> str:
    """A Python that has this ansible-core and the vendor's SDK."""
    from ansible.release import __version__

    directory = HERE.parent / ".pytest_cache" / "d" / f"infisicalsdk-{SDK}-{__version__}"
    python = directory / "bin" / "python"
    if not (directory / "ready").exists():
        venv.create(directory, with_pip=True)
        wanted = [f"ansible-core=={__version__}", f"infisicalsdk=={SDK}"]
        install = [str(python), "-m", "pip", "install", "--quiet", *wanted]
        subprocess.run(install, check=True)  # noqa: S603  # our own command
        (directory / "ready").touch()
    return str(python)


CASES: dict[str, tuple[str, Callable[[int], str]]] = {
    "constants-20": ("The same play with constants: 20 hosts", partial(constants, hosts=20)),
    "constants-200": ("The same play with constants: 200 hosts", partial(constants, hosts=200)),
    "per-call": ("A lookup that logs in and reads for each call", per_call),
    "large": ("A folder of 10,000 secrets", large),
    "import": ("The first lookup of a process", imported),
    "load": ("Many hosts, many secrets, many plays", load),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], metavar="CASE", help="which to run; all without")
    parser.add_argument("--repeats", type=int, default=5, help="how often each play runs (%(default)s)")
    given = parser.parse_args()
    for name in given.cases or CASES:
        title, case = CASES[name]
        busy = f"On {machine()}, which had a load of {os.getloadavg()[0]:.1f} before."
        print(f"{title} ...", file=sys.stderr, flush=True)
        section = f"{case(given.repeats)}\n{busy}\n"
        print(section, flush=True)
        preamble = "# What the lookup costs\n\nMade by `make bench`; each part says on which machine.\n"
        record(RESULTS, preamble, [title for title, _case in CASES.values()], title, section)


if __name__ == "__main__":
    main()
