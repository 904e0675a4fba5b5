# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Compose files of a checkout add up to: services, what they mount, and every variable with who reads it.

Compose itself cannot be asked: `docker compose config --no-interpolate` and `--variables` lose or refuse
a default inside a short volume (C<${DATA_DIR:-./data}:/data>; seen with 2.26). Paths here are relative to the checkout.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.omakase.homelab.plugins.plugin_utils._compose import files, interpolation, templates
from ansible_collections.omakase.homelab.plugins.plugin_utils._compose.files import ComposeError

# In the order in which Compose looks for them
NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
# Files in which ${NAME} means the environment. Not JSON: dashboards are full of variables of their own.
_CONFIGURATION = re.compile(r"\.(ya?ml|toml|conf|ini|cfg|properties|xml|env|tmpl|tpl|template)\Z")
_ENVIRONMENT_STYLE = re.compile(r"[A-Z][A-Z0-9_]*\Z")


@dataclass
class Service:
    """One service, over all files that speak of it."""

    name: str
    profiles: set[str] = field(default_factory=set)
    environment: set[str] = field(default_factory=set)
    mounts: set[str] = field(default_factory=set)
    takes_env: bool = False

    def is_enabled(self, active: Iterable[str]) -> bool:
        return not self.profiles or "*" in active or bool(self.profiles & set(active))

    def uses(self, path: str) -> bool:
        return any(path == mount or path.startswith(f"{mount}/") for mount in self.mounts)


@dataclass(frozen=True)
class Read:
    """Expressions that read variables. kind: compose, config (mounted as it is), or a template's format."""

    kind: str
    file: str
    service: str
    expressions: tuple[str, ...]


