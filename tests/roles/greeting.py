# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server's greeting where no machine is: all that the wait for a container asks for."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Greeting(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"SSH-2.0-stand_in\r\n")


@contextmanager
def greeting() -> Iterator[int]:
    """A port at which every address of this machine greets like an SSH server."""
    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), _Greeting) as server:  # noqa: S104
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
