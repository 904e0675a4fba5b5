# SPDX-License-Identifier: GPL-3.0-or-later
"""A container registry: Debian's docker-registry, without the password file that its package sets up."""

from __future__ import annotations

import urllib.error
import urllib.request

from lab import host, settings
from lab.daemons import Daemon
from lab.shell import remove_tree, run, write

ADDRESS = f"{settings.GATEWAY}:{settings.REGISTRY_PORT}"
_STORE = settings.CACHE / "registry"
_TOOLS = settings.CACHE / "tools"
_PROGRAM = _TOOLS / "docker-registry" / "usr/bin/docker-registry"
_CONFIG = settings.STATE / "registry" / "config.yml"


def daemon() -> Daemon:
    """The registry's process."""
    return Daemon("registry", [str(_PROGRAM), "serve", str(_CONFIG)], is_ready, version=configuration())


def configuration() -> str:
    """The registry's config.yml."""
    return f"""version: 0.1
log:
  level: warn
storage:
  filesystem:
    rootdirectory: {_STORE}
http:
  addr: {ADDRESS}
"""


def up() -> None:
    """Fetch the program once, and run it."""
    _fetch()
    _STORE.mkdir(parents=True, exist_ok=True)
    write(_CONFIG, configuration())
    daemon().start()


def is_ready() -> bool:
    """True if the registry answers."""
    return _get("/v2/") is not None


def holds(reference: str) -> bool:
    """True if the store has an image of that name and tag, whether or not the registry runs."""
    name, _, tag = reference.partition(":")
    return (_STORE / "docker/registry/v2/repositories" / name / "_manifests/tags" / tag / "current/link").exists()


def _get(path: str) -> bytes | None:
    try:
        with urllib.request.urlopen(f"http://{ADDRESS}{path}", timeout=5) as answer:
            return bytes(answer.read())
    except (urllib.error.URLError, OSError):
        return None


def _fetch() -> None:
    """Take the program out of its package: installed, it would run as a service of the host's, on every address."""
    if _PROGRAM.exists():
        return
    draft = _TOOLS / "draft"
    remove_tree(draft)
    (draft / "package").mkdir(parents=True)
    run(["dpkg-deb", "--extract", str(host.download("docker-registry", draft)), str(draft / "package")])
    remove_tree(_TOOLS / "docker-registry")
    (draft / "package").rename(_TOOLS / "docker-registry")
    remove_tree(draft)
