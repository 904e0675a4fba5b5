# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing of secrets, hashing of what is only compared, and signing of tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import token_error

NONCE_BYTES = 12
# Some 20 ms: dear enough to be felt, cheap enough for a test suite that logs in often.
SCRYPT = {"n": 2**13, "r": 8, "p": 1}


class WrongKeyError(Exception):
    """The sealed bytes were not written with this key, or were changed."""


def new_key() -> bytes:
    return AESGCM.generate_key(bit_length=256)


def seal(key: bytes, plain: bytes) -> bytes:
    """AES-256-GCM: nonce, then ciphertext with its tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, None)


def unseal(key: bytes, sealed: bytes) -> bytes:
    """The inverse of `seal`. Raises WrongKeyError."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], None)
    except InvalidTag:
        raise WrongKeyError from None


def key_label(key: bytes) -> str:
    """Eight characters by which a key can be told apart without being known."""
    return hashlib.sha256(b"infisical-stand-in:" + key).hexdigest()[:8]


def hash_secret(secret: str) -> str:
    salt = os.urandom(16)
    return f"scrypt${salt.hex()}${hashlib.scrypt(secret.encode(), salt=salt, **SCRYPT).hex()}"


def is_secret(secret: str, hashed: str) -> bool:
    _, salt, digest = hashed.split("$")
    found = hashlib.scrypt(secret.encode(), salt=bytes.fromhex(salt), **SCRYPT)
    return hmac.compare_digest(found.hex(), digest)


def new_client_secret() -> str:
    return secrets.token_hex(32)


def sign_token(payload: dict[str, Any], secret: str, expires_at: int | None) -> str:
    """A JWT, HS256. `expires_at` in seconds since 1970."""
    claims = {**payload, "iat": int(time.time())}
    if expires_at is not None:
        claims["exp"] = expires_at
    head = _encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = _encode(json.dumps(claims).encode())
    return f"{head}.{body}.{_sign(f'{head}.{body}', secret)}"


def read_token(token: str, secret: str) -> dict[str, Any]:
    """The claims of a JWT of ours. Raises the TokenError that the real server's library would give."""
    parts = token.split(".")
    if len(parts) != 3:
        raise token_error("jwt malformed")
    head, body, signature = parts
    try:
        json.loads(_decode(head))
        claims = json.loads(_decode(body))
    except ValueError:
        raise token_error("invalid token") from None
    if not hmac.compare_digest(_sign(f"{head}.{body}", secret), signature):
        raise token_error("invalid signature")
    if not isinstance(claims, dict):
        raise token_error("invalid token")
    if claims.get("exp", time.time() + 1) <= time.time():
        raise token_error("jwt expired")
    return claims


def _sign(text: str, secret: str) -> str:
    return _encode(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
