# SPDX-License-Identifier: GPL-3.0-or-later
"""Each way to log in: what it sends where, what it needs, and which one is taken."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import auth, auth_jwt
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_aws import Aws, Keys, signed
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_core import Given, Universal
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.auth_ldap import Ldap
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError, LoginRefusedError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import Token
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.transport import ConnectionFailedError

from tests.support.scripted import Scripted

TOKEN = {"accessToken": "t0k3n", "expiresIn": 3600, "accessTokenMaxTTL": 7200, "tokenType": "Bearer"}


def options(**given: str) -> dict[str, str | None]:
    return dict(given)


def test_universal_auth_sends_both_halves_and_trusts_expires_in(server: Scripted) -> None:
    server.on("POST /api/v1/auth/universal-auth/login", TOKEN, body={"clientId": "id", "clientSecret": "sec"})
    method = auth.choose(options(client_id="id", client_secret="sec"))
    assert method.login(server.exchange()) == Token("t0k3n", 3600.0)
    assert (method.identity, method.secret, method.guessable) == ("universal:id:", "sec", False)


def test_the_organisation_is_named_where_it_is_given(server: Scripted) -> None:
    server.on("POST /api/v1/auth/universal-auth/login", TOKEN, body={"organizationSlug": "lab"})
    method = auth.choose(options(client_id="id", client_secret="sec", organization_slug="lab"))
    method.login(server.exchange())
    assert method.identity == "universal:id:lab"


def test_a_refused_login_says_that_it_is_not_tried_again(server: Scripted) -> None:
    server.refuse("POST /api/v1/auth/universal-auth/login", 401, "UnauthorizedError", "Invalid credentials")
    with pytest.raises(LoginRefusedError, match="lock an identity"):
        Universal("id", "sec").login(server.exchange())


@pytest.mark.parametrize("answer", [{}, {"accessToken": ""}, {"accessToken": 7}])
def test_a_login_without_a_token_is_an_error(server: Scripted, answer: dict[str, object]) -> None:
    server.on("POST /api/v1/auth/universal-auth/login", answer)
    with pytest.raises(InfisicalError, match="gave no token"):
        Universal("id", "sec").login(server.exchange())


def test_a_token_without_an_end_has_none(server: Scripted) -> None:
    server.on("POST /api/v1/auth/universal-auth/login", {"accessToken": "x", "expiresIn": 0})
    assert Universal("id", "sec").login(server.exchange()) == Token("x", None)


def test_a_given_token_is_used_as_it_is(server: Scripted) -> None:
    method = auth.choose(options(token="abc"))
    assert method.login(server.exchange()) == Token("abc")
    assert (method.identity, method.secret) == ("token", "abc")


def test_universal_comes_before_token_and_token_before_ldap() -> None:
    both = options(client_id="id", client_secret="sec", token="abc")
    assert isinstance(auth.choose(both), Universal)
    assert isinstance(auth.choose(options(token="abc", ldap_username="me")), Given)
    assert isinstance(auth.choose(dict(both, auth_method="token")), Given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "No credentials"),
        ({"client_id": "id"}, "needs client_secret"),
        ({"client_secret": "sec"}, "needs client_id"),
        ({"auth_method": "token"}, "needs token"),
        ({"auth_method": "universal"}, "needs client_id and client_secret"),
        ({"jwt": "x"}, "Say which with auth_method"),
        ({"ldap_username": "me"}, "needs auth_identity_id and ldap_password"),
        ({"auth_method": "oidc"}, "needs auth_identity_id"),
        ({"auth_method": "oidc", "auth_identity_id": "i"}, "needs jwt or jwt_path"),
        ({"auth_method": "jwt", "auth_identity_id": "i", "jwt_path": "/nowhere/token"}, "/nowhere/token: No such file"),
        ({"auth_method": "kubernetes", "auth_identity_id": "i"}, "serviceaccount/token: No such file"),
        ({"auth_method": "aws"}, "needs auth_identity_id"),
        ({"auth_method": "gcp"}, "needs auth_identity_id"),
        ({"auth_method": "azure"}, "needs auth_identity_id"),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(InfisicalError, match=said):
        auth.choose(options(**given))


@pytest.mark.parametrize("method", ["oidc", "jwt", "kubernetes", "gcp", "azure"])
def test_a_signed_token_goes_to_the_login_of_its_method(server: Scripted, method: str) -> None:
    server.on(f"POST /api/v1/auth/{method}-auth/login", TOKEN, body={"identityId": "i", "jwt": "signed"})
    chosen = auth.choose(options(auth_method=method, auth_identity_id="i", jwt="signed"))
    assert chosen.login(server.exchange()).value == "t0k3n"
    assert (chosen.identity, chosen.secret, chosen.guessable) == (f"{method}:i:", "signed", False)
    assert "signed" not in repr(chosen)


@pytest.mark.parametrize("method", ["oidc", "jwt", "kubernetes"])
def test_a_signed_token_may_lie_in_a_file(tmp_path: Path, method: str) -> None:
    (tmp_path / "token").write_text("signed\n")
    given = options(auth_method=method, auth_identity_id="i", jwt_path=str(tmp_path / "token"))
    assert auth.choose(given).secret == "signed"


def test_google_s_metadata_service_is_asked_for_a_token_for_this_identity(server: Scripted) -> None:
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    server.on(f"GET {path}", b"signed\n", query={"audience": "i/1", "format": "full"})
    assert auth_jwt.from_gcp({"auth_identity_id": "i/1"}, server).jwt == "signed"
    assert server.requests[0].headers == {"Metadata-Flavor": "Google"}


def test_azure_s_metadata_service_is_asked_for_a_token(server: Scripted) -> None:
    server.on(
        "GET /metadata/identity/oauth2/token",
        {"access_token": "signed"},
        query={"api-version": "2018-02-01", "resource": "https://management.azure.com/"},
    )
    assert auth_jwt.from_azure({"auth_identity_id": "i"}, server).jwt == "signed"
    assert server.requests[0].headers == {"Metadata": "true"}


@pytest.mark.parametrize("answer", [b"not json", b"{}", b"[]"])
def test_azure_without_a_token_is_an_error(server: Scripted, answer: bytes) -> None:
    server.on("GET /metadata/identity/oauth2/token", answer)
    with pytest.raises(InfisicalError, match="no access token"):
        auth_jwt.from_azure({"auth_identity_id": "i"}, server)


def test_a_machine_outside_of_the_cloud_is_told_so(server: Scripted) -> None:
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    server.on(f"GET {path}", ConnectionFailedError("Name or service not known")).on(f"GET {path}", b"", 403)
    for said in ("gave no answer", "refused"):
        with pytest.raises(InfisicalError, match=f"{said}.*works on a machine of that cloud"):
            auth_jwt.from_gcp({"auth_identity_id": "i"}, server)


def test_a_directory_s_password_is_guessable(server: Scripted) -> None:
    body = {"identityId": "i", "username": "me", "password": "pw"}
    server.on("POST /api/v1/auth/ldap-auth/login", TOKEN, body=body)
    method = auth.choose(options(auth_identity_id="i", ldap_username="me", ldap_password="pw"))
    assert isinstance(method, Ldap)
    assert method.login(server.exchange()).value == "t0k3n"
    assert (method.identity, method.secret, method.guessable) == ("ldap:i:me:", "pw", True)
    assert "pw" not in repr(method)


NOW = datetime(2026, 11, 24, 3, 4, 5, tzinfo=timezone.utc)
KEYS = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/sts/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date, "
    "Signature=c005975286ce8d74aa136a97efeeda79e251673688a310e77907eb0528502891"
)
SIGNATURE_WITH_SESSION = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/eu-west-1/sts/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, "
    "Signature=4dbea30d1a4eab14be2bcfa4bb4beffc8975409a0e8213a692ff5264840eab71"
)


def test_the_signature_for_aws_is_the_one_botocore_makes() -> None:
    """The expected ones were made with botocore's SigV4Auth from the same keys, body and time."""
    assert signed(KEYS, "eu-west-1", NOW)["Authorization"] == SIGNATURE
    with_session = Keys(KEYS.access_key, KEYS.secret_key, "session/token==")
    assert signed(with_session, "eu-west-1", NOW)["Authorization"] == SIGNATURE_WITH_SESSION


