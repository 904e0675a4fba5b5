# SPDX-License-Identifier: GPL-3.0-or-later
"""Logging in, Proxmox's own reasons, and waiting for tasks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import (
    Credentials,
    Password,
    ProxmoxClient,
    Token,
    encoded,
)
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import (
    ProxmoxError,
    RefusedError,
    UnreachableError,
)
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.transport import Answer, Request

from tests.support.proxmox_double import UPID, answer

ROOT = Password("root@pam", "password-canary")
TASK = UPID.format(kind="vzcreate")


class Wire:
    """Answers in the order given; keeps what was sent, and the time that a waiting client has spent."""

    address = "https://pve.test:8006"

    def __init__(self, *answers: Answer | ProxmoxError) -> None:
        self._answers: Iterator[Answer | ProxmoxError] = iter(answers)
        self.sent: list[Request] = []
        self.now = 0.0

    def send(self, request: Request) -> Answer:
        self.sent.append(request)
        answered = next(self._answers)
        if isinstance(answered, ProxmoxError):
            raise answered
        return answered

    def client(self, credentials: Credentials) -> ProxmoxClient:
        return ProxmoxClient(self, credentials, clock=lambda: self.now, pause=self.wait)

    def wait(self, seconds: float) -> None:
        self.now += seconds


TICKET = answer({"ticket": "PVE:root@pam:x", "CSRFPreventionToken": "csrf"})


def test_a_password_is_exchanged_once_for_a_ticket_that_all_requests_carry() -> None:
    wire = Wire(TICKET, answer([]), answer(None))
    client = wire.client(ROOT)
    client.get("nodes")
    client.request("PUT", "/nodes/pve/lxc/101/config", {"memory": 1024})
    login, *others = wire.sent
    assert (login.path, login.params["username"]) == ("/access/ticket", "root@pam")
    wanted = {"Cookie": "PVEAuthCookie=PVE:root@pam:x", "CSRFPreventionToken": "csrf"}
    assert [request.headers for request in others] == [wanted, wanted]
    assert others[1].params == {"memory": "1024"}


def test_a_token_needs_no_login() -> None:
    wire = Wire(answer([]))
    wire.client(Token("root@pam!deploy", "uuid")).get("nodes")
    assert wire.sent[0].headers == {"Authorization": "PVEAPIToken=root@pam!deploy=uuid"}


@pytest.mark.parametrize("credentials", [ROOT, Token("root@pam!deploy", "password-canary")])
def test_a_refused_login_names_who_and_is_not_repeated(credentials: Credentials) -> None:
    wire = Wire(answer(status=401, reason="authentication failure"))
    with pytest.raises(RefusedError) as refused:
        wire.client(credentials).get("nodes")
    assert "does not accept the" in str(refused.value) and "root@pam" in str(refused.value)
    assert "password-canary" not in str(refused.value) + repr(credentials)
    assert len(wire.sent) == 1


def test_a_second_factor_is_said_to_need_a_token() -> None:
    with pytest.raises(ProxmoxError, match=r"second factor.*Use an API token"):
        Wire(answer({"ticket": "PVE:!tfa!", "NeedTFA": 1})).client(ROOT).get("nodes")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (answer(status=500, reason="CT 101 already exists on node 'pve'"), "CT 101 already exists on node 'pve'"),
        (answer(status=403, reason="Forbidden", message="Permission check failed\n"), "Permission check failed"),
        (
            answer(status=400, reason="Parameter verification failed.", errors={"vmid": "too small\n"}),
            "Parameter verification failed: vmid: too small",
        ),
        (Answer(502, "", b"<html>"), "Bad Gateway"),
    ],
)
def test_a_refusal_is_told_with_the_request_and_proxmoxs_own_reason(given: Answer, reason: str) -> None:
    with pytest.raises(RefusedError) as refused:
        Wire(given).client(Token("a@pve!b", "c")).get("nodes", "pve", "lxc")
    assert refused.value.reason == reason
    assert "refused GET /nodes/pve/lxc" in str(refused.value)


def test_parts_of_a_path_cannot_break_out_of_it() -> None:
    assert encoded("nodes", "../access", 101) == "/nodes/..%2Faccess/101"


def test_a_task_is_waited_for_until_it_has_ended_well() -> None:
    wire = Wire(answer({"status": "running"}), answer({"status": "stopped", "exitstatus": "OK"}))
    assert wire.client(Token("a@pve!b", "c")).wait(TASK, limit=10) == []
    assert len(wire.sent) == 2


def test_what_a_task_warns_of_is_kept() -> None:
    log = [{"n": 1, "t": "extracting"}, {"n": 2, "t": "WARN: Systemd 257 detected. You may need to enable nesting."}]
    wire = Wire(answer({"status": "stopped", "exitstatus": "WARNINGS: 1"}), answer(log))
    warned = wire.client(Token("a@pve!b", "c")).wait(TASK, limit=10)
    assert warned == ["Systemd 257 detected. You may need to enable nesting."]


def test_a_task_that_fails_is_told_with_its_reason() -> None:
    wire = Wire(answer({"status": "stopped", "exitstatus": "no space left", "type": "vzcreate"}))
    with pytest.raises(ProxmoxError, match="The task vzcreate on pve failed: no space left"):
        wire.client(Token("a@pve!b", "c")).wait(TASK, limit=10)


def test_a_task_that_never_ends_is_given_up_after_the_limit_and_named() -> None:
    wire = Wire(*[answer({"status": "running"})] * 100)
    with pytest.raises(ProxmoxError, match="has not ended after 3 seconds"):
        wire.client(Token("a@pve!b", "c")).wait(TASK, limit=3)
    assert wire.now == pytest.approx(3)


def test_an_api_that_is_away_for_a_moment_is_asked_again_about_a_task() -> None:
    ended = answer({"status": "stopped", "exitstatus": "OK"})
    away: list[Answer | ProxmoxError] = [
        UnreachableError("does not answer"),
        answer(status=595, reason="No route to host"),
    ]
    wire = Wire(*away, answer({"status": "running"}), ended)
    wire.client(Token("a@pve!b", "c")).wait(TASK, limit=10)
    assert len(wire.sent) == 4


def test_a_refusal_about_a_task_is_not_borne() -> None:
    wire = Wire(answer(status=403, reason="Permission check failed (/nodes/pve, Sys.Audit)"))
    with pytest.raises(RefusedError, match=r"Grant Sys.Audit on /nodes/pve"):
        wire.client(Token("a@pve!b", "c")).wait(TASK, limit=10)


def test_an_api_that_stays_away_is_named_after_the_limit() -> None:
    wire = Wire(*[answer(status=595, reason="No route to host")] * 100)
    with pytest.raises(RefusedError, match="The node that this concerns does not answer"):
        wire.client(Token("a@pve!b", "c")).wait(TASK, limit=3)


def test_tasks_that_have_ended_are_not_running_ones() -> None:
    listed = [{"upid": "a"}, {"upid": "b", "endtime": 1, "status": "OK"}, {"upid": "c", "status": "RUNNING"}]
    wire = Wire(answer(listed))
    assert wire.client(Token("a@pve!b", "c")).running_tasks("pve", vmid=101) == ["a", "c"]
    assert wire.sent[0].params == {"source": "active", "vmid": "101"}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data":', b"[]", b"{}"])
def test_an_answer_that_proxmox_would_not_give_is_told(body: bytes) -> None:
    with pytest.raises(UnreachableError, match="with what Proxmox does not say"):
        Wire(Answer(200, "OK", body)).client(Token("a@pve!b", "c")).get("x")
