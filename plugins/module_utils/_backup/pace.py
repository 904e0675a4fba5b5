# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rests, so that a backup that nobody waits for leaves half of the time to those who ask the server.

To be nice is not enough: processors that share a core slow each other down, and so does what a container's start costs.
"""

from __future__ import annotations

import io
import time
from typing import IO, Any

_LEAST, _MOST = 0.05, 1.0  # seconds: a shorter piece of work goes on, and nobody notices a longer rest


class Pace:
    """Rests as long as was worked since the last rest, once it is told to."""

    def __init__(self) -> None:
        self._since: float | None = None

    def slow_down(self) -> None:
        """From now on. What this process has already computed counts as work."""
        self._since = time.monotonic() - time.process_time()

    def rest(self) -> None:
        """Between two pieces of work, however small; nothing where nobody asked for rests."""
        if self._since is None:
            return
        worked = time.monotonic() - self._since
        if worked >= _LEAST:
            time.sleep(min(worked, _MOST))
            self._since = time.monotonic()


PACE = Pace()


class Paced(io.BufferedIOBase):
    """A file to be written to with rests."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def write(self, data: Any) -> int:
        written = self._out.write(data)
        PACE.rest()
        return written
