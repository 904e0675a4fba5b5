# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one seam between the client and the network: send a request once, give back what came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

# Codes of OpenSSL for what no other authority can heal.
_NOT_NOW = (9, 10)  # not yet valid, expired
_NOT_THIS_HOST = (62, 64)  # another name, another address


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
    """No whole answer came.

    permanent: trying again cannot help, as with a certificate that nobody trusts.
    unsent: there was no connection, so that the server cannot have done anything.
    advice: what to do about it, where the reason alone tells that.
    """

    def __init__(self, reason: str, permanent: bool = False, unsent: bool = False, advice: str = "") -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.unsent = unsent
        self.advice = advice


class Transport(Protocol):
    """Sends once; repeats nothing, judges nothing."""

    def send(self, request: Request) -> Answer:
        """Raises ConnectionFailedError if no whole answer came."""


@dataclass(frozen=True)
class Connection:
    """How to reach the server. timeout: seconds for connecting and for each wait; all in all it may take twice that."""

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

        from ansible_collections.omakase.homelab.plugins.module_utils._untrusted import answers

        limit = 2 * self.connection.timeout

        def ask() -> Answer:
            try:
                response = self._open(request)
                return self._read(response.status, response, limit)
            except HTTPError as error:
                return self._read(error.code, error, limit)

        try:
            return answers.within(limit, ask)
        except answers.TooLongError:
            raise ConnectionFailedError(f"the answer took longer than {limit:g} s") from None
        except answers.PartialError:
            raise ConnectionFailedError("only a part of the answer came") from None
        except answers.TooLargeError:
            raise ConnectionFailedError(
                f"the answer is larger than {answers.MOST_BYTES // 2**20} MB",
                permanent=True,
                advice="Is url the address of Infisical itself? If it is, read a smaller folder at a time.",
            ) from None
        except URLError as error:
            raise self._failure(error.reason) from None
        except (OSError, HTTPException, ValueError) as error:
            raise self._failure(error) from None

    def _open(self, request: Request):  # type: ignore[no-untyped-def]
        """The answer of which the body is not read yet."""
        from ansible.module_utils.urls import open_url

        connection = self.connection
        return open_url(
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
            decompress=False,  # nothing compressed was asked for, and a few bytes could become gigabytes
            use_netrc=False,  # a netrc entry would replace the token
        )

    def _read(self, status: int, response, seconds: float) -> Answer:  # type: ignore[no-untyped-def]
        from ansible_collections.omakase.homelab.plugins.module_utils._untrusted import answers

        content = answers.body(response, seconds)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status, headers, content)

    def _failure(self, reason: object) -> ConnectionFailedError:
        from http.client import HTTPException, IncompleteRead
        from socket import gaierror
        from socket import timeout as socket_timeout  # not yet a TimeoutError on Python 3.9
        from ssl import SSLCertVerificationError

        if isinstance(reason, SSLCertVerificationError):
            text = f"its certificate is not trusted: {reason.verify_message}"
            return ConnectionFailedError(text, permanent=True, advice=_about_certificate(reason.verify_code))
        if isinstance(reason, (TimeoutError, socket_timeout)):
            return ConnectionFailedError(f"no answer within {self.connection.timeout:g} s")
        if isinstance(reason, OSError) and reason.strerror:
            return ConnectionFailedError(reason.strerror, unsent=isinstance(reason, (ConnectionRefusedError, gaierror)))
        if isinstance(reason, IncompleteRead):
            return ConnectionFailedError("only a part of the answer came")
        if isinstance(reason, HTTPException) and not isinstance(reason, OSError):
            return ConnectionFailedError("what it answers is not HTTP")
        return ConnectionFailedError(str(reason) or type(reason).__name__)


def _about_certificate(code: int) -> str:
    if code in _NOT_NOW:
        return "Is this machine's clock right? If it is, the server needs a new certificate."
    if code in _NOT_THIS_HOST:
        return "Give as url the name that the certificate is for."
    return "Name the authority that signed it with ca_path."
