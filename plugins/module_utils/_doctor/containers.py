# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker, and what runs under it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import (
    PROBLEM,
    Finding,
    ok,
    problem,
    warning,
)
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.host import Run

LAST_LINES = 8
_UNSET = re.compile(r'"?\b([A-Z][A-Z0-9_]*)\b"?\\?"? (?:variable is not set|is missing a value)')
_LXC = (
    "In an LXC container on Proxmox, Docker needs the features nesting=1 and keyctl=1, and lxc-pve 6.0.5-2 or newer "
    "(6.0.0-2 on Proxmox VE 8) on the host; restart the container after a change."
)
_KEYS = (
    "All unprivileged containers of a Proxmox host share 200 kernel keys. On the Proxmox host, raise the limits with "
    "`sysctl kernel.keys.maxkeys=2000 kernel.keys.maxbytes=2000000`, and write both into a file in /etc/sysctl.d."
)


def engine(run: Run) -> Finding:
    """Does Docker answer?"""
    status, said, error = run(["docker", "version", "--format", "{{.Server.Version}}"])
    if status == 0:
        return ok("Docker", f"version {said.strip()}")
    words = error.strip().splitlines()
    evidence = words[-1] if words else "there is no docker command"
    advice = _LXC if _in_lxc(run) else "Look at `systemctl status docker` and `journalctl -u docker`."
    return problem("Docker", evidence, advice)


def _in_lxc(run: Run) -> bool:
    return run(["systemd-detect-virt", "--container"])[1].strip() == "lxc"


def projects(run: Run, directories: Sequence[str]) -> list[Finding]:
    """Docker, and if it answers the containers of each compose project."""
    docker = engine(run)
    if docker.state == PROBLEM:
        return [docker]
    return [docker, *(finding for directory in directories for finding in project(run, directory))]


def project(run: Run, directory: str) -> list[Finding]:
    """The containers of the compose project in a directory; of one that is not well, its last lines."""
    label = f"label=com.docker.compose.project.working_dir={directory}"
    status, said, _error = run(["docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", "{{json .}}"])
    containers = [json.loads(line) for line in said.splitlines()] if status == 0 else []
    check = f"containers of {directory}"
    if not containers:
        advice = "Run site.yml, which starts them; `docker ps --all` shows what there is."
        return [problem(check, "there are none", advice)]
    sick = [container for container in containers if not _is_well(container)]
    if not sick:
        return [ok(check, f"{len(containers)} of {len(containers)} run, and those with a health check are healthy")]
    return [_sick(run, container) for container in sorted(sick, key=lambda container: str(container["Names"]))]


def _is_well(container: dict[str, str]) -> bool:
    # Status is "Up 2 minutes (healthy)"; without a health check nothing stands in brackets.
    return container["State"] == "running" and not re.search(r"\((unhealthy|health: starting)\)", container["Status"])


def _sick(run: Run, container: dict[str, str]) -> Finding:
    name = container["Names"]
    _status, out, error = run(["docker", "logs", "--tail", str(LAST_LINES), container["ID"]])
    lines = [line.strip() for line in (out + error).splitlines() if line.strip()][-LAST_LINES:]
    state = _state(run, container["ID"])
    refusal = str(state.get("Error") or "").strip()
    evidence = "\n".join([container["Status"], *filter(None, [refusal]), *lines])
    advice = f"The cause is most often in its last lines; more of them: `docker logs {name}`."
    if state.get("OOMKilled"):
        advice = "It needed more memory than it may have: raise its limit, or give the host more."
    elif "session key" in refusal and "quota exceeded" in refusal:
        advice = _KEYS
    elif refusal:
        # Of runc in an LXC container whose host is too old for it
        advice = _LXC if "permission denied" in refusal and _in_lxc(run) else "Docker could not start it, and says why."
    if "(health: starting)" in container["Status"]:
        return warning(f"container {name}", evidence, "It has just been started: look again in a minute.")
    return problem(f"container {name}", evidence, advice)


def _state(run: Run, container: str) -> dict[str, Any]:
    """What Docker keeps of how it ended; nothing where it does not tell."""
    _status, said, _error = run(["docker", "inspect", "--format", "{{json .State}}", container])
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def injection(run: Run, command: Sequence[str]) -> Finding:
    """Does every variable of the compose files get a value? command: prints the resolved configuration."""
    check = "injection"
    status, _said, error = run(command)
    names = sorted(set(_UNSET.findall(error)))
    if names:
        advice = "Create them in the project, or name them in omakase_secrets or omakase_generated_secrets."
        return problem(check, f"no value for {', '.join(names)}", advice)
    if status:
        return problem(check, f"`{' '.join(command)}` ends with {status}", "Run it on the host to see what it says.")
    return ok(check, "every variable of the compose files has a value")
