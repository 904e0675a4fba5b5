# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of the real server, read once at start."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from .errors import StartError

ERAS = ("current", "v3")
METRICS_PORT = 9464
DEFAULT_VERSION = "v0.165.16"


@dataclass(frozen=True)
class Database:
    """A PostgreSQL, and the authority that its certificate is checked against (PEM; empty for none)."""

    uri: str
    root_cert: str = ""


@dataclass(frozen=True)
class Redis:
    """A Redis at an address, or the one that Sentinels name."""

    url: str = ""
    sentinels: tuple[tuple[str, int], ...] = ()
    master_name: str = ""
    tls: bool = False
    username: str = ""
    password: str = ""
    sentinel_username: str = ""
    sentinel_password: str = ""
    ca_file: str = ""  # trusted besides the system's authorities


@dataclass(frozen=True)
class Settings:
    """Everything that the stand-in takes from its environment."""

    encryption_key: bytes
    auth_secret: str
    database: Database
    read_replicas: tuple[Database, ...]
    redis: Redis
    site_url: str
    smtp_configured: bool
    port: int
    metrics_port: int  # 0: no metrics
    version: str
    era: str  # "current", or "v3": the server of October 2024
    rate_limit: int  # secret requests a minute and route, 0: no limits
    start_timeout: int  # seconds to wait for PostgreSQL and Redis
    has_paid_plan: bool  # as with a LICENSE_KEY: custom roles may be assigned

    @property
    def is_current(self) -> bool:
        return self.era == "current"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Check the environment as a whole. Raises StartError naming everything that is missing or wrong."""
    missing = [] if environ.get("AUTH_SECRET") else ["AUTH_SECRET"]
    if not environ.get("ENCRYPTION_KEY") and not environ.get("ROOT_ENCRYPTION_KEY"):
        missing.append("ENCRYPTION_KEY or ROOT_ENCRYPTION_KEY")
    if not environ.get("REDIS_URL") and not environ.get("REDIS_SENTINEL_HOSTS"):
        missing.append("REDIS_URL or REDIS_SENTINEL_HOSTS")
    database_uri = _database_uri(environ)
    if not database_uri:
        missing.append("DB_CONNECTION_URI")
    if missing:
        raise StartError("Invalid environment variables. Required: " + ", ".join(missing))
    era = environ.get("INFISICAL_STAND_IN_ERA") or "current"
    if era not in ERAS:
        raise StartError(f"INFISICAL_STAND_IN_ERA must be one of {', '.join(ERAS)}")
    root_cert = _decoded(environ, "DB_ROOT_CERT").decode("ascii", "replace")
    return Settings(
        encryption_key=_encryption_key(environ),
        auth_secret=environ["AUTH_SECRET"],
        database=Database(database_uri, root_cert),
        read_replicas=_read_replicas(environ, root_cert),
        redis=_redis(environ),
        site_url=environ.get("SITE_URL", ""),
        smtp_configured=bool(environ.get("SMTP_HOST")),
        port=_whole_number(environ, "PORT", 8080),
        metrics_port=_metrics_port(environ),
        version=environ.get("INFISICAL_PLATFORM_VERSION") or DEFAULT_VERSION,
        era=era,
        rate_limit=_whole_number(environ, "INFISICAL_STAND_IN_RATE_LIMIT", 0),
        start_timeout=_whole_number(environ, "INFISICAL_STAND_IN_START_TIMEOUT", 60),
        has_paid_plan=bool(environ.get("LICENSE_KEY")),
    )


def _encryption_key(environ: Mapping[str, str]) -> bytes:
    """ENCRYPTION_KEY, 32 characters; without it ROOT_ENCRYPTION_KEY, 32 bytes in base64."""
    name = "ENCRYPTION_KEY" if environ.get("ENCRYPTION_KEY") else "ROOT_ENCRYPTION_KEY"
    key = environ[name].encode() if name == "ENCRYPTION_KEY" else _decoded(environ, name)
    if len(key) != 32:
        raise StartError(f"Invalid key length: {name} has {len(key)} bytes and needs exactly 32")
    return key


def _read_replicas(environ: Mapping[str, str], root_cert: str) -> tuple[Database, ...]:
    """DB_READ_REPLICAS: a JSON list of objects; one without a certificate is checked against the main one's."""
    try:
        entries = json.loads(environ.get("DB_READ_REPLICAS") or "[]")
        return tuple(
            Database(str(entry["DB_CONNECTION_URI"]), _decoded(entry, "DB_ROOT_CERT").decode("ascii") or root_cert)
            for entry in entries
        )
    except (ValueError, TypeError, KeyError):
        raise StartError("DB_READ_REPLICAS must be a JSON list of objects with DB_CONNECTION_URI") from None


def _redis(environ: Mapping[str, str]) -> Redis:
    """REDIS_URL; without it what the Sentinels name."""
    ca_file = environ.get("NODE_EXTRA_CA_CERTS", "")
    if environ.get("REDIS_URL"):
        return Redis(environ["REDIS_URL"], ca_file=ca_file)
    hosts = [host.strip().partition(":") for host in environ["REDIS_SENTINEL_HOSTS"].split(",")]
    if any(not host or not port.isdecimal() for host, _, port in hosts):
        raise StartError("REDIS_SENTINEL_HOSTS must be a list of HOST:PORT, parted by commas")
    return Redis(
        sentinels=tuple((host, int(port)) for host, _, port in hosts),
        master_name=environ.get("REDIS_SENTINEL_MASTER_NAME") or "mymaster",
        tls=environ.get("REDIS_SENTINEL_ENABLE_TLS") == "true",
        username=environ.get("REDIS_USERNAME", ""),
        password=environ.get("REDIS_PASSWORD", ""),
        sentinel_username=environ.get("REDIS_SENTINEL_USERNAME", ""),
        sentinel_password=environ.get("REDIS_SENTINEL_PASSWORD", ""),
        ca_file=ca_file,
    )


def _metrics_port(environ: Mapping[str, str]) -> int:
    is_on = environ.get("OTEL_TELEMETRY_COLLECTION_ENABLED") == "true"
    return METRICS_PORT if is_on and environ.get("OTEL_EXPORT_TYPE") == "prometheus" else 0


def _decoded(environ: Mapping[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(environ.get(name) or "", validate=True)
    except binascii.Error:
        raise StartError(f"{name} must be base64") from None


def _database_uri(environ: Mapping[str, str]) -> str:
    """DB_CONNECTION_URI, or the same made of DB_HOST, DB_PORT, DB_USER, DB_PASSWORD and DB_NAME."""
    given = environ.get("DB_CONNECTION_URI", "")
    parts = [environ.get(name, "") for name in ("DB_USER", "DB_PASSWORD", "DB_HOST", "DB_NAME")]
    if given or not all(parts):
        return given
    user, password, host, name = (quote(part, safe="") for part in parts)
    return f"postgresql://{user}:{password}@{host}:{environ.get('DB_PORT') or '5432'}/{name}"


def _whole_number(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal():
        raise StartError(f"{name} must be a whole number")
    return int(text)
