# SPDX-License-Identifier: GPL-3.0-or-later
"""How requests, time and memory grow with the number of hosts, of secrets, and of plays at once."""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.plays import CONSTANT, OURS, Play, Shape, Timing, counts, timed
from bench.report import plot, table
from bench.vault import Vault, running_vault

HERE = Path(__file__).resolve().parent
HOSTS = (1, 10, 100, 200, 1000)
SECRETS = (50, 500, 5_000, 50_000)
SECRETS_HOSTS = 20
FORKS = 50
PLAYS, TOGETHER_HOSTS = 10, 200
LOOKUPS = 5


def load(repeats: int) -> str:
    """One task of five lookups on each host, which does nothing else; beside it the same with constants."""
    with running_vault({"/": 50}) as vault:
        by_hosts = {hosts: _timed(vault, hosts, (OURS, CONSTANT), repeats) for hosts in HOSTS}
        together = _together(vault)
    by_secrets = {}
    for count in SECRETS:
        with running_vault({"/": count}) as vault:
            (ours,) = _timed(vault, SECRETS_HOSTS, (OURS,), repeats)
            by_secrets[count] = (ours, vault.own_seconds("/"))
    lines = {
        "lookups": [(float(hosts), ours.seconds) for hosts, (ours, _fixed) in by_hosts.items()],
        "constants": [(float(hosts), fixed.seconds) for hosts, (_ours, fixed) in by_hosts.items()],
    }
    (HERE / "load-hosts.svg").write_text(plot("Five lookups a host: wall time by hosts", lines))
    points = [(float(count), ours.seconds) for count, (ours, _own) in by_secrets.items()]
    (HERE / "load-secrets.svg").write_text(plot("20 hosts: wall time by secrets in the folder", {"lookups": points}))
    return "\n\n".join(
        [
            f"One task of {LOOKUPS} lookups on each host, {FORKS} forks, medians of {repeats} runs. "
            "Memory is that of the largest process. Constants: the same play without lookups.",
            table(
                ["hosts", "logins", "lists", "time", "constants", "memory", "constants"],
                [
                    [str(hosts), *_requests(ours), *_seconds(ours, fixed), *_memory(ours, fixed)]
                    for hosts, (ours, fixed) in by_hosts.items()
                ],
            ),
            "![Wall time by hosts](load-hosts.svg)",
            f"{SECRETS_HOSTS} hosts, and a folder of more and more secrets. The server's own time is that of one login "
            "and one list.",
            table(
                ["secrets", "logins", "lists", "time", "the server's own", "memory"],
                [
                    [str(count), *_requests(ours), f"{ours.seconds:.1f} s", f"{own:.2f} s", f"{ours.memory:.0f} MB"]
                    for count, (ours, own) in by_secrets.items()
                ],
            ),
            "![Wall time by secrets](load-secrets.svg)",
            together,
        ]
    )


def _timed(vault: Vault, hosts: int, expressions: tuple[str, ...], repeats: int) -> list[Timing]:
    """The play with each of them in the place of its values."""
    shape = Shape(hosts=hosts, templates=1, secrets=LOOKUPS, forks=FORKS)
    plays = [Play(shape, [expression], renders=False) for expression in expressions]
    try:
        return timed(vault, plays, repeats)
    finally:
        for play in plays:
            play.close()


def _together(vault: Vault) -> str:
    """Several plays at once, each a run of its own."""
    shape = Shape(hosts=TOGETHER_HOSTS, templates=1, secrets=LOOKUPS, forks=FORKS)
    plays = [Play(shape, [OURS], renders=False) for _play in range(PLAYS)]
    try:
        vault.proxy.requests.clear()
        began = time.perf_counter()
        with ThreadPoolExecutor(PLAYS) as pool:
            runs = list(pool.map(lambda play: play.run(vault, count=False), plays))
        seconds = time.perf_counter() - began
    finally:
        for play in plays:
            play.close()
    logins, lists = counts(vault)
    return (
        f"{PLAYS} plays at once, of {TOGETHER_HOSTS} hosts and {FORKS} forks each: all succeed, with {logins} logins "
        f"and {lists} lists, in {seconds:.1f} s on {os.cpu_count()} cores "
        f"(a play {statistics.median(run.seconds for run in runs):.1f} s at the median)."
    )


def _requests(timing: Timing) -> tuple[str, str]:
    return str(timing.logins), str(timing.reads)


def _seconds(*timings: Timing) -> list[str]:
    return [f"{timing.seconds:.1f} s" for timing in timings]


def _memory(*timings: Timing) -> list[str]:
    return [f"{timing.memory:.0f} MB" for timing in timings]
