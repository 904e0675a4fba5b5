# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Login as what AWS says that we are: a signed request that Infisical sends on to AWS itself.

Source of the signature: AWS Signature Version 4, "Create a signed AWS API request"; of the rest, Infisical's
documentation of AWS auth.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Options, required
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_jwt import metadata
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.exchange import Exchange
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import Token, login_call, token_of
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import Request, Transport

BODY = "Action=GetCallerIdentity&Version=2011-06-15"
METADATA = "http://169.254.169.254/latest/"
_TYPE = "application/x-www-form-urlencoded; charset=utf-8"


@dataclass(frozen=True)
class Keys:
    """Access key, its secret, and the session token of temporary ones."""

    access_key: str
    secret_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Aws:
    """An identity that AWS vouches for."""

    identity_id: str
    region: str
    keys: Keys
    organization_slug: str | None = None
    guessable = False

    @classmethod
    def from_options(
        cls, options: Options, environ: Mapping[str, str] | None = None, transport: Transport | None = None
    ) -> Aws:
        """Keys from the environment, or else from the machine's role."""
        given = required("aws", options, "auth_identity_id")
        environ = os.environ if environ is None else environ
        region = options.get("aws_region") or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
        keys = _from_environment(environ) or _from_machine(transport)
        return cls(given["auth_identity_id"], region or "us-east-1", keys, options.get("organization_slug"))

    @property
    def identity(self) -> str:
        return f"aws:{self.identity_id}:{self.keys.access_key}:{self.organization_slug or ''}"

    @property
    def secret(self) -> str:
        return self.keys.secret_key

    def login(self, exchange: Exchange) -> Token:
        headers = signed(self.keys, self.region, datetime.now(timezone.utc))
        body = {
            "identityId": self.identity_id,
            "iamHttpRequestMethod": "POST",
            "iamRequestBody": base64.b64encode(BODY.encode()).decode(),
            "iamRequestHeaders": base64.b64encode(json.dumps(headers).encode()).decode(),
        }
        return token_of(exchange.send(login_call("aws-auth", body, self.organization_slug)))


def signed(keys: Keys, region: str, now: datetime) -> dict[str, str]:
    """The headers of a request to the region's STS that asks who signed it. now: in UTC."""
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"Content-Type": _TYPE, "Host": f"sts.{region}.amazonaws.com", "X-Amz-Date": stamp}
    if keys.session_token:
        headers["X-Amz-Security-Token"] = keys.session_token
    lower = sorted((name.lower(), value) for name, value in headers.items())
    names = ";".join(name for name, _value in lower)
    canonical = "\n".join(["POST", "/", "", *(f"{name}:{value}" for name, value in lower), "", names, _hash(BODY)])
    scope = f"{stamp[:8]}/{region}/sts/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, _hash(canonical)])
    key = ("AWS4" + keys.secret_key).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={keys.access_key}/{scope}"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    headers["Content-Length"] = str(len(BODY))
    return headers


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _from_environment(environ: Mapping[str, str]) -> Keys | None:
    access_key, secret_key = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        return None
    return Keys(access_key, secret_key, environ.get("AWS_SESSION_TOKEN", ""))


def _from_machine(transport: Transport | None) -> Keys:
    """The role's temporary keys, from the metadata service (IMDSv2)."""
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "300"}
    ticket = metadata("aws", Request("PUT", METADATA + "api/token", lifetime), transport)
    headers = {"X-aws-ec2-metadata-token": ticket}
    roles = METADATA + "meta-data/iam/security-credentials/"
    role = metadata("aws", Request("GET", roles, headers), transport).split("\n")[0]
    answer = metadata("aws", Request("GET", roles + role, headers), transport)
    try:
        found = json.loads(answer)
        return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    except (ValueError, KeyError, TypeError):
        raise InfisicalError(
            "The metadata service of aws gave no keys.", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        ) from None
