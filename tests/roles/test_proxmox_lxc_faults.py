# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters and what goes wrong in them: told within a stated time, in Proxmox's own words with what to do.

Nothing is lost, and once it is over the next run succeeds.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest
from fakepve import TaskError

from lab.shell import wait_for
from tests.roles.proxmox import Proxmox, containers
from tests.support.proxmox_front import Answering, Front, falls_silent, goes_on, sends
from tests.support.sockets import listening

WANTED = {
    "vmid": 110,
    "hostname": "files",
    "node": "pve",
    "template": "debian-13-standard",
    "storage": "local-lvm",
    "disk": 8,
    "memory": 512,
    "bridge": "vmbr0",
    "address": "192.168.1.110/24",
    "gateway": "192.168.1.1",
    "password": "container-canary",
}
# Seconds for a run with nothing to wait for; each of the module's own waits is longer unless an option shortens it.
LIMIT = 10.0
# Seconds for all of a run besides its one wait.
BESIDES = 5.0
Run = Callable[..., dict[str, Any]]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fails when the time is up, also where the block hangs; the traceback shows where that is."""

    def late(*_signal: Any) -> None:
        pytest.fail(f"it has not ended after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def run(proxmox: Proxmox, certificate: tuple[str, str]) -> Run:
    """Runs the module for one container that differs from WANTED by `changes`, which has to end within `limit` seconds;
    `options` are the module's.
    """

    def run(options: dict[str, Any] | None = None, limit: float = LIMIT, **changes: Any) -> dict[str, Any]:
        with within(limit):
            result = containers(proxmox, certificate[0], {**WANTED, **changes}, **(options or {}))
        assert "container-canary" not in str(result) and proxmox.password not in str(result)
        return result

    return run


@pytest.fixture
def front(proxmox: Proxmox, certificate: tuple[str, str]) -> Iterator[Front]:
    """A way to Proxmox on which answers can break."""
    with Front(proxmox.port, *certificate).listening() as front:
        yield front


def failed(result: dict[str, Any]) -> str:
    assert result.get("failed"), result
    return " ".join(result["msg"].split())


def test_containers_are_made_on_the_nodes_that_they_belong_on(proxmox: Proxmox, certificate: tuple[str, str]) -> None:
    proxmox.add_node("pve2")
    second = {**WANTED, "vmid": 111, "hostname": "mail", "node": "pve2", "address": "192.168.1.111/24"}
    assert containers(proxmox, certificate[0], WANTED, second)["changed"]
    assert (proxmox.ct(110).node, proxmox.ct(111).node) == ("pve", "pve2")
    proxmox.requests.clear()
    assert not containers(proxmox, certificate[0], WANTED, second)["changed"]
    assert proxmox.written == []


def test_a_container_on_another_node_is_named_for_making_and_for_deleting(proxmox: Proxmox, run: Run) -> None:
    proxmox.add_node("pve2")
    run(node="pve2")
    for state in ("started", "stopped", "absent"):
        assert "it is on the node pve2, not on pve. Migrate it in Proxmox" in failed(run(state=state))
    assert proxmox.ct(110).status == "running"
    proxmox.ct(110).node = "pve"
    assert not run()["changed"]
    assert run(state="absent")["changed"] and proxmox.ct(110) is None


def test_without_quorum_a_look_succeeds_and_a_change_is_refused_before_anything(proxmox: Proxmox, run: Run) -> None:
    run()
    proxmox.lose_quorum()
    proxmox.requests.clear()
    assert not run()["changed"]
    assert "The cluster has no quorum: too few of its nodes are online" in failed(run(memory=1024))
    assert "The cluster has no quorum" in failed(run(state="absent"))
    assert proxmox.written == []
    proxmox.regain_quorum()
    assert run(memory=1024)["changed"] and proxmox.ct(110).config["memory"] == 1024
    assert run(state="absent")["changed"] and proxmox.ct(110) is None


def test_a_quorum_lost_on_the_way_is_told_with_what_was_done(proxmox: Proxmox, run: Run) -> None:
    proxmox.fail("POST", "/nodes/pve/lxc", 500, "cluster not ready - no quorum?")
    said = failed(run())
    assert "cluster not ready - no quorum? Too few nodes" in said
    assert "Already done: fetch the template debian-13-standard_13.1-2_amd64.tar.zst to local." in said
    assert proxmox.ct(110) is None
    proxmox.failures.clear()
    assert run()["changed"]


def test_a_node_that_is_down_is_named_whoever_lives_on_it(proxmox: Proxmox, run: Run) -> None:
    proxmox.add_node("pve2")
    proxmox.set_node_offline("pve")
    assert "the node pve is offline" in failed(run())
    proxmox.set_node_offline("pve", offline=False)
    assert run()["changed"]
    proxmox.set_node_offline("pve")
    for state in ("started", "absent"):
        assert "is the container 110 (files) on pve, and that node is offline" in failed(run(state=state))
    proxmox.set_node_offline("pve", offline=False)
    assert not run()["changed"]
    assert run(state="absent")["changed"] and proxmox.ct(110) is None


def test_a_node_that_dies_on_the_way_is_told(proxmox: Proxmox, run: Run) -> None:
    run(state="present")
    proxmox.fail("POST", "/nodes/pve/lxc/110/status/start", 595, "No route to host")
    said = failed(run())
    assert "Could not start container 110 (files)" in said and "does not answer: is it switched on" in said
    proxmox.failures.clear()
    assert run()["changed"] and proxmox.ct(110).status == "running"


def test_a_full_storage_is_told_and_proxmox_leaves_nothing(proxmox: Proxmox, run: Run) -> None:
    async def full(*_given: Any) -> None:
        raise TaskError("lvcreate 'pve/vm-110-disk-0' error: Volume group \"pve\" has insufficient free space")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proxmox, "ceph_io", full)
        said = failed(run())
    assert "insufficient free space" in said and "The storage is full: make room on it" in said
    assert "Proxmox has removed what it had begun" in said
    assert proxmox.ct(110) is None
    assert run()["changed"] and proxmox.ct(110).status == "running"


def test_a_template_that_does_not_fit_is_told(proxmox: Proxmox, run: Run) -> None:
    room = proxmox.storages["local"]["avail"]
    proxmox.storages["local"]["avail"] = 10
    said = failed(run())
    assert "Could not fetch the template" in said and "The storage is full" in said
    assert proxmox.ct(110) is None
    proxmox.storages["local"]["avail"] = room
    assert run()["changed"] and proxmox.ct(110).status == "running"


def test_a_template_from_an_address_is_fetched_once(proxmox: Proxmox, run: Run) -> None:
    url = "https://images.example.org/debian-13-nas_1.0_amd64.tar.zst"
    checksum = "sha256:" + "0" * 64
    assert "needs its checksum (template_checksum: sha256:…)" in failed(run(template=url))
    assert run(template=url, template_checksum=checksum)["changed"]
    assert not run(template=url, template_checksum=checksum)["changed"]
    assert [path for _method, path in proxmox.written if path.endswith("download-url")] == [
        "/nodes/pve/storage/local/download-url"
    ]


def test_a_lock_without_a_task_is_named_with_the_way_out(proxmox: Proxmox, run: Run) -> None:
    run()
    proxmox.snapshot_lock(110, "backup")
    for state in ("started", "absent"):
        said = failed(run(state=state))
        assert "keeps container 110 (files) on pve locked (backup)" in said and "pct unlock 110" in said
    proxmox.unlock(110)
    assert not run()["changed"]
    assert run(state="absent")["changed"] and proxmox.ct(110) is None


def test_a_task_that_never_ends_is_named_and_left_alone(proxmox: Proxmox, run: Run) -> None:
    run(state="present")
    proxmox.time_scale = 1.0
    proxmox.ct(110).start_secs = 3
    said = failed(run({"task_timeout": 1}, limit=1 + BESIDES))
    assert "has not ended after 1 seconds. It still runs on pve" in said
    assert proxmox.ct(110).status == "stopped"
    assert wait_for(lambda: proxmox.ct(110).status == "running", 10)
    assert not run()["changed"]


def test_a_container_that_does_not_shut_down_is_a_failure_unless_it_is_to_be_deleted(
    proxmox: Proxmox, run: Run
) -> None:
    run()
    proxmox.ct(110).shutdown_secs = 120
    said = failed(run(state="stopped"))
    assert "container did not stop" in said and "shutdown_timeout" in said
    proxmox.ct(110).shutdown_secs = 0
    assert run(state="stopped")["changed"] and proxmox.ct(110).status == "stopped"
    assert run()["changed"]
    proxmox.ct(110).shutdown_secs = 120
    assert run(state="absent")["changed"] and proxmox.ct(110) is None


def test_a_container_changed_at_the_same_moment_is_not_overwritten(proxmox: Proxmox, run: Run) -> None:
    run()
    changed = "detected modified configuration - file changed by other user? Try again."
    proxmox.fail("PUT", "/nodes/pve/lxc/110/config", 500, changed)
    assert "Somebody changed the container at the same moment. Run again." in failed(run(memory=1024))
    assert proxmox.ct(110).config["memory"] == 512
    proxmox.failures.clear()
    assert run(memory=1024)["changed"] and proxmox.ct(110).config["memory"] == 1024


class Broken(NamedTuple):
    """How Proxmox answers, and what is said of it; `timeout` is the module's, in seconds."""

    answering: Answering
    says: str
    timeout: int = 1


