# SPDX-License-Identifier: GPL-3.0-or-later
"""The run's one token: its life, its refusal, its replacement."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Universal
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import RunCache
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.tokens import SharedEras, SharedTokens

from tests.support.scripted import Scripted

LOGIN = "POST /api/v1/auth/universal-auth/login"
WHY = InfisicalError("refused", "", 401, "UnauthorizedError", "No identity access token found")


class Run:
    """A run: each call of tokens() stands for another process of it."""

    def __init__(self, local_tmp: Path, server: Scripted) -> None:
        local_tmp.chmod(0o700)
        self.local_tmp = local_tmp
        self.server = server

    def tokens(self) -> SharedTokens:
        drawer = RunCache(str(self.local_tmp)).drawer("sec", guessable=False)
        return SharedTokens(Universal("id", "sec"), self.server.exchange(), drawer)

    def login(self, token: str, expires_in: float | None = 3600) -> None:
        self.server.on(LOGIN, {"accessToken": token, "expiresIn": expires_in})


@pytest.fixture
def run(tmp_path: Path, server: Scripted) -> Run:
    return Run(tmp_path, server)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return a clock that the test moves."""
    now = SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(time, "monotonic", lambda: now.seconds)
    return now


def test_a_run_logs_in_once(run: Run) -> None:
    run.login("one")
    assert [run.tokens().token() for _process in range(3)] == ["one"] * 3


@pytest.mark.parametrize(("life", "used_for"), [(3600, 3570), (100, 90), (2, 1.8)])
def test_a_token_is_used_until_shortly_before_its_end(
    run: Run, clock: SimpleNamespace, life: float, used_for: float
) -> None:
    run.login("one", life)
    assert run.tokens().token() == "one"
    clock.seconds += used_for - 0.1
    assert run.tokens().token() == "one"
    clock.seconds += 0.2
    run.login("two", life)
    assert run.tokens().token() == "two"


def test_a_token_without_an_end_is_used_for_the_whole_run(run: Run, clock: SimpleNamespace) -> None:
    run.login("one", None)
    run.tokens().token()
    clock.seconds += 1e9
    assert run.tokens().token() == "one"


def test_a_refused_token_is_replaced_by_one_process_for_all(run: Run) -> None:
    run.login("one")
    first, second = run.tokens(), run.tokens()
    assert first.token() == second.token() == "one"
    run.login("two")
    assert first.replace("one", WHY) == "two"
    assert second.replace("one", WHY) == "two"
    assert run.tokens().token() == "two"


def test_a_fresh_token_that_is_refused_as_well_is_not_replaced_again_and_again(run: Run) -> None:
    run.login("one")
    process = run.tokens()
    process.token()
    run.login("two")
    process.replace("one", WHY)
    process.condemn("two")
    with pytest.raises(InfisicalError, match="refused"):
        run.tokens().replace("two", WHY)


def test_a_token_that_is_no_longer_in_use_cannot_be_condemned(run: Run) -> None:
    run.login("one")
    run.tokens().token()
    run.tokens().condemn("zero")
    run.login("two")
    assert run.tokens().replace("one", WHY) == "two"


def test_a_refused_login_is_asked_once_for_a_run(run: Run, server: Scripted) -> None:
    server.refuse(LOGIN, 401, "UnauthorizedError", "Invalid credentials")
    for _host in range(200):
        with pytest.raises(LoginRefusedError, match="Invalid credentials"):
            run.tokens().token()


def test_the_server_s_era_is_found_out_once_for_a_run(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    SharedEras(RunCache(str(tmp_path)), "https://a").remember_older("secrets")
    other = RunCache(str(tmp_path))
    assert SharedEras(other, "https://a").is_older("secrets")
    assert not SharedEras(other, "https://a").is_older("projects")
    assert not SharedEras(other, "https://b").is_older("secrets")
