# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job against what happens to long runs: killed at any moment, and started twice at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from signal import SIGKILL

import pytest
from testinfra.host import Host

from lab import lxc
from tests.end_to_end.conftest import VMIDS, Lab, canaries, expect_nothing_twice, lab, remove_all, secrets_of
from tests.support.leaks import holding, lying_about
from tests.support.soak import Soak

__all__ = ["canaries", "lab"]  # fixtures

pytestmark = [pytest.mark.lab, pytest.mark.soak]

# How a run says that somebody else is at work: in our words, or in apt's
SOMEBODY_ELSE = ("another run", "Could not get lock")
# On the Infisical host, which may not be there yet, or not answer: looked at from outside
KEPT = ("opt/infisical/.env", "opt/infisical/credentials/administrator.json")


def keys() -> dict[str, str]:
    """Checksums of the files whose values must never be made a second time, as far as they are there."""
    files = [lxc.folder("101") / "rootfs" / name for name in KEPT]
    return {file.name: sha256(file.read_bytes()).hexdigest() for file in files if file.exists()}


def expect_a_finished_site(lab: Lab, canaries: str) -> None:
    infisical: Host = lab.host("infisical")
    expect_nothing_twice(infisical)
    run = lab.playbook("site.yml", "-e", canaries).succeeded()
    assert set(run.changed.values()) == {0}, run.output[-6000:]


def expect_no_leak(lab: Lab, temporary: Path) -> None:
    """In the output, on command lines, in Ansible's files on the controller, and where others read on the hosts."""
    secrets = secrets_of(lab.host("infisical"), lab.host("omakase"))
    texts = {"output": "\n".join(lab.log).encode(), "command lines": b"\n".join(lab.command_lines.found)}
    texts |= {str(path): path.read_bytes() for path in temporary.rglob("*") if path.is_file()}
    assert {place: found for place, text in texts.items() if (found := holding(secrets, text))} == {}
    for vmid in VMIDS:
        assert lying_about(str(vmid), secrets, lab.began) == []


def test_wherever_it_is_killed_the_next_run_goes_on(lab: Lab, canaries: str, soak: Soak, tmp_path: Path) -> None:
    remove_all()
    tasks = list(lab.playbook("site.yml", "-e", canaries).succeeded().tasks.items())
    draw, rounds = soak.random("site.yml killed"), soak.count(50)
    settings = {"ANSIBLE_LOCAL_TEMP": str(tmp_path / "local_tmp")}
    hit = 0
    for _attempt in range(2 * rounds):
        # One task in each of as many slices of the run: spread, and still by chance.
        task, seconds = tasks[int(len(tasks) * (hit + draw.random()) / rounds)]
        after = max(0.01, seconds * draw.random())
        remove_all()
        killed = lab.playbook("site.yml", "-e", canaries, kill_at=task, kill_after=after, settings=settings)
        # One of the last tasks may be over before it can be killed: another moment is drawn.
        if killed.returncode == 0:
            continue
        hit += 1
        assert killed.returncode == -SIGKILL, killed.output[-6000:]
        known = keys()
        soak.progress(f"site.yml: kill {hit} of {rounds}, {after:.1f} s into {task[0]}")
        lab.playbook("site.yml", "-e", canaries).succeeded()
        assert keys().items() >= known.items()
        expect_a_finished_site(lab, canaries)
        expect_no_leak(lab, tmp_path)
        if hit == rounds:
            break
    assert hit == rounds
    soak.figure(
        f"site.yml killed {hit} times, each time from a bare lab: the next run finished, the one after it changed "
        "nothing, nothing existed twice, and no secret lay about"
    )


def test_two_at_once_make_nothing_twice(lab: Lab, canaries: str, soak: Soak) -> None:
    rounds = soak.count(5)
    for _number in range(rounds):
        remove_all()
        with ThreadPoolExecutor() as pool:
            both = [pool.submit(lab.playbook, "site.yml", "-e", canaries) for _run in range(2)]
        runs = [future.result() for future in both]
        assert any(run.returncode == 0 for run in runs), [run.output[-3000:] for run in runs]
        for run in runs:
            soak.progress(f"site.yml twice at once: exit status {run.returncode} after {run.seconds:.0f} s")
            said = " ".join(run.output.split())
            assert run.returncode == 0 or any(why in said for why in SOMEBODY_ELSE), run.output[-3000:]
        lab.playbook("site.yml", "-e", canaries).succeeded()
        expect_a_finished_site(lab, canaries)
    soak.figure(f"site.yml twice at once {rounds} times on a bare lab: nothing existed twice afterwards")
