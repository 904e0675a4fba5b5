# SPDX-License-Identifier: GPL-3.0-or-later
"""The most memory that a command and what works for it took: `python3 - COMMAND... < bench/peaks.py` on the machine.

Prints JSON: `seconds`, `status`, and `peaks` in KB by the name of a program. It looks at all processes there, also in
containers. Standard library only.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

# Of PostgreSQL's processes what is not shared: the buffers of all of them have a fixed size, and count for each.
SHARES = {"postgres"}
PAUSE = 0.1


def look(peaks: dict[str, int], own: int) -> None:
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == own:
            continue
        try:
            lines = (process / "status").read_text().splitlines()
            told = dict(line.split(":", 1) for line in lines)
            name = told["Name"].strip()
            if "infisical_backup" in (process / "cmdline").read_text():
                name = "infisical-backup"
            size = int(told["RssAnon" if name in SHARES else "VmHWM"].split()[0])
        except (OSError, LookupError, ValueError):
            continue  # it has ended, or is one of the kernel's
        peaks[name] = max(peaks.get(name, 0), size)


def main() -> None:
    began = time.monotonic()
    peaks: dict[str, int] = {}
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as command:  # noqa: S603
        while command.poll() is None:
            look(peaks, os.getpid())
            time.sleep(PAUSE)
    peaks["the largest of the tool and its children"] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    seconds = round(time.monotonic() - began, 1)
    print(json.dumps({"seconds": seconds, "status": command.returncode, "peaks": peaks}))


if __name__ == "__main__":
    main()
