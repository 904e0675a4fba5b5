# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's edge: a lookup's options in, values out; with its action half in plugins/action."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from ansible import constants
from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import auth
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.address import base_url
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import (
    RunCache,
    UnusableError,
)
from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.vault import Place, Vault

if TYPE_CHECKING:
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
    from ansible_collections.omakase.homelab.plugins.module_utils._infisical.login import AuthMethod
    from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.process_cache import Cache
    from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.run_cache import Drawer

_LOGINS = ("client_id", "token", "ldap_username", "jwt", "jwt_path")
_display = Display()

# What the last lookup of this process took its options from, and the options, by the plugin's name: lookups of one
# task mostly differ in their terms alone, and ansible-core needs a millisecond for all options.
_options_before: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {}


@contextmanager
def ansible_errors() -> Iterator[None]:
    """Turns the client's error into Ansible's own, which names the lookup itself."""
    try:
        yield
    except InfisicalError as error:
        raise AnsibleLookupError(str(error)) from None


def read_options(plugin: LookupBase, variables: Mapping[str, Any] | None, direct: Mapping[str, Any]) -> dict[str, Any]:
    """The lookup's options, from arguments, variables, environment, ini and defaults.

    Raises InfisicalError for an argument that is no option: Ansible itself would let it pass.
    """
    documented = constants.config.get_configuration_definitions("lookup", plugin._load_name)
    known = [name for name in documented if not name.startswith("_")]
    for name in direct:
        if name not in known:
            from ansible_collections.omakase.homelab.plugins.module_utils._infisical import existence

            near = existence.nearest(name, known, "The options are %s.")
            raise InfisicalError(f"There is no option {name}.", f"{near} Names of secrets are terms.")
    # An argument wins anyway, and a variable may be costly to work out.
    own = {f"infisical_{name}" for name in known if direct.get(name) is None}.intersection(variables or {})
    # Before anything is converted: ansible-core hands over a variable's template as it stands.
    templated = {name: plugin._templar.template(variables[name]) for name in own} if variables else {}
    sources = [templated, {name: value for name, value in os.environ.items() if name.startswith("INFISICAL_")}]
    repeats = not direct and "infisical_default" not in own  # whose value keeps its type, and 1 equals True
    before = _options_before.get(plugin._load_name)
    if repeats and before and before[0] == sources:
        return dict(before[1])
    plugin.set_options(var_options=templated, direct=direct)
    found = plugin.get_options()
    given = {name: found[name] for name in known}
    if sum(bool(given[name]) for name in _LOGINS) > 1 or (given["project_id"] and given["project_slug"]):
        from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.nearest import settle

        settle(given, templated, direct)
    if repeats:
        _options_before[plugin._load_name] = sources, dict(given)
    return given


def open_vault(given: Mapping[str, Any]) -> Vault:
    """given: what read_options found. Raises InfisicalError for what is missing or makes no sense."""
    method = auth.choose(given)
    cache = open_cache()
    try:
        drawer = cache.drawer(method.secret, method.guessable)
    except UnusableError as reason:
        cache = _fall_back(reason)
        drawer = cache.drawer(method.secret, method.guessable)
    place = Place(base_url(given["url"]), method.identity, given)
    return Vault(place, cache, drawer, lambda: _connect(given, method, cache, drawer))


def _connect(given: Mapping[str, Any], method: AuthMethod, cache: Cache, drawer: Drawer) -> Client:
    # Imported here: most lookups are answered by the run's cache.
    from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.connect import connect

    return connect(given, method, cache, drawer)


def open_cache() -> Cache:
    """The run's cache; where the run's directory cannot be used, one that ends with this process."""
    try:
        return run_directory()
    except UnusableError as reason:
        return _fall_back(reason)


def run_directory() -> RunCache:
    """The cache that all processes of this run share. Raises UnusableError."""
    return RunCache(str(constants.DEFAULT_LOCAL_TMP))


def _fall_back(reason: UnusableError) -> Cache:
    _display.warning(
        "omakase.homelab.infisical asks the server again for each task, "
        f"since the run's directory cannot be used: {reason}"
    )
    from ansible_collections.omakase.homelab.plugins.plugin_utils._infisical.process_cache import of_this_process

    return of_this_process


def warn_of_reference(name: str, value: str) -> None:
    """Says that a reference was not resolved, without saying which: it is a part of the value."""
    # A search for something so short that Python compiles no pattern for it, unless there is a reason to.
    if "${" in value and re.search(r"\$\{[^{}]+\}", value):
        _display.warning(
            f"The value of {name} still holds ${{...}}: "
            "Infisical found no secret for it, or this identity may not read it."
        )


def warn(message: str) -> None:
    _display.warning(message)


def untemplated(value: Any) -> Any:
    """The value, a text or a dictionary of texts, marked so that nothing is made of it.

    `{{ }}` in a secret is text, and so is one that looks like JSON.
    """
    mark = _mark()
    return {name: mark(text) for name, text in value.items()} if isinstance(value, dict) else mark(value)


@lru_cache(maxsize=1)
def _mark() -> Callable[[Any], Any]:
    """How this release of ansible-core knows a text that is none of its templates."""
    try:
        from ansible.utils.unsafe_proxy import wrap_var
    except ImportError:  # later releases trust nothing that is not marked as a template
        return _as_it_is
    try:
        from ansible.utils.native_jinja import NativeJinjaText
    except ImportError:  # since 2.19, which makes neither a list nor a dictionary of a text that looks so
        return cast("Callable[[Any], Any]", wrap_var)
    return lambda value: wrap_var(NativeJinjaText(value) if isinstance(value, str) else value)


def _as_it_is(value: Any) -> Any:
    return value


__all__ = ["ansible_errors", "open_cache", "open_vault", "read_options", "untemplated", "warn", "warn_of_reference"]
