# SPDX-License-Identifier: GPL-3.0-or-later
"""What processes of one run share, and what they do not."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.process_cache import Cache, ProcessCache
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import (
    EVERY_PROJECT,
    NEVER,
    Drawer,
    Entry,
    RunCache,
    UnusableError,
)

FORK = multiprocessing.get_context("fork")
PARTS = ("folder", "x")


@pytest.fixture
def local_tmp(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture(params=["directory", "process"])
def cache(request: pytest.FixtureRequest, local_tmp: Path) -> Cache:
    """Return each of the two caches: what they promise is the same."""
    return RunCache(str(local_tmp)) if request.param == "directory" else ProcessCache()


def drawer_of(cache: Cache, credential: str = "mine") -> Drawer:
    return cache.drawer(credential, guessable=False)


def always(_entry: Entry) -> bool:
    return True


def unreachable() -> Entry:
    raise AssertionError("asked again")


def failing(error: InfisicalError) -> Callable[[], Entry]:
    def make() -> Entry:
        raise error

    return make


def test_an_entry_is_made_once(cache: Cache) -> None:
    drawer = drawer_of(cache)
    assert drawer.once(PARTS, always, lambda: {"a": "b"}) == {"a": "b"}
    assert drawer_of(cache).once(PARTS, always, unreachable) == {"a": "b"}


def test_entries_of_other_parts_and_credentials_are_others(cache: Cache) -> None:
    drawer_of(cache).write({"a": "b"}, *PARTS)
    assert drawer_of(cache).read("folder", "y") is None
    assert drawer_of(cache, "other").read(*PARTS) is None


def test_an_entry_that_does_not_count_is_made_anew(cache: Cache) -> None:
    drawer = drawer_of(cache)
    drawer.write({"n": 1}, *PARTS)
    assert drawer.once(PARTS, lambda entry: entry["n"] > 1, lambda: {"n": 2}) == {"n": 2}
    assert drawer.read(*PARTS) == {"n": 2}


def test_a_refused_login_is_remembered(cache: Cache) -> None:
    drawer = drawer_of(cache)
    refusal = LoginRefusedError("problem", "advice", 401, "UnauthorizedError", "Invalid credentials")
    for make in (failing(refusal), unreachable):
        with pytest.raises(LoginRefusedError, match="problem advice") as caught:
            drawer.once(PARTS, always, make)
        assert (caught.value.status, caught.value.error) == (401, "UnauthorizedError")


def test_another_failure_is_tried_again_by_those_who_come_later(cache: Cache) -> None:
    drawer = drawer_of(cache)
    with pytest.raises(InfisicalError, match="down"):
        drawer.once(PARTS, always, failing(InfisicalError("down")))
    assert drawer.once(PARTS, always, lambda: {"n": 1}) == {"n": 1}


def test_a_write_to_a_project_changes_its_generation_alone(cache: Cache) -> None:
    before = cache.generation("p1"), cache.generation("p2")
    cache.forget("p1")
    assert cache.generation("p1") != before[0]
    assert cache.generation("p2") == before[1]


def test_a_write_to_every_project_changes_all_generations(cache: Cache) -> None:
    before = cache.generation("p1")
    cache.forget(EVERY_PROJECT)
    assert cache.generation("p1") != before


def test_a_project_that_is_written_to_at_any_time_is_not_kept(cache: Cache) -> None:
    cache.forget("p1", for_good=True)
    assert cache.generation("p1") == NEVER
    assert cache.generation("p2") != NEVER


def test_that_stays_so(local_tmp: Path) -> None:
    cache = RunCache(str(local_tmp))
    cache.forget("p1", for_good=True)
    cache.forget("p1")
    assert cache.generation("p1") == NEVER


def test_notes_are_there_for_others(cache: Cache) -> None:
    assert not cache.noted("older")
    cache.note("older")
    assert cache.noted("older")


def test_the_directory_is_private_and_unreadable(local_tmp: Path) -> None:
    cache = RunCache(str(local_tmp))
    drawer_of(cache).once(("token", "https://vault.test", "canary-id"), always, lambda: {"token": "canary-token"})
    paths = [Path(cache.directory), *Path(cache.directory).iterdir()]
    assert [oct(path.stat().st_mode & 0o777) for path in paths] == ["0o700"] + ["0o600"] * (len(paths) - 1)
    assert not any(b"canary" in path.read_bytes() for path in paths[1:])
    assert not any("canary" in path.name or "scratch" in path.name for path in paths)


def test_an_entry_of_another_process_is_read_again_when_it_has_changed(local_tmp: Path) -> None:
    mine, theirs = (drawer_of(RunCache(str(local_tmp))) for _process in range(2))
    theirs.write({"n": 1}, *PARTS)
    assert mine.read(*PARTS) == {"n": 1}
    theirs.write({"n": 22}, *PARTS)
    assert mine.read(*PARTS) == {"n": 22}


def test_several_lookups_of_one_task_decrypt_once(local_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawer = drawer_of(RunCache(str(local_tmp)))
    drawer.write({"n": 1}, *PARTS)
    opened: list[str] = []
    open_sealed = drawer.seal.open

    def counted(name: str, sealed: bytes) -> bytes | None:
        opened.append(name)
        return open_sealed(name, sealed)

    monkeypatch.setattr(drawer.seal, "open", counted)
    for _lookup in range(3):
        assert drawer.read(*PARTS) == {"n": 1}
    assert len(opened) == 1


def test_a_damaged_entry_is_none(local_tmp: Path) -> None:
    cache = RunCache(str(local_tmp))
    drawer = drawer_of(cache)
    (Path(cache.directory) / drawer.seal.name(*PARTS)).write_bytes(b"rubbish")
    assert drawer.read(*PARTS) is None
    assert drawer.once(PARTS, always, lambda: {"n": 1}) == {"n": 1}


@pytest.mark.parametrize("mode", [0o755, 0o770])
def test_a_directory_that_others_may_enter_is_not_used(local_tmp: Path, mode: int) -> None:
    local_tmp.chmod(mode)
    with pytest.raises(UnusableError, match="not private"):
        RunCache(str(local_tmp))


def test_a_directory_that_is_missing_is_not_used(local_tmp: Path) -> None:
    with pytest.raises(UnusableError, match="No such file"):
        RunCache(str(local_tmp / "missing"))


def test_without_cryptography_nothing_is_kept(local_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(UnusableError, match="cryptography is missing"):
        drawer_of(RunCache(str(local_tmp)))


def test_a_directory_that_goes_away_costs_a_request_and_no_more(local_tmp: Path) -> None:
    cache = RunCache(str(local_tmp))
    drawer = drawer_of(cache)
    for path in Path(cache.directory).iterdir():
        path.unlink()
    Path(cache.directory).rmdir()
    assert drawer.once(PARTS, always, lambda: {"n": 1}) == {"n": 1}
    assert drawer.read(*PARTS) is None


def test_a_file_system_without_locks_will_do(local_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_handle: int, _operation: int) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert drawer_of(RunCache(str(local_tmp))).once(PARTS, always, lambda: {"n": 1}) == {"n": 1}


def in_processes(count: int, work: Callable[[int], object]) -> list[object]:
    """What each of that many forked processes returned, all started together."""
    results = FORK.SimpleQueue()
    together = FORK.Barrier(count)

    def run(number: int) -> None:
        together.wait(30)
        results.put(work(number))

    processes = [FORK.Process(target=run, args=(number,)) for number in range(count)]
    for process in processes:
        process.start()
    found = [results.get() for _process in processes]
    for process in processes:
        process.join(30)
    return found


def test_ten_processes_that_start_together_make_one_entry(local_tmp: Path) -> None:
    made = local_tmp / "made"
    made.touch()

    def work(number: int) -> Entry:
        def make() -> Entry:
            with made.open("a") as file:
                file.write(f"{number}\n")
            time.sleep(0.1)  # stands for the request: the others arrive meanwhile
            return {"by": number}

        return drawer_of(RunCache(str(local_tmp))).once(PARTS, always, make)

    results = in_processes(10, work)
    assert len(made.read_text().split()) == 1
    assert len({json.dumps(result) for result in results}) == 1


def test_those_who_wait_for_a_failure_share_it(local_tmp: Path) -> None:
    made = local_tmp / "made"
    made.touch()
    waiting = FORK.Barrier(5)

    def work(number: int) -> str:
        def make() -> Entry:
            with made.open("a") as file:
                file.write(f"{number}\n")
            time.sleep(0.3)  # stands for the timeout: the others arrive meanwhile
            raise InfisicalError(f"down, says {number}")

        drawer = drawer_of(RunCache(str(local_tmp)))
        waiting.wait(30)
        try:
            drawer.once(PARTS, always, make)
        except InfisicalError as error:
            return str(error)
        return "no error"

    results = in_processes(5, work)
    assert len(made.read_text().split()) == 1
    assert len(set(results)) == 1


def test_the_lock_of_a_killed_process_is_free(local_tmp: Path) -> None:
    inside = FORK.Event()

    def hang() -> None:
        with drawer_of(RunCache(str(local_tmp))).alone(*PARTS):
            inside.set()
            time.sleep(60)  # until it is killed

    process = FORK.Process(target=hang)
    process.start()
    assert inside.wait(30)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(30)
    assert drawer_of(RunCache(str(local_tmp))).once(PARTS, always, lambda: {"n": 1}) == {"n": 1}


def test_processes_that_start_together_agree_on_the_salt(local_tmp: Path) -> None:
    salts = in_processes(8, lambda _number: RunCache(str(local_tmp)).salt)
    assert len(set(salts)) == 1
