# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this host reach the server, and may its identity do what it is there for?"""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, ok, problem, warning
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras, existence, store
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import (
    Answer,
    Connection,
    ConnectionFailedError,
    Request,
    Transport,
)
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted import answers

_DAY = 24 * 3600
EXPIRES_SOON = 21 * _DAY  # seconds; what issues certificates for 90 days renews them at 30
CLOCK_TOLERANCE = 30  # seconds; tokens and TLS both go by the clock


def reachability(url: str, connection: Connection, transport: Transport) -> list[Finding]:
    """DNS, TCP, TLS and the server's own status, in that order, up to the first that fails.

    url: scheme, host and port of the server, without /api.
    """
    found: list[Finding] = []
    where = urlsplit(url)
    if _proxied(where, connection):
        found.append(ok("network", f"a proxy of this host's environment leads to {url}"))
    else:
        for step in (_resolved, _connected, _trusted):
            finding = step(where, connection)
            if finding is not None:
                found.append(finding)
                if finding.state == "problem":
                    return found
    return found + _status(url, transport)


def _proxied(where: SplitResult, connection: Connection) -> bool:
    return connection.use_proxy and where.scheme in getproxies() and not proxy_bypass(where.hostname or "")


def _port(where: SplitResult) -> int:
    return where.port or (443 if where.scheme == "https" else 80)


def _resolved(where: SplitResult, connection: Connection) -> Finding:
    try:
        answers = socket.getaddrinfo(where.hostname, _port(where), type=socket.SOCK_STREAM)
    except OSError as error:
        advice = "Is the name right, and does a name server of /etc/resolv.conf know it? An address works without one."
        return problem("DNS", f"{where.hostname} has no address: {error.strerror or error}", advice)
    addresses = sorted({str(answer[4][0]) for answer in answers})
    return ok("DNS", f"{where.hostname} is {', '.join(addresses)}")


def _connected(where: SplitResult, connection: Connection) -> Finding:
    port = _port(where)
    try:
        socket.create_connection((where.hostname or "", port), connection.timeout).close()
    except OSError as error:
        advice = "Does the server run there, is the port right, and does a firewall stand between?"
        said = error.strerror or str(error) or type(error).__name__
        return problem("TCP", f"{where.hostname} port {port} does not take a connection: {said}", advice)
    return ok("TCP", f"{where.hostname} port {port} takes connections")


def _trusted(where: SplitResult, connection: Connection) -> Finding | None:
    """None for a server without TLS."""
    if where.scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cafile=connection.ca_path)
    except OSError:
        return problem("TLS", f"{connection.ca_path} holds no certificate", "Name a file with certificates as PEM.")
    if not connection.validate_certs:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        plain = socket.create_connection((where.hostname or "", _port(where)), connection.timeout)
        with plain, context.wrap_socket(plain, server_hostname=where.hostname) as secured:
            version, certificate = secured.version(), secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        advice = "Renew it, or name the authority that signed it with ca_path; `openssl s_client -connect` shows it."
        return problem("TLS", f"the certificate is not trusted: {error.verify_message}", advice)
    except OSError as error:
        return problem("TLS", f"no secure connection: {error.strerror or error}", "Does that port speak TLS?")
    if not certificate:
        return warning("TLS", f"{version}, the certificate is not checked", "Set validate_certs to true, with ca_path.")
    left = ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()
    evidence = f"{version}, the certificate is valid for {left / _DAY:.0f} days"
    return ok("TLS", evidence) if left > EXPIRES_SOON else warning("TLS", evidence, "Renew it now.")


def _status(url: str, transport: Transport) -> list[Finding]:
    check = "status"
    try:
        answer = transport.send(Request("GET", f"{url}/api/status"))
    except ConnectionFailedError as failure:
        return [problem(check, f"/api/status gave no answer: {failure}", "Look at the containers of the server.")]
    said = _body(answer)
    if answer.status != 200 or said.get("message") != "Ok":
        advice = "Look at its containers on its own host: `docker compose ps` and `docker compose logs backend`."
        if answer.status == 503:
            advice = "It may be migrating its database: look again in a minute."
        elif "message" not in said:
            advice = "Is that the address of Infisical itself, and does a proxy before it reach it?"
        return [problem(check, f"/api/status answers {answer.status}", advice), *_clock(answer)]
    return [ok(check, "/api/status answers 200 and Ok"), *_clock(answer)]


def _body(answer: Answer) -> dict[str, object]:
    try:
        content = answers.parsed(answer.body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _clock(answer: Answer) -> list[Finding]:
    """How far this host's clock is from the server's, which goes by its Date header; nothing without one."""
    try:
        told = parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return []
    apart = abs(told - time.time())
    if apart <= CLOCK_TOLERANCE:
        return [ok("clock", f"within {CLOCK_TOLERANCE} s of the server's")]
    advice = "Tokens and certificates go by the clock: run a time service (systemd-timesyncd or chrony) on both."
    return [problem("clock", f"{apart:.0f} s apart from the server's", advice)]


def credentials(client: Client, scope: Scope, read_only: bool = False) -> list[Finding]:
    """Does the identity log in, read the folder, and may it write there? Nothing is written.

    read_only: whether it is one that should not.
    """
    try:
        client.tokens.token()
    except InfisicalError as error:
        return [problem("login", error.problem, error.advice)]
    found = [ok("login", "the identity's credentials are accepted")]
    where = f"{scope.path} of the environment {scope.environment}"
    try:
        listing = store.read(client, scope, store.View(expand=False, imports=False))
        if listing.is_empty:
            existence.explain_empty(client, scope)
    except InfisicalError as error:
        return [*found, problem("read", error.problem, error.advice)]
    count = len(listing.secrets)
    if not count:
        advice = "Run playbooks/omakase.yml, which creates the base secrets."
        found.append(warning("read", f"{where} holds no secret that this identity may read", advice))
    else:
        found.append(ok("read", f"{count} secrets in {where}"))
    return [*found, _writing(client, scope, where, read_only)]


def _writing(client: Client, scope: Scope, where: str, read_only: bool) -> Finding:
    try:
        writes = _may_write(client, scope)
    except InfisicalError as error:
        return problem("write", error.problem, error.advice)
    evidence = f"the identity may {'write to' if writes else 'only read'} {where}"
    if writes is not read_only:
        return ok("write", evidence)
    if read_only:
        advice = (
            "Whoever takes this host may change every secret there. Give it an identity that only reads:"
            " playbooks/site.yml makes one, omakase_infisical_host_client_id names one of your own."
        )
        return warning("write", evidence, advice)
    return warning("write", evidence, "The role omakase needs one that may create what is missing.")


def _may_write(client: Client, scope: Scope) -> bool:
    """A change to a secret that does not exist: refused as forbidden or as missing, so nothing can come of it.

    Raises InfisicalError if the server answers otherwise.
    """
    nobody = f"DOCTOR_{secrets.token_hex(16).upper()}"
    try:
        client.ask(eras.write_secrets("PATCH", scope, [{"secretKey": nobody, "secretValue": ""}]))
    except InfisicalError as error:
        if not error.missing and error.status not in (401, 403):
            raise
        return error.missing
    return True
