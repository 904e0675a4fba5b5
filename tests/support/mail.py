# SPDX-License-Identifier: GPL-3.0-or-later
"""A mail server: aiosmtpd, in a thread, with TLS and logins if a test wants them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.support.servers import free_port

USER, PASSWORD = "infisical", "canary-mail-password"


class Mailbox:
    """What was delivered: who logged in, whether over TLS, and the message."""

    def __init__(self, address: str, context: ssl.SSLContext | None) -> None:
        self.address, self.port = address, free_port()
        self.delivered: list[tuple[str, bool, Message]] = []
        self.refused_recipients: set[str] = set()
        self._controller = Controller(
            self,
            hostname=address,
            port=self.port,
            tls_context=context,
            require_starttls=context is not None,
            auth_required=context is not None,
            authenticator=self._log_in,
        )

    def _log_in(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        success = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=success, handled=False, auth_data=data.login.decode())

    async def handle_RCPT(  # noqa: N802, the name that aiosmtpd calls
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in self.refused_recipients:
            return "550 5.1.1 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        user = session.auth_data or "" if session.authenticated else ""
        self.delivered.append((str(user), session.ssl is not None, message_from_bytes(envelope.content)))
        return "250 OK"

    @contextmanager
    def running(self) -> Iterator[Mailbox]:
        self._controller.start()
        try:
            yield self
        finally:
            self._controller.stop()
