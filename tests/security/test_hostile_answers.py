# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are made to hurt: none of them crashes anything, costs much memory, or takes long."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.meta.repository import ROOT
from tests.support.certificates import Authority
from tests.support.sockets import Reaction, listening, reply

# What one answer may cost, whatever is in it, with all that Ansible itself takes.
MEGABYTES = 600
SECONDS = 10
MEGABYTE = b" " * 2**20
OK = b"HTTP/1.1 200 OK\r\n"
GIVEN = {"client_id": "id", "client_secret": "canary-secret", "project_id": "p", "timeout": 0.5, "retries": 0}
TOKEN = {"accessToken": "canary-token", "tokenType": "Bearer", "expiresIn": 3600}


def endless(head: bytes, part: bytes, pause: float = 0.0) -> Reaction:
    """Goes on until the other side has had enough, or half a gigabyte."""

    def react(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(head)
        for _part in range(2**29 // len(part)):
            peer.sendall(part)
            time.sleep(pause)

    return react


def secrets(inside: bytes) -> bytes:
    return b'{"secrets": [' + inside + b"]}"


def bomb() -> bytes:
    """A gigabyte of blanks, in a megabyte."""
    member = gzip.compress(MEGABYTE * 64, 9)
    return member * 16


LARGE, LONG, JUNK = "larger than 64 MB", "took longer than 1 s", "is not JSON"
# What a server does, and what is said of it.
ANSWERS: dict[str, tuple[Reaction, str]] = {
    "a gigabyte": (endless(OK + b"Content-Length: 1073741824\r\n\r\n", MEGABYTE), LARGE),
    "no end": (endless(OK + b"\r\n", MEGABYTE), LARGE),
    "chunks without an end": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + MEGABYTE + b"\r\n"),
        LARGE,
    ),
    "an error without an end": (endless(b"HTTP/1.1 500 Oh\r\n\r\n", MEGABYTE), LARGE),
    "a byte now and then": (endless(OK + b"Content-Length: 1000000\r\n\r\n", b" ", 0.05), LONG),
    "a head without an end": (endless(OK, b"X: y\r\n", 0.05), LONG),
    "a head of a byte now and then": (endless(b"", b"H", 0.05), LONG),
    "for ever about to answer": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.01), LONG),
    "a line of a megabyte in the head": (reply("200 OK", b"{}", "X: " + "y" * 2**20), "is not HTTP"),
    "a thousand lines in the head": (reply("200 OK", b"{}", *["X: y"] * 1000), "is not HTTP"),
    "no status": (lambda peer, _request: peer.sendall(b"\x1b[2J\x00\xff\r\n\r\n"), "is not HTTP"),
    "half": (reply("200 OK", b'{"a":', length=99), "only a part of the answer came"),
    "nothing": (reply("200 OK", b""), JUNK),
    "a page": (reply("200 OK", b"<html>"), JUNK),
    "a list": (reply("200 OK", b"[1]"), JUNK),
    "ten million lists in lists": (reply("200 OK", b"[" * 10_000_000), JUNK),
    "a hundred thousand objects in objects": (reply("200 OK", b'{"a":' * 100_000 + b"1" + b"}" * 100_000), JUNK),
    "twenty million empty objects": (reply("200 OK", secrets(b"{}," * 20_000_000)), JUNK),
    "a number of ten million digits": (reply("200 OK", b'{"a":' + b"1" * 10_000_000 + b"}"), JUNK),
    "halves of characters": (reply("200 OK", secrets(rb'{"secretKey": "NAME", "secretValue": "\ud800"}')), JUNK),
    "bytes that are no text": (reply("200 OK", b'{"secrets": "\xff\xed\xa0\x80"}'), JUNK),
    "a gigabyte in a megabyte": (reply("200 OK", bomb(), "Content-Encoding: gzip"), JUNK),
    "half a compressed answer": (reply("200 OK", gzip.compress(b"{}")[:9], "Content-Encoding: gzip"), JUNK),
}


@dataclass
class Cost:
    """What asking has given, and taken."""

    said: Any
    seconds: float
    megabytes: int


class Asker:
    """A process that asks one server after another, and measures."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "tests.security.asking"]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)

    def ask(self, plugin: str, **options: Any) -> Cost:
        assert self._process.stdin and self._process.stdout
        print(json.dumps({"plugin": plugin, "options": options}), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, "it has crashed: " + self.stop()
        return Cost(**json.loads(answer))

    def stop(self) -> str:
        """What it has said besides."""
        return self._process.communicate(timeout=30)[1]


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    process = Asker()
    yield process
    assert "Traceback" not in process.stop()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def after_the_login(react: Reaction) -> Reaction:
    """A server that seems to be one until it is asked for secrets."""
    accepted = reply("200 OK", json.dumps(TOKEN).encode())

    def answer(peer: socket.socket, request: bytes) -> None:
        (accepted if b"/login" in request.split(b"\r\n", 1)[0] else react)(peer, request)

    return answer


@pytest.mark.parametrize(
    ("plugin", "answer"),
    [
        *(("lookup", answer) for answer in ANSWERS),
        *(("infisical_info", answer) for answer, (_react, said) in ANSWERS.items() if said != LONG),
    ],
)
def test_an_answer_that_is_made_to_hurt_is_told_of_and_costs_little(
    asker: Asker, authority: Authority, plugin: str, answer: str
) -> None:
    react, said = ANSWERS[answer]
    with listening(after_the_login(react), authority.server_context("localhost")) as port:
        url = f"https://localhost:{port}"
        cost = asker.ask(plugin, url=url, ca_path=str(authority.certificate), **GIVEN)
    assert said in cost.said, cost
    assert url in cost.said, "it says whose answer it was"
    assert cost.said.rstrip().endswith(("?", ".")), "it says what to do"
    assert "canary" not in cost.said
    assert cost.said.isprintable()
    assert cost.seconds < SECONDS
    assert cost.megabytes < MEGABYTES


@pytest.mark.parametrize("answer", [answer for answer, (_react, said) in ANSWERS.items() if said != LONG])
def test_the_doctor_finds_a_server_that_answers_to_hurt_and_it_costs_little(
    asker: Asker, authority: Authority, answer: str
) -> None:
    with listening(ANSWERS[answer][0], authority.server_context("localhost")) as port:
        url = f"https://localhost:{port}"
        cost = asker.ask("doctor", url=url, ca_path=str(authority.certificate), disks=[], **GIVEN)
    found = [(finding["check"], finding["state"]) for finding in cost.said["findings"]]
    assert found[-1] == ("status", "problem"), cost
    assert cost.seconds < SECONDS
    assert cost.megabytes < MEGABYTES
