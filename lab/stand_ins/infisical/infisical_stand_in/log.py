# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines in the manner of the real server: one JSON object a line on standard output, never a value of a secret."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

LEVELS = {"INFO": 30, "WARN": 40, "ERROR": 50, "FATAL": 60}


def log(severity: str, message: str, **fields: Any) -> None:
    line = {
        "level": LEVELS[severity],
        "time": int(time.time() * 1000),
        "pid": os.getpid(),
        "hostname": socket.gethostname(),
        "severity": severity,
        **fields,
        "msg": message,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
