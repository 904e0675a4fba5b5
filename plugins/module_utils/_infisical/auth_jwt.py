# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins with a signed token of somebody else: an OIDC provider, Kubernetes, Google Cloud, Azure, or your own issuer.

Sources: Infisical's documentation of each method, and the two clouds' of their metadata services.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Options, required
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import Token, login_call, token_of
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import (
    Connection,
    ConnectionFailedError,
    Request,
    Transport,
    UrlTransport,
)

KUBERNETES_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105  # a path
GCP_METADATA = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/identity"
AZURE_METADATA = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource="
# Metadata services answer at once or are not there (seconds).
METADATA_TIMEOUT = 5.0


@dataclass(frozen=True)
class SignedToken:
    """An identity that another party vouches for. jwt: that party's token; the credential, too."""

    method: str
    identity_id: str
    jwt: str = field(repr=False)
    organization_slug: str | None = None
    guessable = False

    @property
    def identity(self) -> str:
        return f"{self.method}:{self.identity_id}:{self.organization_slug or ''}"

    @property
    def secret(self) -> str:
        return self.jwt

    def login(self, exchange: Exchange) -> Token:
        body = {"identityId": self.identity_id, "jwt": self.jwt}
        return token_of(exchange.send(login_call(f"{self.method}-auth", body, self.organization_slug)))


def from_given(method: str) -> Callable[[Options], SignedToken]:
    """For oidc and jwt: the token is in jwt, or in the file jwt_path."""

    def build(options: Options) -> SignedToken:
        given = required(method, options, "auth_identity_id")
        jwt = options.get("jwt") or _file(method, options.get("jwt_path"))
        return SignedToken(method, given["auth_identity_id"], jwt, options.get("organization_slug"))

    return build


def from_kubernetes(options: Options) -> SignedToken:
    """The service account's token, which Kubernetes puts into each pod and renews there."""
    given = required("kubernetes", options, "auth_identity_id")
    jwt = options.get("jwt") or _file("kubernetes", options.get("jwt_path") or KUBERNETES_TOKEN)
    return SignedToken("kubernetes", given["auth_identity_id"], jwt, options.get("organization_slug"))


def from_gcp(options: Options, transport: Transport | None = None) -> SignedToken:
    """The machine's own identity token for this Infisical identity, from the metadata service."""
    given = required("gcp", options, "auth_identity_id")
    url = f"{GCP_METADATA}?format=full&audience={quote(given['auth_identity_id'], safe='')}"
    jwt = options.get("jwt") or metadata("gcp", Request("GET", url, {"Metadata-Flavor": "Google"}), transport)
    return SignedToken("gcp", given["auth_identity_id"], jwt, options.get("organization_slug"))


def from_azure(options: Options, transport: Transport | None = None) -> SignedToken:
    """The managed identity's access token, from the metadata service."""
    given = required("azure", options, "auth_identity_id")
    resource = options.get("azure_resource") or "https://management.azure.com/"
    request = Request("GET", AZURE_METADATA + quote(resource, safe=""), {"Metadata": "true"})
    jwt = options.get("jwt") or _access_token(metadata("azure", request, transport))
    return SignedToken("azure", given["auth_identity_id"], jwt, options.get("organization_slug"))


def metadata(method: str, request: Request, transport: Transport | None) -> str:
    """The answer of the cloud's metadata service. Raises InfisicalError anywhere else."""
    way = transport or UrlTransport(Connection(use_proxy=False, timeout=METADATA_TIMEOUT))
    advice = f"The method {method} works on a machine of that cloud that has an identity; elsewhere give jwt."
    try:
        answer = way.send(request)
    except ConnectionFailedError as failure:
        raise InfisicalError(f"The metadata service of {method} gave no answer: {failure}.", advice) from None
    if answer.status != 200:
        raise InfisicalError(f"The metadata service of {method} refused ({answer.status}).", advice)
    return answer.body.decode().strip()


def _access_token(answer: str) -> str:
    try:
        return str(json.loads(answer)["access_token"])
    except (ValueError, KeyError, TypeError):
        raise InfisicalError("The metadata service of azure gave no access token.") from None


def _file(method: str, path: str | None) -> str:
    if not path:
        raise InfisicalError(f"The authentication method {method} needs jwt or jwt_path.")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, ValueError) as error:  # a zero byte in the path, or a file that is no text
        reason = error.strerror if isinstance(error, OSError) else "it is not the path of a text"
        raise InfisicalError(
            f"The token for the method {method} cannot be read: {path}: {reason}.", "Name its file in jwt_path."
        ) from None
