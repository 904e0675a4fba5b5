# SPDX-License-Identifier: GPL-3.0-or-later
"""The transport against real sockets: whole answers, half ones, none at all, and certificates."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import (
    Answer,
    Connection,
    ConnectionFailedError,
    Request,
    UrlTransport,
)

from tests.support.certificates import Authority
from tests.support.sockets import listening, reply


def send(port: int, scheme: str = "http", timeout: float = 5.0, **how: object) -> Answer:
    connection = Connection(timeout=timeout, **how)  # type: ignore[arg-type]
    request = Request("POST", f"{scheme}://localhost:{port}/a", {"Authorization": "Bearer t"}, b"{}")
    return UrlTransport(connection).send(request)


def test_an_answer_comes_with_status_headers_and_body() -> None:
    with listening(reply("200 OK", b'{"a":1}', "X-Thing: Yes")) as port:
        answer = send(port)
    assert (answer.status, answer.body, answer.headers["x-thing"]) == (200, b'{"a":1}', "Yes")


@pytest.mark.parametrize("status", ["404 Not Found", "429 Too Many Requests", "500 Oh", "401 No"])
def test_a_refusal_is_an_answer(status: str) -> None:
    with listening(reply(status, b'{"message":"x"}', "Retry-After: 7")) as port:
        answer = send(port)
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (int(status[:3]), b'{"message":"x"}', "7")


def test_a_redirect_is_not_followed() -> None:
    with listening(reply("302 Found", b"", "Location: http://elsewhere.invalid/")) as port:
        assert send(port).status == 302


def test_the_request_goes_out_as_it_is() -> None:
    seen: list[bytes] = []

    def react(peer: socket.socket, request: bytes) -> None:
        seen.append(request)
        reply("200 OK", b"{}")(peer, request)

    with listening(react) as port:
        send(port)
    assert seen[0].startswith(b"POST /a HTTP/1.1\r\n")
    assert b"Authorization: Bearer t" in seen[0]
    assert b"user-agent: omakase.homelab\r\n" in seen[0].lower()


def test_half_an_answer_is_a_failed_connection() -> None:
    with (
        listening(reply("200 OK", b'{"a":', length=100)) as port,
        pytest.raises(ConnectionFailedError, match="only a part"),
    ):
        send(port)


def test_half_a_chunked_answer_is_a_failed_connection() -> None:
    def react(peer: socket.socket, _request: bytes) -> None:
        peer.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"')

    with listening(react) as port, pytest.raises(ConnectionFailedError):
        send(port)


def test_a_reset_connection_has_failed() -> None:
    with listening(lambda peer, _request: peer.close()) as port, pytest.raises(ConnectionFailedError) as caught:
        send(port)
    assert not caught.value.unsent


def test_nobody_there_has_failed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(ConnectionFailedError, match="Connection refused") as caught:
        send(port)
    assert caught.value.unsent
    assert not caught.value.permanent


def test_a_silent_server_is_left_after_the_timeout() -> None:
    done = threading.Event()

    def stall(_peer: socket.socket, _request: bytes) -> None:
        done.wait(10)

    began = time.monotonic()
    with (
        listening(stall) as port,
        pytest.raises(ConnectionFailedError, match="no answer within 1 s"),
    ):
        try:
            send(port, timeout=1.0)
        finally:
            done.set()
    assert time.monotonic() - began < 5


def test_a_certificate_of_a_private_authority_is_trusted_when_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with listening(reply("200 OK", b"{}"), authority.server_context("localhost")) as port:
        with pytest.raises(ConnectionFailedError, match="certificate is not trusted") as caught:
            send(port, "https")
        assert caught.value.permanent
        assert send(port, "https", ca_path=str(authority.certificate)).status == 200
        assert send(port, "https", validate_certs=False).status == 200


def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with (
        listening(reply("200 OK", b"{}"), authority.server_context("vault.test")) as port,
        pytest.raises(ConnectionFailedError, match="certificate is not trusted"),
    ):
        send(port, "https", ca_path=str(authority.certificate))


def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("localhost")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.certificate)
    certificate, key = authority.issue("client")
    with listening(reply("200 OK", b"{}"), context) as port:
        trusted: dict[str, Any] = {"ca_path": str(authority.certificate)}
        answer = send(port, "https", client_cert=str(certificate), client_key=str(key), **trusted)
        assert answer.status == 200
        with pytest.raises(ConnectionFailedError):
            send(port, "https", **trusted)


def test_a_proxy_of_the_environment_is_used_and_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(reply("200 OK", b'{"by":"proxy"}')) as proxy, listening(reply("200 OK", b"{}")) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy}")
        assert send(port).body == b'{"by":"proxy"}'
        assert send(port, use_proxy=False).body == b"{}"


def test_an_address_that_is_none_has_failed() -> None:
    with pytest.raises(ConnectionFailedError):
        UrlTransport(Connection()).send(Request("GET", "http://[::1/a"))
