# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be seen of an address from here."""

from __future__ import annotations

import socket


def answers(address: str, port: int = 22, timeout: float = 1.0) -> bool:
    """Whether some machine has this address: a refused connection is an answer, too."""
    try:
        socket.create_connection((address, port), timeout).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True


def greets(address: str, port: int, timeout: float = 1.0) -> bool:
    """Whether an SSH server greets there."""
    try:
        with socket.create_connection((address, port), timeout) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
