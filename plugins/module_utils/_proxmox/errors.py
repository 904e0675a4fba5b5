# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong when talking to Proxmox, in words for the person who reads them."""

from __future__ import annotations

from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.words import printable


class ProxmoxError(Exception):
    """Proxmox refused, failed, or took too long; the message says what was asked and what came back."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, keep="\n"))  # it may hold words of the server's


class UnreachableError(ProxmoxError):
    """Nothing answered, or what answered could not be trusted: no request got through."""


class RefusedError(ProxmoxError):
    """Proxmox answered with an error. `status` is the HTTP status, `reason` Proxmox's own words."""

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class TaskFailedError(ProxmoxError):
    """Proxmox began, and could not finish."""


class UnfinishedError(ProxmoxError):
    """A task takes longer than the limit; it was left alone and still runs."""