OK = b"HTTP/1.1 200 OK\r\n"
PAGE = b"Content-Type: text/html\r\nContent-Length: 17\r\n\r\n<h1>a canary</h1>"
SILENT, PART = "does not answer (The read operation timed out)", "Only a part of the answer of"
LONG, LARGE = "took longer than 2 seconds", "is larger than 64 MB. Is Proxmox there?"
JUNK = "with what Proxmox does not say: half an answer, or another server's. Is Proxmox there?"
BROKEN = {
    "nothing": Broken(falls_silent(), SILENT),
    "half, and then nothing": Broken(falls_silent(OK + b'Content-Length: 99\r\n\r\n{"data":'), SILENT),
    "a byte now and then": Broken(goes_on(OK + b"Content-Length: 9999\r\n\r\n", b" ", 0.05), LONG),
    "a head of a byte now and then": Broken(goes_on(b"", b"H", 0.05), LONG),
    "no end": Broken(goes_on(OK + b"\r\n", b" " * 2**20), LARGE, timeout=10),
    "an error without an end": Broken(goes_on(b"HTTP/1.1 500 Oh\r\n\r\n", b" " * 2**20), LARGE, timeout=10),
    "half": Broken(sends(OK + b'Content-Length: 99\r\n\r\n{"data":'), PART),
    "half a chunk": Broken(sends(OK + b'Transfer-Encoding: chunked\r\n\r\n99\r\n{"data":'), PART),
    "half of who knows how much": Broken(sends(OK + b'\r\n{"data":'), JUNK),
    "half a head": Broken(sends(OK + b"Content-Le"), JUNK),
    "a hang-up": Broken(sends(b""), "does not answer (Remote end closed connection without response)"),
    "a page": Broken(sends(OK + PAGE), JUNK),
    "no HTTP": Broken(sends(b"220 mail ESMTP canary\r\n"), "does not speak HTTP. Is Proxmox there?"),
    "502 with a page": Broken(sends(b"HTTP/1.1 502 Bad Gateway\r\n" + PAGE), "(502): Bad Gateway"),
    "503 with a page": Broken(sends(b"HTTP/1.1 503 Service Unavailable\r\n" + PAGE), "(503): Service Unavailable"),
}


