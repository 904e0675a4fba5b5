# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one seam between the client and the network: send a request once, give back what came."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

# One read of an answer's body; between two reads the clock is looked at.
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Request:
    """method, absolute URL, headers, and the bytes to send."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)  # holds the token
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Answer:
    """Status, headers with names in lower case, and the bytes that came."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)


class ConnectionFailedError(Exception):
    """No whole answer came. permanent: trying again cannot help, as with a certificate that nobody trusts."""

    def __init__(self, reason: str, permanent: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent


class Transport(Protocol):
    """Sends once; repeats nothing, judges nothing."""

    def send(self, request: Request) -> Answer:
        """Raises ConnectionFailedError if no whole answer came."""


@dataclass(frozen=True)
class Connection:
    """How to reach the server. timeout: seconds for connecting and for each wait; an answer may take twice that."""

    validate_certs: bool = True
    ca_path: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    use_proxy: bool = True
    timeout: float = 20.0


class UrlTransport:
    """The transport over ansible-core's own HTTP client: proxies from the environment, TLS, client certificates."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def send(self, request: Request) -> Answer:
        # Imported here: a lookup that is answered by the run's cache does without.
        from http.client import HTTPException
        from urllib.error import HTTPError, URLError

        try:
            return self._open(request)
        except HTTPError as error:
            return self._read(error.code, error)
        except URLError as error:
            raise self._failure(error.reason) from None
        except (OSError, HTTPException, ValueError) as error:
            raise self._failure(error) from None

    def _open(self, request: Request) -> Answer:
        from ansible.module_utils.urls import open_url

        connection = self.connection
        response = open_url(
            request.url,
            method=request.method,
            headers=request.headers,
            data=request.body,
            timeout=connection.timeout,
            validate_certs=connection.validate_certs,
            ca_path=connection.ca_path,
            client_cert=connection.client_cert,
            client_key=connection.client_key,
            use_proxy=connection.use_proxy,
            http_agent="omakase.homelab",
            follow_redirects="none",  # a redirect would carry the token to somewhere else
            use_netrc=False,  # a netrc entry would replace the token
        )
        return self._read(response.status, response)

    def _read(self, status: int, response) -> Answer:  # type: ignore[no-untyped-def]
        limit = time.monotonic() + 2 * self.connection.timeout
        parts = []
        while True:
            part = response.read1(_CHUNK) if hasattr(response, "read1") else response.read(_CHUNK)
            if not part:
                break
            parts.append(part)
            if time.monotonic() > limit:
                raise ConnectionFailedError(f"the answer took longer than {2 * self.connection.timeout:g} s")
        if getattr(response, "length", None):  # bytes that were promised and did not come
            raise ConnectionFailedError("only a part of the answer came")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status, headers, b"".join(parts))

    def _failure(self, reason: object) -> ConnectionFailedError:
        from socket import timeout as socket_timeout  # not yet a TimeoutError on Python 3.9
        from ssl import SSLCertVerificationError

        if isinstance(reason, SSLCertVerificationError):
            text = f"its certificate is not trusted: {reason.verify_message}"
            return ConnectionFailedError(text, permanent=True)
        if isinstance(reason, (TimeoutError, socket_timeout)):
            return ConnectionFailedError(f"no answer within {self.connection.timeout:g} s")
        if isinstance(reason, OSError) and reason.strerror:
            return ConnectionFailedError(reason.strerror)
        return ConnectionFailedError(str(reason) or type(reason).__name__)
