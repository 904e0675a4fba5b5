# SPDX-License-Identifier: GPL-3.0-or-later
"""A message over a real mail server, and each reason for which it does not go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.certificates import Authority
from tests.support.mail import PASSWORD, USER, Mailbox
from tests.support.modules import printed_by

MESSAGE = {
    "sender": "Infisical <infisical@home.example>",
    "recipient": "me@home.example",
    "subject": "proof",
    "body": "It works.",
    "timeout": 5,
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[Mailbox]:
    """A mail server that wants STARTTLS and a login."""
    with Mailbox("127.0.0.1", authority.server_context("127.0.0.1")).running() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def plain() -> Iterator[Mailbox]:
    """A mail server that offers neither."""
    with Mailbox("127.0.0.1", None).running() as mailbox:
        yield mailbox


def sent(mailbox: Mailbox, **changes: Any) -> dict[str, Any]:
    return printed_by("smtp_message", {"host": mailbox.address, "port": mailbox.port, **MESSAGE, **changes})


def logged_in(authority: Authority) -> dict[str, str]:
    return {"ca": authority.certificate.read_text(), "username": USER, "password": PASSWORD}


def test_it_arrives_over_tls_with_a_login(secure: Mailbox, authority: Authority) -> None:
    result = sent(secure, **logged_in(authority))
    assert (result["changed"], result["encrypted"]) == (True, True)
    user, over_tls, message = secure.delivered.pop()
    assert (user, over_tls) == (USER, True)
    assert (message["From"], message["To"], message["Subject"]) == (MESSAGE["sender"], "me@home.example", "proof")
    assert message["Message-ID"].endswith("@home.example>") and message["Date"]


def test_a_plan_sends_nothing(secure: Mailbox, authority: Authority) -> None:
    assert sent(secure, **logged_in(authority), _ansible_check_mode=True)["changed"]
    assert secure.delivered == []


def test_a_certificate_of_an_unknown_authority_is_refused(secure: Mailbox) -> None:
    assert "the certificate of 127.0.0.1" in sent(secure)["msg"]


def test_a_wrong_password_is_refused_in_the_servers_words_and_not_shown(secure: Mailbox, authority: Authority) -> None:
    result = sent(secure, **{**logged_in(authority), "password": "canary-of-a-wrong-one"})
    assert "refused the login of infisical: 535" in result["msg"]
    assert "canary" not in str(result)


def test_a_refused_recipient_is_told_in_the_servers_words(plain: Mailbox) -> None:
    plain.refused_recipients = {"nobody@home.example"}
    result = sent(plain, starttls="offered", recipient="nobody@home.example")
    assert "refused the recipient: 550 5.1.1 No such mailbox" in result["msg"]


def test_without_tls_it_goes_only_where_that_is_allowed(plain: Mailbox) -> None:
    assert "does not offer what is asked for" in sent(plain)["msg"]
    assert sent(plain, starttls="offered")["encrypted"] is False
    assert sent(plain, starttls="never")["encrypted"] is False


def test_a_server_that_wants_tls_refuses_a_message_without_it(secure: Mailbox) -> None:
    assert "refused the message: 530" in sent(secure, starttls="never")["msg"]


def test_nobody_at_the_port_is_told() -> None:
    assert (
        "127.0.0.1:9 does not answer as a mail server"
        in printed_by("smtp_message", {"host": "127.0.0.1", "port": 9, **MESSAGE})["msg"]
    )
