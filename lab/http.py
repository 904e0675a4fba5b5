# SPDX-License-Identifier: GPL-3.0-or-later
"""The small web server of the apt repositories and the git repository: files, nothing else."""

from __future__ import annotations

import functools
import urllib.error
import urllib.request
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from lab import packages, settings
from lab.daemons import Daemon, module_command, source_version

ADDRESS = f"http://{settings.GATEWAY}:{settings.HTTP_PORT}"


class _Files(SimpleHTTPRequestHandler):
    """Files of a folder; no listings, so that a wrong address shows."""

    def list_directory(self, path: object) -> None:
        self.send_error(404, "No such file")


def daemon() -> Daemon:
    """The server's process."""
    return Daemon("http", module_command("lab.http"), is_ready, version=source_version(Path(__file__)))


def up() -> None:
    """Run it; the folder may still be empty."""
    packages.ROOT.mkdir(parents=True, exist_ok=True)
    daemon().start()


def is_ready() -> bool:
    """True if the server answers, whatever it says."""
    try:
        urllib.request.urlopen(ADDRESS, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, OSError):
        return False
    return True


def serve() -> None:
    """Answer until the process ends."""
    handler = functools.partial(_Files, directory=str(packages.ROOT))
    with ThreadingHTTPServer((settings.GATEWAY, settings.HTTP_PORT), handler) as server:
        server.serve_forever()


if __name__ == "__main__":
    serve()