def test_aws_sends_a_signed_request_for_infisical_to_pass_on(server: Scripted) -> None:
    server.on("POST /api/v1/auth/aws-auth/login", TOKEN, body={"identityId": "i", "iamHttpRequestMethod": "POST"})
    environ = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK", "AWS_REGION": "eu-west-1"}
    method = Aws.from_options({"auth_identity_id": "i"}, environ)
    assert method.login(server.exchange()).value == "t0k3n"
    body = json.loads(server.requests[0].body or b"")
    headers = json.loads(base64.b64decode(body["iamRequestHeaders"]))
    assert headers["Host"] == "sts.eu-west-1.amazonaws.com"
    assert base64.b64decode(body["iamRequestBody"]) == b"Action=GetCallerIdentity&Version=2011-06-15"
    assert (method.identity, method.secret, method.guessable) == ("aws:i:AK:", "SK", False)
    assert "SK" not in repr(method)


def test_a_machine_s_role_is_asked_where_the_environment_has_no_keys(server: Scripted) -> None:
    role = "/latest/meta-data/iam/security-credentials/"
    server.on("PUT /latest/api/token", b"ticket").on(f"GET {role}", b"my-role\n")
    server.on(f"GET {role}my-role", {"AccessKeyId": "AK", "SecretAccessKey": "SK", "Token": "ST"})
    method = Aws.from_options({"auth_identity_id": "i", "aws_region": "eu-north-1"}, {}, server)
    assert (method.keys, method.region) == (Keys("AK", "SK", "ST"), "eu-north-1")
    assert [request.headers for request in server.requests[1:]] == [{"X-aws-ec2-metadata-token": "ticket"}] * 2


def test_a_role_without_keys_is_an_error(server: Scripted) -> None:
    role = "/latest/meta-data/iam/security-credentials/"
    server.on("PUT /latest/api/token", b"ticket").on(f"GET {role}", b"my-role").on(f"GET {role}my-role", {})
    with pytest.raises(InfisicalError, match="gave no keys"):
        Aws.from_options({"auth_identity_id": "i"}, {}, server)