@pytest.mark.parametrize("answer", BROKEN)
def test_a_broken_answer_is_told_in_time_and_the_next_run_succeeds(
    proxmox: Proxmox, run: Run, front: Front, answer: str
) -> None:
    answering, says, timeout = BROKEN[answer]
    options, limit = {"api_port": front.port, "timeout": timeout}, 2 * timeout + BESIDES
    with front.breaking(answering, ""):
        said = failed(run(options, limit))
    assert f"https://127.0.0.1:{front.port}" in said and says in said and "canary" not in said
    assert proxmox.written == []
    assert run(options)["changed"] and proxmox.ct(110).status == "running"


@pytest.mark.parametrize(
    "answer", ["nothing", "a byte now and then", "no end", "half", "half a head", "a hang-up", "503 with a page"]
)
def test_a_broken_answer_to_a_change_is_told_in_time_and_the_next_run_goes_on_from_there(
    proxmox: Proxmox, run: Run, front: Front, answer: str
) -> None:
    answering, says, timeout = BROKEN[answer]
    options, limit = {"api_port": front.port, "timeout": timeout}, 2 * timeout + BESIDES
    with front.breaking(answering, "POST /api2/json/nodes/pve/lxc "):
        said = failed(run(options, limit))
    assert said.startswith("Could not create container 110 (files)")
    assert re.search(r"[.?] Already done: fetch the template .* The next run goes on from there\.$", said)
    assert f"https://127.0.0.1:{front.port}" in said and says in said and "canary" not in said
    assert proxmox.ct(110).status == "stopped"
    assert run(options)["changed"] and proxmox.ct(110).status == "running"
    assert not run(options)["changed"]


@pytest.mark.parametrize("answer", ["nothing", "half", "a page", "503 with a page"])
def test_a_task_of_which_only_broken_answers_tell_is_given_up_in_time_and_the_next_run_goes_on_from_there(
    proxmox: Proxmox, run: Run, front: Front, answer: str
) -> None:
    answering, says, timeout = BROKEN[answer]
    options = {"api_port": front.port, "timeout": timeout, "task_timeout": 1}
    with front.breaking(answering, "GET /api2/json/nodes/pve/tasks/"):
        said = failed(run(options, 1 + 2 * timeout + BESIDES))
    assert said.startswith("Could not fetch the template")
    assert f"https://127.0.0.1:{front.port}" in said and says in said and "canary" not in said
    assert run(options)["changed"] and proxmox.ct(110).status == "running"


def test_an_address_at_which_nobody_answers_is_told_in_time_and_the_next_run_succeeds(
    proxmox: Proxmox, run: Run
) -> None:
    with listening(lambda _peer, _request: None) as port:  # it waits for words where TLS has none
        silent = failed(run({"api_port": port, "timeout": 1}, limit=2 + BESIDES))
    nobody = failed(run({"api_port": port}))
    for said, why in ((silent, "timed out"), (nobody, "Connection refused")):
        assert f"The Proxmox API at https://127.0.0.1:{port} does not answer (" in said and why in said
    assert run()["changed"] and proxmox.ct(110).status == "running"
