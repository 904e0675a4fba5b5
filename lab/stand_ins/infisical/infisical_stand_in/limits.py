# SPDX-License-Identifier: GPL-3.0-or-later
"""What is counted in Redis: requests a minute, and refused logins."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import redis
import redis.sentinel

from .errors import ApiError, StartError, unauthorized
from .settings import Redis

MINUTE = 60
# Requests a minute, a route and a client address, as the recorded server had them.
READS = 60
WRITES = 200
LOCKED = "This identity auth method is temporarily locked, please try again later"


@dataclass(frozen=True)
class Lockout:
    """How many refused logins lock an identity's method, and for how long (seconds)."""

    threshold: int
    duration: int
    reset_after: int


class Limits:
    """The counters. `secret_requests` a minute, 0 turns all rate limits off."""

    def __init__(self, client: redis.Redis, secret_requests: int) -> None:
        self.redis = client
        self.most = {"secrets": secret_requests, "read": READS, "write": WRITES} if secret_requests else {}

    def count(self, kind: str, route: str, address: str) -> dict[str, str]:
        """Count one request and give the answer's headers. Raises the 429 of the recordings."""
        most = self.most.get(kind)
        if most is None:
            return {}
        key = f"rate-limit:{route}:{address}"
        used = int(self.redis.incr(key))
        if used == 1:
            self.redis.expire(key, MINUTE)
        left = max(int(self.redis.ttl(key)), 1)
        headers = {
            "x-ratelimit-limit": str(most),
            "x-ratelimit-remaining": str(max(most - used, 0)),
            "x-ratelimit-reset": str(left),
        }
        if used <= most:
            return headers
        refusal = ApiError(429, "RateLimitExceeded", "Rate limit exceeded. Please try again in 1 minute")
        refusal.headers = {**headers, "retry-after": str(left)}
        raise refusal

    def refuse_locked(self, key: str) -> None:
        if self.redis.exists(f"lockout:{key}:locked"):
            raise unauthorized(LOCKED)

    def count_refused(self, key: str, lockout: Lockout) -> None:
        """One more refused login; at the threshold the method is locked."""
        counter = f"lockout:{key}:refused"
        if int(self.redis.incr(counter)) >= lockout.threshold:
            self.redis.set(f"lockout:{key}:locked", 1, ex=max(lockout.duration, 1))
            self.redis.delete(counter)
        else:
            self.redis.expire(counter, max(lockout.reset_after, 1))

    def clear(self, key: str) -> int:
        """Forget refused logins. The number of locks that were lifted."""
        self.redis.delete(f"lockout:{key}:refused")
        return int(self.redis.delete(f"lockout:{key}:locked"))


def connect(settings: Redis, seconds: int) -> redis.Redis:
    """A client that has answered a ping. Raises StartError, without the URL, which may hold a password."""
    retry = redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), retries=seconds * 10)
    faults = [redis.exceptions.BusyLoadingError, redis.exceptions.ConnectionError]
    try:
        waiting = _client(settings, retry=retry, retry_on_error=faults)
        waiting.ping()
        waiting.close()
        return _client(settings, health_check_interval=15)
    except (redis.exceptions.RedisError, ValueError) as error:
        raise StartError(f"Cannot connect to Redis: {error}") from None


def _client(settings: Redis, **options: Any) -> redis.Redis:
    if settings.tls or settings.url.startswith("rediss://"):
        # As Node does: the name is checked as well, and a file that is not there is no authority.
        options["ssl_check_hostname"] = True
        options["ssl_ca_certs"] = settings.ca_file if os.path.exists(settings.ca_file) else None
    if settings.url:
        return redis.Redis.from_url(settings.url, socket_connect_timeout=5, **options)
    kind: Any = redis.sentinel.Sentinel  # which has no types
    sentinels = kind(
        settings.sentinels,
        sentinel_kwargs={
            "username": settings.sentinel_username or None,
            "password": settings.sentinel_password or None,
            "socket_connect_timeout": 5,
        },
    )
    client: redis.Redis = sentinels.master_for(
        settings.master_name,
        username=settings.username or None,
        password=settings.password or None,
        ssl=settings.tls,
        socket_connect_timeout=5,
        **options,
    )
    return client
