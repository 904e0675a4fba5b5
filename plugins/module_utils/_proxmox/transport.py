# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire: one request out, one answer back. It knows nothing of JSON, logins or Proxmox."""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead, InvalidURL
from typing import Protocol
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode

from ansible.module_utils.urls import open_url
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import UnreachableError
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted import answers


@dataclass(frozen=True)
class Request:
    """`path` follows `/api2/json` and starts with a slash; `params` become a query (GET, DELETE) or a form."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """`reason` is the status line's text, in which Proxmox says what is wrong."""

    status: int
    reason: str
    body: bytes


class Transport(Protocol):
    """What the client needs of the wire; a test brings its own."""

    address: str

    def send(self, request: Request) -> Answer:
        """Send once; raise UnreachableError where no answer came back."""


class HttpsTransport:
    """HTTPS to one Proxmox host. `timeout` is in seconds, for each wait; an answer may take twice that."""

    def __init__(self, host: str, port: int, validate_certs: bool, ca_path: str | None, timeout: float) -> None:
        self.address = f"https://{host}:{port}"
        self._validate_certs = validate_certs
        self._ca_path = ca_path
        self._timeout = timeout

    def send(self, request: Request) -> Answer:
        """One request, never repeated and never redirected (a redirect would carry the credentials elsewhere)."""
        limit = 2 * self._timeout
        try:
            return answers.within(limit, lambda: self._ask(request, limit))
        except answers.TooLongError:
            raise UnreachableError(f"The answer of {self.address} took longer than {limit:g} seconds.") from None
        except (answers.PartialError, IncompleteRead):
            raise UnreachableError(f"Only a part of the answer of {self.address} came.") from None
        except answers.TooLargeError:
            raise UnreachableError(
                f"The answer of {self.address} is larger than {answers.MOST_BYTES // 2**20} MB. Is Proxmox there?"
            ) from None
        except (URLError, OSError, HTTPException, ValueError) as broken:
            raise self._unreachable(broken) from broken

    def _ask(self, request: Request, limit: float) -> Answer:
        form = urlencode(request.params)
        in_query = request.method in ("GET", "DELETE")
        url = f"{self.address}/api2/json{request.path}" + (f"?{form}" if form and in_query else "")
        try:
            answer = open_url(
                url,
                data=None if in_query else form.encode(),
                headers={**request.headers, "Accept": "application/json"},
                method=request.method,
                timeout=self._timeout,
                validate_certs=self._validate_certs,
                ca_path=self._ca_path,
                follow_redirects="none",
                decompress=False,
                use_netrc=False,  # its password would take the place of the token
            )
            with answer:
                return Answer(answer.status, answer.reason or "", answers.body(answer, limit))
        except HTTPError as refused:
            with refused:
                return Answer(refused.code, str(refused.reason or ""), answers.body(refused, limit))

    def _unreachable(self, broken: Exception) -> UnreachableError:
        cause = getattr(broken, "reason", broken)
        if self._ca_path and not os.access(self._ca_path, os.R_OK):
            return UnreachableError(
                f"The file {self._ca_path} of ca_path, by which {self.address} is trusted, is not there or cannot be "
                "read. It is /etc/pve/pve-root-ca.pem of the Proxmox host; copy it to the host that asks."
            )
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UnreachableError(
                f"The certificate of {self.address} is not trusted ({cause.verify_message}). Give its certificate "
                "authority as ca_path (on a Proxmox host the file is /etc/pve/pve-root-ca.pem), and the host by a "
                "name or address that the certificate holds."
            )
        # Its text would be what came instead. A hang-up is both, and an address that is none never got there.
        if isinstance(cause, HTTPException) and not isinstance(cause, (OSError, InvalidURL)):
            return UnreachableError(f"What answers at {self.address} does not speak HTTP. Is Proxmox there?")
        return UnreachableError(f"The Proxmox API at {self.address} does not answer ({cause}).")
