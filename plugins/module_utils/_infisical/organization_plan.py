# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an organisation is to hold: several projects with all that belongs to them, planned as a whole, then made.

Everything is read and decided before anything is changed, so that a refusal leaves nothing half-made, and so that
check mode tells what a run would do. Without a server to ask, everything is still to be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.omakase.homelab.plugins.module_utils._infisical import (
    client_secret_plan,
    eras,
    folders,
    identities,
    identity_plan,
    imports,
    membership_plan,
    organization_words,
    project_plan,
    projects,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.identities import Identity
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.kept_secret import KeptSecret
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.model import Project, Scope, records, text
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.paths import normal_path
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.plan import plan

Wanted = Mapping[str, Any]


@dataclass
class Made:
    """What there is after the steps so far: projects by slug, and of identities their id and client id by name."""

    projects: dict[str, Project] = field(default_factory=dict)
    identities: dict[str, tuple[str, str]] = field(default_factory=dict)

    def scope(self, slug: str, environment: str, path: str = "/") -> Scope:
        return Scope(self.projects[slug].id, environment, normal_path(path))


@dataclass(frozen=True)
class Step:
    """say: what it does, as sentences for people. do: does it, and notes in Made what came of it."""

    say: list[str]
    do: Callable[[Client, Made], None]


@dataclass
class Organization:
    """The plan. made: what there is already; at the end, what there is then."""

    steps: list[Step] = field(default_factory=list)
    made: Made = field(default_factory=Made)

    @property
    def sentences(self) -> list[str]:
        return [sentence for step in self.steps for sentence in step.say]

    def perform(self, client: Client) -> None:
        for step in self.steps:
            step.do(client, self.made)


@dataclass(frozen=True)
class Place:
    """Where credentials are kept: a directory of the target, the host's name for people, and the files in it."""

    directory: str
    host: str
    kept: Callable[[str], KeptSecret]


def plan_organization(
    client: Client | None, organization_id: str, wanted: Sequence[Wanted], place: Place
) -> Organization:
    """wanted: the module's projects. client: None if there is no server to ask yet.

    Raises InfisicalError with everything that makes no sense or would destroy secrets.
    """
    refuse(inconsistencies(wanted))
    planner = _Planner(client, organization_id, wanted, place)
    planner.plan()
    refuse(planner.problems)
    return planner.result


def refuse(problems: Sequence[str]) -> None:
    """Raises InfisicalError with all of them."""
    if problems:
        raise InfisicalError.of(problems)


def inconsistencies(wanted: Sequence[Wanted]) -> list[str]:
    """What contradicts itself, without a look at the server."""
    found = []
    found += [f"The project {slug} is listed twice." for slug in _twice(project["slug"] for project in wanted)]
    for project in wanted:
        slug = project["slug"]
        names = [one["name"] for one in project["identities"]]
        found += [f"The identity {name} is listed twice in {slug}." for name in _twice(names)]
        listed = [one["slug"] for one in project["environments"] or []]
        found += [f"The environment {one} is listed twice in {slug}." for one in _twice(listed)]
        for one in project["identities"]:
            if "/" in one["name"] or "\0" in one["name"]:
                found.append(
                    f"The identity {one['name']} cannot be called so: its credentials are kept in a file of its name."
                    " Use letters, digits, dots, dashes and underscores."
                )
            if one["state"] == "present" and not one["roles"] and not one["access"]:
                found.append(f"The identity {one['name']} has neither roles nor access in {slug}: say what it may do.")
    return found


def _twice(names: Iterable[str]) -> list[str]:
    listed = list(names)
    return sorted({name for name in listed if listed.count(name) > 1})


def _present(items: Iterable[Wanted]) -> list[Wanted]:
    return [item for item in items if item["state"] == "present"]


def _absent(items: Iterable[Wanted]) -> list[Wanted]:
    return [item for item in items if item["state"] == "absent"]


class _Planner:
    """Reads, and gathers steps and problems. What is new has no id yet, and nothing is read of it."""

    def __init__(self, client: Client | None, organization_id: str, wanted: Sequence[Wanted], place: Place) -> None:
        self.client = client
        self.organization_id = organization_id
        self.wanted = wanted
        self.place = place
        self.result = Organization()
        self.problems: list[str] = []
        self.trees: dict[tuple[str, str], folders.Tree] = {}
        self.planned_folders: set[tuple[str, str, str]] = set()

    def plan(self) -> None:
        present = _present(self.wanted)
        for project in self.wanted:
            self._project(project)
        for project in present:
            self._folders(project)
        self._identities(present)
        for project in present:
            for one in project["imports"]:
                self._import(project, one)
        for project in present:
            self._absent_folders(project)
        self._absent_identities(present)

    def _step(self, say: list[str], do: Callable[[Client, Made], None]) -> None:
        self.result.steps.append(Step(say, do))

    # Projects and environments

    def _project(self, wanted: Wanted) -> None:
        slug = wanted["slug"]
        found = projects.by_slug(self.client, slug) if self.client else None
        step = project_plan.plan_project(wanted, found)
        if wanted["state"] == "present":
            self.result.made.projects[slug] = step.preview(found) or Project("", wanted["name"], slug, "", [])
        self._refuse_destruction(wanted, step, found)
        if not step:
            return

        def do(client: Client, made: Made) -> None:
            after = step.perform(client, found)
            if after is not None:
                made.projects[slug] = after

        self._step(organization_words.project(slug, step), do)

    def _refuse_destruction(self, wanted: Wanted, step: project_plan.ProjectPlan, found: Project | None) -> None:
        if found is None:
            return
        forced = {one["slug"] for one in wanted["environments"] or [] if one["force"]}
        if step.project.step == "delete":
            doomed = {f"the project {found.slug}": [one.slug for one in found.environments]}
            doomed = {} if wanted["force"] else doomed
        else:
            gone = [slug for slug, each in step.environments.items() if each.step == "delete" and slug not in forced]
            doomed = {f"the environment {slug} of {found.slug}": [slug] for slug in gone}
        for what, environments in doomed.items():
            self._refuse_full(what, [Scope(found.id, environment, "/") for environment in environments])

    def _refuse_full(self, what: str, scopes: Sequence[Scope]) -> None:
        held = sum(count_secrets(self.client, scope) for scope in scopes) if self.client else 0
        if held:
            secrets = "a secret" if held == 1 else f"{held} secrets"
            self.problems.append(
                f"Removing {what} would destroy {secrets}, and nothing was changed. "
                "Give force: true beside state: absent if that is what you want."
            )

    def _environments(self, wanted: Wanted) -> list[str]:
        """Slugs that the project has after the run."""
        after = self.result.made.projects[wanted["slug"]]
        return [environment.slug for environment in after.environments]

    # Folders

    def _tree(self, slug: str, environment: str) -> folders.Tree | None:
        """The folders of an environment that exists; None for a new one."""
        project = self.result.made.projects[slug]
        exists = any(one.id and one.slug == environment for one in project.environments)
        if self.client is None or not project.id or not exists:
            return None
        key = (slug, environment)
        if key not in self.trees:
            self.trees[key] = folders.Tree(self.client, Scope(project.id, environment, "/"))
        return self.trees[key]

    def _where(self, project: Wanted, folder: Wanted) -> list[str]:
        """The environments that a folder is for."""
        slug = project["slug"]
        there = self._environments(project)
        if folder["environments"] is None:
            listed = [one["slug"] for one in _present(project["environments"] or [])]
            return listed or there
        self._unknown(f"The folder {folder['path']} of {slug}", folder["environments"], there)
        return [one for one in folder["environments"] if one in there]

    def _unknown(self, what: str, environments: Iterable[str], there: Sequence[str]) -> None:
        self.problems += [
            f"{what} names the environment {one}, which is not among those of the project: {', '.join(there)}."
            for one in environments
            if one not in there
        ]

    def _folders(self, project: Wanted) -> None:
        slug = project["slug"]
        paths: dict[str, list[str]] = {}
        for folder in _present(project["folders"]):
            for environment in self._where(project, folder):
                paths.setdefault(environment, []).append(normal_path(folder["path"]))
        for environment, named in paths.items():
            tree = self._tree(slug, environment)
            step = folders.plan_folders(named, tree or folders.NO_TREE, "present")
            for path in named:
                parts = path.strip("/").split("/")
                upwards = ("/" + "/".join(parts[:length]) for length in range(1, len(parts) + 1))
                self.planned_folders.update((slug, environment, each) for each in upwards)
            if step:
                say = [f"make the folder {path} in {environment} of {slug}" for path in step.create]
                self._step(say, _do_folders(step, slug, environment))

    def _absent_folders(self, project: Wanted) -> None:
        slug = project["slug"]
        for folder in _absent(project["folders"]):
            path = normal_path(folder["path"])
            for environment in self._where(project, folder):
                tree = self._tree(slug, environment)
                step = folders.plan_folders([path], tree or folders.NO_TREE, "absent")
                if not step:
                    continue
                scope = self.result.made.scope(slug, environment, path)
                if not folder["force"]:
                    self._refuse_full(f"the folder {path} in {environment} of {slug}", [scope])
                self._step(
                    [f"delete the folder {path} in {environment} of {slug}"], _do_folders(step, slug, environment)
                )

    # Imports

    def _import(self, project: Wanted, wanted: Wanted) -> None:
        slug, into = project["slug"], wanted["environment"]
        source_environment = wanted["source_environment"] or into
        path, source_path = normal_path(wanted["path"]), normal_path(wanted["source_path"])
        what = f"The import of {source_path} from {source_environment} into {path} of {into}"
        present = wanted["state"] == "present"
        if present and not (
            self._folder_is_known(project, what, into, path)
            and self._folder_is_known(project, what, source_environment, source_path)
        ):
            return
        there = self._imports_of(slug, into, path)
        found = next((one for one in there if (one.environment, one.path) == (source_environment, source_path)), None)
        attributes = {"environment": source_environment, "path": source_path, "position": wanted["position"]}
        step = plan(attributes, found.as_result() if found else None, wanted["state"])
        if not step:
            return

        def do(client: Client, made: Made) -> None:
            source = made.scope(slug, source_environment, source_path)
            imports.perform(client, made.scope(slug, into, path), source, step, found)

        place = f"{path} in {into} of {slug}"
        verb = {"create": "let", "update": "move, in its order, what lets", "delete": "no longer let"}[step.step]
        self._step([f"{verb} {place} import {source_path} of {source_environment}"], do)

    def _folder_is_known(self, project: Wanted, what: str, environment: str, path: str) -> bool:
        """Whether it exists or is to be made; a problem if not."""
        slug, there = project["slug"], self._environments(project)
        if environment not in there:
            self._unknown(what, [environment], there)
            return False
        tree = self._tree(slug, environment)
        exists = path == "/" or (slug, environment, path) in self.planned_folders or (tree and tree.id_of(path))
        if not exists:
            self.problems.append(f"{what}: {environment} of {slug} has no folder {path}. List it under folders.")
        return bool(exists)

    def _imports_of(self, slug: str, environment: str, path: str) -> list[imports.Import]:
        tree = self._tree(slug, environment)
        if self.client is None or tree is None or (path != "/" and not tree.id_of(path)):
            return []
        return imports.of_folder(self.client, self.result.made.scope(slug, environment, path))

    # Identities, what they may do, and their client secrets

    def _identities(self, present: Sequence[Wanted]) -> None:
        named: dict[str, dict[str, Wanted]] = {}
        for project in present:
            for one in _present(project["identities"]):
                named.setdefault(one["name"], {})[project["slug"]] = one
                there = self._environments(project)
                for grant in one["access"]:
                    what = f"The access of {one['name']} in {project['slug']}"
                    self._unknown(what, grant["environments"] or [], there)
        self.everyone: list[Identity] = []
        if self.client and any(project["identities"] for project in present):
            self.everyone = identities.everyone(self.client, self.organization_id)
        for name, memberships in named.items():
            self._identity(name, memberships)

    def _identity(self, name: str, memberships: Mapping[str, Wanted]) -> None:
        settings: Wanted = next(iter(memberships.values()))
        client = self.client
        known = identities.only(self.everyone, name)
        found = identity_plan.found_of(client, known) if client and known else None
        step = identity_plan.plan_identity(_for_identity_plan(name, settings), found)
        self.result.made.identities[name] = (found.id, found.client_id) if found else ("", "")
        if step:

            def do(client: Client, made: Made) -> None:
                after = step.perform(client, found, self.organization_id)
                if after is not None:
                    made.identities[name] = (after.id, after.client_id)

            self._step(organization_words.identity(name, step), do)
        for slug, wanted in memberships.items():
            self._membership(slug, wanted, known)
        self._client_secret(name, settings, found)

    def _membership(self, slug: str, wanted: Wanted, known: Identity | None) -> None:
        client, name = self.client, wanted["name"]
        project = self.result.made.projects[slug]
        found = membership_plan.NO_MEMBER
        if client and known and project.id:
            found = membership_plan.find(client, eras.Member(known.id, project.id, slug), with_access=True)
        step = membership_plan.plan_membership(client, wanted["roles"], wanted["access"], found)
        if not step:
            return

        def do(client: Client, made: Made) -> None:
            step.perform(client, eras.Member(made.identities[name][0], made.projects[slug].id, slug))

        self._step(organization_words.membership(name, slug, step), do)

    def _client_secret(self, name: str, settings: Wanted, found: identity_plan.Found | None) -> None:
        place, kept = self.place, self.place.kept(name)
        wanted = _for_secret_plan(name, settings, place, found.id if found else "")
        client_secret_plan.refuse_endless_renewal(wanted)
        if self.client and found and found.universal_auth is not None:
            state = client_secret_plan.find_of(self.client, wanted, kept, found.client_id)
        else:
            state = client_secret_plan.Found("", [], None, kept.exists())
        step = client_secret_plan.plan_client_secret(wanted, state)
        if not step:
            return

        def do(client: Client, made: Made) -> None:
            identity_id, client_id = made.identities[name]
            step.for_identity(identity_id).perform(client, client_secret_plan.of(state, client_id), kept)

        self._step(organization_words.client_secret(name, step, state, kept.path), do)

    def _absent_identities(self, present: Sequence[Wanted]) -> None:
        """An identity that belongs to no other project is deleted, any other only leaves this one."""
        gone: dict[str, list[str]] = {}
        for project in present:
            for one in _absent(project["identities"]):
                gone.setdefault(one["name"], []).append(project["slug"])
        staying = {one["name"]: project["name"] for project in present for one in _present(project["identities"])}
        for name, slugs in gone.items():
            known = identities.only(self.everyone, name)
            if self.client is None or known is None:
                continue
            leaving = {self.result.made.projects[slug].id: slug for slug in slugs}
            members = identities.projects_of(self.client, known.id)
            others = {title for project_id, title in members.items() if project_id not in leaving}
            others |= {staying[name]} if name in staying else set()
            if others:
                stays = ", ".join(sorted(others))
                for project_id in members:
                    if project_id in leaving:
                        say = f"take the identity {name} out of {leaving[project_id]}; it stays in {stays}"
                        self._step([say], _do_leave(project_id, known.id))
            else:
                say = f"delete the identity {name} with its client secrets"
                self._step([say], _do_delete(known.id, self.place.kept(name)))


def count_secrets(client: Client, scope: Scope) -> int:
    """How many secrets the folder and those below it hold. Values are not asked for."""
    answer = client.ask(eras.list_secrets(scope, expand=False, imports=False, recursive=True, view=False))
    return len([item for item in records(answer, "secrets") if text(item, "type") != "personal"])


def _do_folders(step: folders.FolderPlan, slug: str, environment: str) -> Callable[[Client, Made], None]:
    return lambda client, made: step.perform(client, made.scope(slug, environment))


def _do_leave(project_id: str, identity_id: str) -> Callable[[Client, Made], None]:
    return lambda client, _made: identities.leave_project(client, project_id, identity_id)


def _do_delete(identity_id: str, kept: KeptSecret) -> Callable[[Client, Made], None]:
    def do(client: Client, _made: Made) -> None:
        identities.delete(client, identity_id)
        if kept.exists():
            kept.delete()

    return do


def _for_identity_plan(name: str, settings: Wanted) -> Wanted:
    """As the module infisical_identity takes it; memberships are planned apart, since there may be several."""
    return {
        "name": name,
        "organization_role": settings["organization_role"],
        "project_roles": None,
        "access": None,
        "universal_auth": {"access_token_ttl": settings["access_token_ttl"]},
        "state": "present",
    }


def _for_secret_plan(name: str, settings: Wanted, place: Place, identity_id: str) -> Wanted:
    """As the module infisical_client_secret takes it."""
    ttl, limit = settings["client_secret_ttl"], settings["client_secret_num_uses_limit"]
    before, uses = settings["client_secret_renew_before"], settings["client_secret_renew_uses"]
    return {
        "identity_id": identity_id,
        # The handle by which it is found again; another directory or host keeps another.
        "description": f"{name}, kept in {place.directory} on {place.host}",
        "ttl": ttl,
        "num_uses_limit": limit,
        "renew_before": ttl // 3 if before is None else before,
        "renew_uses": limit // 3 if uses is None else uses,
        "dest": True,
        "rotate": False,
        "overlap": 0,
        "state": "present",
    }
