# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be seen of an address."""

from __future__ import annotations

import socket
import threading

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.network import answers, greets


@pytest.mark.parametrize(
    ("greeting", "is_ssh"), [(b"SSH-2.0-stand_in\r\n", True), (b"220 mail\r\n", False), (b"", False)]
)
def test_an_ssh_server_is_known_by_its_greeting(greeting: bytes, is_ssh: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            connection, _address = server.accept()
            with connection:
                connection.sendall(greeting)

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        assert greets("127.0.0.1", server.getsockname()[1]) is is_ssh
        thread.join(10)


def test_an_open_port_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert answers("127.0.0.1", server.getsockname()[1])


def test_a_refused_connection_is_an_answer_and_no_greeting() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert answers("127.0.0.1", port)
        assert not greets("127.0.0.1", port)
