# SPDX-License-Identifier: GPL-3.0-or-later
"""Start: read the environment, wait for PostgreSQL and Redis, migrate, open the keys, listen."""

from __future__ import annotations

import os
import sys

import uvicorn

from . import limits
from .app import App
from .database import Pool
from .errors import StartError
from .keys import open_key_ring
from .log import log
from .migrations import migrate
from .settings import Settings, read_settings
from .web import Services

# As the real image: a container is reached from outside itself.
EVERYWHERE = "0.0.0.0"  # noqa: S104


def build(settings: Settings) -> App:
    """Everything up to listening. Raises StartError."""
    pool = Pool(settings.database)
    pool.wait(settings.start_timeout)
    log("INFO", "Running migrations...")
    migrate(pool, settings.version)
    for replica in settings.read_replicas:
        Pool(replica).wait(settings.start_timeout)
    with pool.transaction() as db:
        keys = open_key_ring(db, settings.encryption_key)
    counters = limits.Limits(limits.connect(settings.redis, settings.start_timeout), settings.rate_limit)
    return App(Services(settings, counters, keys), pool)


def main() -> int:
    try:
        settings = read_settings(os.environ)
        app = build(settings)
    except StartError as error:
        log("FATAL", str(error))
        return 1
    if settings.metrics_port:
        app.metrics.serve(EVERYWHERE, settings.metrics_port)
    log("INFO", f"Infisical stand-in {settings.version} ({settings.era} era) is listening on port {settings.port}")
    uvicorn.run(app, host=EVERYWHERE, port=settings.port, log_level="warning", access_log=False, server_header=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
