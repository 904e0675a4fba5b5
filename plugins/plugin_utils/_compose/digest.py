# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the files of a checkout to what they add up to, as plain data for a role."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import interpolation, templates
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.files import ComposeError
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.project import Project

EMPTY: dict[str, Any] = {
    "problem": "",
    "names": [],
    "reads": [],
    "readers": {},
    "services": {},
    "provided": [],
    "absent": [],
    "optional": [],
    "templates": [],
}


def digest(
    texts: Mapping[str, str],
    tracked: Iterable[str],
    values: Mapping[str, str],
    root: str,
    profiles: Iterable[str],
    wanted: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """See RETURN of omakase_info, `project`. wanted: its option templates."""
    try:
        project = Project({path: text for path, text in texts.items() if path not in _sources(wanted)}, values, root)
    except ComposeError as error:
        return {**EMPTY, "problem": str(error)}
    active = [*profiles, *project.profiles]
    enabled = {name: service.is_enabled(active) for name, service in project.services.items()}
    reads = [{**asdict(read), "enabled": enabled.get(read.service, True)} for read in project.reads]
    found = [_template(template, texts, project, set(tracked)) for template in wanted]
    reads += [
        {
            "kind": kind,
            "file": template["src"],
            "service": "",
            "enabled": True,
            "expressions": templates.expressions(kind, text),
        }
        for template in found
        for kind, text in [(template["file"]["format"], template["file"]["template"])]
        if text is not None
    ]
    return {
        "problem": "",
        "names": sorted({name for read in reads for name in _names(read)}),
        "reads": reads,
        "readers": _readers(reads, {template["src"]: template["services"] for template in found}),
        "services": {
            name: {"enabled": enabled[name], "takes_env": service.takes_env}
            for name, service in project.services.items()
        },
        "provided": sorted(project.provided),
        "absent": sorted(
            project.absent | {template["src"] for template in found if template["file"]["template"] is None}
        ),
        "optional": sorted(project.optional),
        "templates": found,
    }


def _sources(wanted: Sequence[Mapping[str, Any]]) -> set[str]:
    return {template["src"] for template in wanted}


def _template(
    template: Mapping[str, Any], texts: Mapping[str, str], project: Project, tracked: set[str]
) -> dict[str, Any]:
    services = template.get("services")
    text, kind = texts.get(template["src"]), template.get("format") or "jinja"
    rights = {name: template.get(name) for name in ("owner", "group", "mode")}
    return {
        "src": template["src"],
        "file": {"path": posixpath.join(project.root, template["dest"]), "template": text, "format": kind, **rights},
        "services": project.using(template["dest"]) if services is None else services,
        "tracked": template["dest"] in tracked,
    }


def _readers(reads: Iterable[Mapping[str, Any]], users: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The enabled services that a variable reaches, by its name. users: services that use a template, by its path."""
    found: dict[str, set[str]] = {}
    for read in reads:
        services = [read["service"]] if read["service"] else users.get(read["file"], [])
        for name in _names(read) if read["enabled"] else ():
            found.setdefault(name, set()).update(services)
    return {name: sorted(services) for name, services in sorted(found.items())}


def _names(read: Mapping[str, Any]) -> set[str]:
    kind = read["kind"]
    found = set()
    for expression in read["expressions"]:
        if kind in ("compose", "config", "dollar"):
            found |= set(interpolation.names(expression, braced=kind != "compose"))
        if kind in ("compose", "config", "go"):
            found |= set(templates.go_names(expression))
        if kind == "jinja":
            found |= set(templates.lookup_names(expression))
    return found
