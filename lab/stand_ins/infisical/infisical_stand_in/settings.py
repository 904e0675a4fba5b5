# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of the real server, read once at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from .errors import StartError

ERAS = ("current", "v3")


@dataclass(frozen=True)
class Settings:
    """Everything that the stand-in takes from its environment."""

    encryption_key: bytes
    auth_secret: str
    database_uri: str
    redis_url: str
    site_url: str
    smtp_configured: bool
    port: int
    era: str  # "current", or "v3": the server of October 2024
    rate_limit: int  # secret requests a minute and route, 0: no limits
    start_timeout: int  # seconds to wait for PostgreSQL and Redis

    @property
    def is_current(self) -> bool:
        return self.era == "current"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Check the environment as a whole. Raises StartError naming everything that is missing or wrong."""
    missing = [name for name in ("ENCRYPTION_KEY", "AUTH_SECRET", "REDIS_URL") if not environ.get(name)]
    database_uri = _database_uri(environ)
    if not database_uri:
        missing.append("DB_CONNECTION_URI")
    if missing:
        raise StartError("Invalid environment variables. Required: " + ", ".join(missing))
    key = environ["ENCRYPTION_KEY"].encode()
    if len(key) != 32:
        raise StartError(f"Invalid key length: ENCRYPTION_KEY has {len(key)} bytes and needs exactly 32")
    era = environ.get("INFISICAL_STAND_IN_ERA") or "current"
    if era not in ERAS:
        raise StartError(f"INFISICAL_STAND_IN_ERA must be one of {', '.join(ERAS)}")
    return Settings(
        encryption_key=key,
        auth_secret=environ["AUTH_SECRET"],
        database_uri=database_uri,
        redis_url=environ["REDIS_URL"],
        site_url=environ.get("SITE_URL", ""),
        smtp_configured=bool(environ.get("SMTP_HOST")),
        port=_whole_number(environ, "PORT", 8080),
        era=era,
        rate_limit=_whole_number(environ, "INFISICAL_STAND_IN_RATE_LIMIT", 0),
        start_timeout=_whole_number(environ, "INFISICAL_STAND_IN_START_TIMEOUT", 60),
    )


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