class Project:
    """The merged Compose files.

    texts: what is known of the checkout, by path. values: variables that paths and the choice of files may hold.
    absent: files that were asked for and are not among the texts; optional: those of them that may be missing.
    """

    def __init__(self, texts: Mapping[str, str], values: Mapping[str, str], root: str = "") -> None:
        self.texts = texts
        self.values = values
        self.root = root
        self.services: dict[str, Service] = {}
        self.reads: list[Read] = []
        self.provided: set[str] = set()
        self.absent: set[str] = set()
        self.optional: set[str] = set()
        self._external: dict[tuple[str, str], str] = {}
        self._used: list[tuple[str, str, str]] = []
        self._merge(self._entries(), "")
        for service, kind, name in self._used:
            self._mount(self.services[service], self._external.get((kind, name)))
        self._scan_mounts()

    @property
    def profiles(self) -> list[str]:
        return [profile for profile in re.split(r"[\s,]+", self.values.get("COMPOSE_PROFILES", "")) if profile]

    def using(self, path: str) -> list[str]:
        """The services that mount a file."""
        return sorted(service.name for service in self.services.values() if service.uses(path))

    def _entries(self) -> list[str]:
        given = self.values.get("COMPOSE_FILE", "")
        if given:
            separator = self.values.get("COMPOSE_PATH_SEPARATOR") or ":"
            return [path for path in (self._path(part, "") for part in given.split(separator)) if path]
        return [found for names in (NAMES, OVERRIDES) for found in [name for name in names if name in self.texts][:1]]

    def _merge(self, paths: list[str], base: str, above: tuple[str, ...] = ()) -> None:
        """Files that Compose lays over each other; base is where their relative paths begin."""
        for path in paths:
            if path in above:
                raise ComposeError(f"{path} includes itself.")
            content = self._content(path)
            for entry in files.includes(content):
                self._include(entry, path, base, (*above, path))
            for name, definition in (content.get("services") or {}).items():
                self._service(str(name), definition or {}, path, base)
            for kind in ("configs", "secrets"):
                self._externals(kind, content.get(kind) or {}, path, base)
            rest = {key: value for key, value in content.items() if key not in ("services", "configs", "secrets")}
            self._note(path, "", files.strings(rest))

    def _content(self, path: str) -> dict[str, Any]:
        if path not in self.texts:
            self.absent.add(path)
            return {}
        try:
            return files.load(self.texts[path])
        except ComposeError as error:
            raise ComposeError(f"{path} is {error}") from None

    def _include(self, entry: dict[str, Any], path: str, base: str, above: tuple[str, ...]) -> None:
        paths = [found for found in (self._path(part, base) for part in entry["path"]) if found]
        if not paths:
            return
        directory = self._path(entry["project_directory"], base) if entry.get("project_directory") else None
        for name in entry["env_file"]:
            self._env_file(self._path(name, base), "")
        self._merge(paths, directory if directory is not None else posixpath.dirname(paths[0]), above)

    def _service(self, name: str, definition: dict[str, Any], path: str, base: str, depth: int = 0) -> None:
        service = self.services.setdefault(name, Service(name))
        self._note(path, name, files.strings(definition))
        service.profiles |= set(files.listed(definition.get("profiles")))
        environment = definition.get("environment") or {}
        pairs = environment.items() if isinstance(environment, dict) else [_pair(entry) for entry in environment]
        for variable, value in pairs:
            service.environment.add(str(variable))
            if value is None:  # passed on from Compose's own environment
                self._note(path, name, [f"${{{variable}-}}"])
        for entry in files.listed(definition.get("env_file")):
            env_file = self._path(entry.get("path") if isinstance(entry, dict) else entry, base)
            self._env_file(env_file, name)
            if env_file in self.absent and isinstance(entry, dict) and entry.get("required") is False:
                self.optional.add(env_file)
        for volume in definition.get("volumes") or []:
            self._mount(service, self._source(volume, base))
        for kind in ("configs", "secrets"):
            for entry in files.listed(definition.get(kind)):
                self._used.append((name, kind, str(entry.get("source") if isinstance(entry, dict) else entry)))
        extended = definition.get("extends")
        if isinstance(extended, dict) and extended.get("file") and depth < 10:
            other = self._path(extended["file"], base)
            found = (self._content(other).get("services") or {}).get(extended.get("service")) if other else None
            if other and found:
                self._service(name, found, other, posixpath.dirname(other), depth + 1)

    def _externals(self, kind: str, entries: dict[str, Any], path: str, base: str) -> None:
        for name, entry in entries.items():
            found = entry or {}
            if found.get("file"):
                self._external[kind, str(name)] = self._path(found["file"], base) or ""
            if found.get("environment"):
                self._note(path, "", [f"${{{found['environment']}}}"])
            self._note(path, "", files.strings(found))

    def _env_file(self, path: str | None, name: str) -> None:
        if path is None:
            return
        if path == ".env":
            if name:
                self.services[name].takes_env = True
            return
        if path not in self.texts:
            self.absent.add(path)
            return
        lines = [line for line in self.texts[path].splitlines() if not line.lstrip().startswith("#")]
        variables = {line.split("=", 1)[0].strip() for line in lines if "=" in line}
        if name:
            self.services[name].environment |= variables
        else:
            self.provided |= variables
        self._note(path, name, [line for line in lines if "='" not in line], known=variables)

    def _note(self, path: str, service: str, texts: Iterable[str], known: Container[str] = ()) -> None:
        """known: variables that the file itself sets."""
        expressions = dict.fromkeys(found for text in texts for found in _expressions(text, known))
        if expressions:
            self.reads.append(Read("compose", path, service, tuple(expressions)))

    def _source(self, volume: Any, base: str) -> str | None:
        if isinstance(volume, dict):
            return self._path(volume.get("source"), base) if volume.get("type") == "bind" else None
        filled = self._filled(volume)
        source = filled.split(":", 1)[0] if filled else ""
        return self._path(source, base) if source.startswith((".", "/")) else None

    def _path(self, text: Any, base: str) -> str | None:
        """Relative to the checkout; None for what lies outside of it or cannot be known."""
        filled = self._filled(text)
        if not filled:
            return None
        if filled.startswith("/"):
            inside = self.root and (filled + "/").startswith(self.root + "/")
            return posixpath.relpath(filled, self.root) if inside else None
        path = posixpath.normpath(posixpath.join(base, filled))
        return None if path.startswith("..") else path

    def _filled(self, text: Any) -> str | None:
        try:
            return interpolation.fill(text, self.values.get) if isinstance(text, str) else None
        except interpolation.UnfilledError:
            return None

    def _mount(self, service: Service, path: str | None) -> None:
        if path and path != ".":
            service.mounts.add(path)

    def _scan_mounts(self) -> None:
        """Files that services read as they are: what stands in them is the program's to fill in, not Compose's."""
        for service in self.services.values():
            for path, text in self.texts.items():
                if _CONFIGURATION.search(path) and service.uses(path) and not text.startswith("#!"):
                    found = dict.fromkeys(_environment_uses(text, service.environment))
                    if found:
                        self.reads.append(Read("config", path, service.name, tuple(found)))


def _pair(entry: Any) -> tuple[str, str | None]:
    name, separator, value = str(entry).partition("=")
    return name, value if separator else None


def _expressions(text: str, known: Container[str]) -> Iterator[str]:
    for use in interpolation.uses(text):
        if use.name not in known:
            yield text[use.start : use.end]
    for name in templates.go_names(text):
        yield f'{{{{env "{name}"}}}}'


def _environment_uses(text: str, given: set[str]) -> Iterator[str]:
    for use in interpolation.uses(text, braced=True):
        if _ENVIRONMENT_STYLE.match(use.name) and use.name not in given:
            yield text[use.start : use.end]
    for name in templates.go_names(text):
        if name not in given:
            yield f'{{{{env "{name}"}}}}'
