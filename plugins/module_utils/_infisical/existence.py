# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a list is empty: servers answer 200 and nothing for an environment or a folder that does not exist."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import eras, projects
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import (
    InfisicalError,
    MissingFolderError,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Scope, records, text


def explain_empty(client: Client, scope: Scope) -> None:
    """Raises InfisicalError that names what does not exist: project, environment or folder.

    Silent if all do, and if this identity may not look.
    """
    try:
        check_folder(client, scope)
    except InfisicalError as error:
        if error.status != 403:
            raise


def check_folder(client: Client, scope: Scope) -> None:
    """Raises InfisicalError unless project, environment and folder exist."""
    check_environment(client, scope)
    missing_folder(client, scope)


def check_environment(client: Client, scope: Scope) -> None:
    """Raises InfisicalError unless project and environment exist."""
    project = projects.by_id(client, scope.project_id)
    if project is None:
        raise InfisicalError(
            f"{client.server} has no project with the id {scope.project_id}.",
            "Copy it from the project's settings, or give project_slug.",
        )
    slugs = [environment.slug for environment in project.environments]
    if slugs and scope.environment not in slugs:
        raise InfisicalError(
            f"The project {project.slug or project.id} has no environment {scope.environment}.",
            nearest(scope.environment, slugs, "It has %s."),
        )


def missing_folder(client: Client, scope: Scope) -> None:
    """Raises MissingFolderError that names the first folder of the path that does not exist."""
    here = scope.at("/")
    for step in scope.path.split("/")[1:] if scope.path != "/" else []:
        names = folder_names(client, here)
        if step not in names:
            raise MissingFolderError(
                f"The folder {scope.path} does not exist in {scope.environment}: {here.path} holds no folder {step}.",
                nearest(step, names, "It holds %s."),
            )
        here = here.at(here.path + "/" + step)


def folder_names(client: Client, scope: Scope) -> list[str]:
    answer = client.ask(eras.list_folders(scope))
    return sorted(text(folder, "name") for folder in records(answer, "folders"))


def nearest(wanted: str, names: Sequence[str], otherwise: str) -> str:
    """A sentence that names the nearest of the names, or, with otherwise, the first few of them."""
    # Imported here: only an error needs it.
    from difflib import get_close_matches

    close = get_close_matches(wanted, names, n=1, cutoff=0.6) or get_close_matches(
        wanted.upper(), [name for name in names if name.upper() == name], n=1, cutoff=0.6
    )
    if close:
        return f"Did you mean {close[0]}?"
    if not names:
        return ""
    return otherwise % (", ".join(names[:8]) + (", …" if len(names) > 8 else ""))
