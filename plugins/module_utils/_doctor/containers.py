# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker, and what runs under it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._doctor import environment
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import (
    PROBLEM,
    Finding,
    ok,
    problem,
    warning,
)
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.host import Run
from ansible_collections.omakase.homelab.plugins.module_utils._untrusted.masking import mask

LAST_LINES = 8
_UNSET = re.compile(r'"?\b([A-Z][A-Z0-9_]*)\b"?\\?"? (?:variable is not set|is missing a value)')
# From this version on Docker keeps neighbours from ports that are published on 127.0.0.1.
_CLOSED = 28
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


def projects(run: Run, directories: Sequence[str], hide: Sequence[str] = ()) -> list[Finding]:
    """Docker, and if it answers the containers of each compose project. hide: values that no log may bring back."""
    docker = engine(run)
    if docker.state == PROBLEM:
        return [docker]
    found = [finding for directory in directories for finding in project(run, directory, hide)]
    return [docker, *found, *_open_to_neighbours(run, docker.evidence)]


def _open_to_neighbours(run: Run, engine: str) -> list[Finding]:
    """The containers of an older engine that are meant for their host alone. engine: what it says of its version."""
    version = re.search(r"\d+", engine)
    if not version or int(version[0]) >= _CLOSED:
        return []
    said = run(["docker", "ps", "--format", "{{.Names}} {{.Ports}}"])[1]
    local = sorted(line.split()[0] for line in said.splitlines() if re.search(r" (127\.[\d.]+|\[::1\]):\d", line))
    if not local:
        return []
    return [
        warning(
            "ports for this host alone",
            f"{', '.join(local)}: published on 127.0.0.1 by Docker {version[0]}, which lets in neighbours that send "
            "their packets to the container's own address",
            f"Docker {_CLOSED} and newer keep them out: docker_source vendor, or docker_upgrade. "
            "A password is still asked for where there is one.",
        )
    ]


def project(run: Run, directory: str, hide: Sequence[str] = ()) -> list[Finding]:
    """The containers of the compose project in a directory; of one that is not well, its last lines."""
    label = f"label=com.docker.compose.project.working_dir={directory}"
    status, said, _error = run(["docker", "ps", "--all", "--no-trunc", "--filter", label, "--format", "{{json .}}"])
    containers = [json.loads(line) for line in said.splitlines()] if status == 0 else []
    check = f"containers of {directory}"
    start = "Run site.yml, which starts them; `docker ps --all` shows what there is."
    if not containers:
        return [problem(check, "there are none", start)]
    unwell = [container for container in containers if not _runs_well(container)]
    known = _inspected(run, [container["ID"] for container in containers]) if unwell else {}
    sick = [container for container in unwell if not _has_done_its_work(known.get(container["ID"], {}))]
    if not sick and len(unwell) == len(containers):
        return [problem(check, "none of them runs", start)]
    if not sick:
        evidence = f"{len(containers) - len(unwell)} of {len(containers)} run"
        done = "; the others have done their work" if unwell else ""
        return [ok(check, f"{evidence}, and those with a health check are healthy{done}")]
    # One may tell what another was given: a proxy, or who logs in to a database.
    values = [*hide, *(value for each in known.values() for value in environment.secrets(_variables(each)))]
    found = sorted(sick, key=lambda container: str(container["Names"]))
    return [_sick(run, container, known.get(container["ID"], {}), values) for container in found]


def _runs_well(container: Mapping[str, str]) -> bool:
    # Status is "Up 2 minutes (healthy)"; without a health check nothing stands in brackets.
    return container["State"] == "running" and not re.search(r"\((unhealthy|health: starting)\)", container["Status"])


def _has_done_its_work(known: Mapping[str, Any]) -> bool:
    """Whether it was made to run once, as one that migrates a database, and ended well."""
    state = _inside(known, "State")
    again = _inside(_inside(known, "HostConfig"), "RestartPolicy").get("Name")
    return state.get("Status") == "exited" and state.get("ExitCode") == 0 and again in ("", "no", "on-failure")


def _sick(run: Run, container: Mapping[str, str], known: Mapping[str, Any], values: Iterable[str]) -> Finding:
    name = container["Names"]
    state = _inside(known, "State")
    refusal = str(state.get("Error") or "").strip()
    shown = "\n".join([container["Status"], *filter(None, [refusal]), *_last_lines(run, container, known)])
    evidence = mask(shown, values, environment.SHORTEST)
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


def _last_lines(run: Run, container: Mapping[str, str], known: Mapping[str, Any]) -> list[str]:
    if not known:
        return ["Its last lines are not shown: Docker does not tell which secrets may stand in them."]
    _status, out, error = run(["docker", "logs", "--tail", str(LAST_LINES), container["ID"]])
    return [line.strip() for line in (out + error).splitlines() if line.strip()][-LAST_LINES:]


def _inspected(run: Run, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """All that Docker knows of them, by id; without those of which it does not tell."""
    _status, said, _error = run(["docker", "inspect", *ids])
    try:
        found = json.loads(said)
    except ValueError:
        return {}
    listed = found if isinstance(found, list) else []
    return {str(each.get("Id")): each for each in listed if isinstance(each, dict)}


def _inside(known: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = known.get(name)
    return found if isinstance(found, dict) else {}


def _variables(known: Mapping[str, Any]) -> list[str]:
    return list(map(str, _inside(known, "Config").get("Env") or []))


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
