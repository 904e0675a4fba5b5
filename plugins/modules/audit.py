#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit
short_description: Judge the hygiene of secrets, identities and hosts
version_added: 1.0.0
description:
  - Reads every environment of a project once, judges the values in memory, and tells names alone;
    never a value, a part, a length or a digest of one.
  - Judges the project's machine identities, and of the host that it runs on what lies open.
  - It changes nothing, and looks only at what it is asked for. It succeeds whatever it finds.
author:
  - The omakase.homelab authors (@omakase-homelab)
extends_documentation_fragment:
  - omakase.homelab.connection
  - omakase.homelab.auth
  - omakase.homelab.scope.project
  - omakase.homelab.scope.unused_folder
  - omakase.homelab.attributes.read_only
options:
  project_id:
    description: Id of the project. Without a project neither secrets nor identities are judged.
  project_slug:
    description: Slug of that project.
  other_projects:
    description:
      - Slugs of further projects that are judged along with it, and values that several of them have.
      - Left out, those that C(projects.json) of O(credentials_directory) names; the role
        P(omakase.homelab.infisical_project#role) keeps it where it makes several.
    type: list
    elements: str
  credentials_directory:
    description:
      - Directory of the role P(omakase.homelab.infisical_project#role) on the target. Its C(management.json) is used
        to log in where no other credentials are given, and its C(organization.json) for O(organization_id).
    type: path
  organization_id:
    description: Id of the organisation. With it, identities that administer the organisation are seen too.
    type: str
  settings:
    description: Names that are no secrets, whatever they are called.
    type: list
    elements: str
    default: []
  periods:
    description:
      - Days after which each secret that is known by name is to be rotated; V(0) for never.
        Their names need not follow the rule.
    type: dict
    default: {}
  uses:
    description: Slugs of the environments that hosts and playbooks read, by the client id that they log in with.
    type: dict
    default: {}
  rotated_identities:
    description:
      - Names of the machine identities whose client secrets are replaced on a schedule, by C(playbooks/rotate.yml).
        Theirs are judged by their age, those of others by whether they end.
    type: list
    elements: str
    default: [omakase-deployment, omakase-management]
  client_secret_days:
    description: Days after which the client secrets of O(rotated_identities) are due.
    type: int
    default: 90
  tls:
    description: Whether the way to O(url) is judged.
    type: bool
    default: false
  private_files:
    description: Files, directories and globs that nobody but the owner may read. A glob may match nothing.
    type: list
    elements: str
    default: []
  env_files:
    description: Files of variables whose values are judged as those of a project.
    type: list
    elements: path
    default: []
  listening:
    description: Whether to tell the ports of the host that listen elsewhere than on loopback.
    type: bool
    default: false
  backup_records:
    description: Directory where the role P(omakase.homelab.infisical_backup#role) records backups and drills.
    type: path
  address:
    description: Address of another host, whose O(ports) are tried from the target.
    type: str
  ports:
    description: TCP ports to try at O(address).
    type: list
    elements: int
    default: []
  expected_ports:
    description: Those of them that may answer.
    type: list
    elements: int
    default: [22, 80, 443]
seealso:
  - module: omakase.homelab.doctor
  - plugin: omakase.homelab.audit_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Judge the project and its identities
  omakase.homelab.audit:
    url: https://vault.example.com
    credentials_directory: /opt/infisical/credentials
    project_slug: omakase
  register: audited

- name: Judge what lies open on a host
  omakase.homelab.audit:
    private_files: [/home/omakase/omakase/.env, /root/*.key]
    listening: true
  register: host

- name: See which of its ports answer from here
  omakase.homelab.audit:
    address: 192.0.2.10
    ports: "{{ host.listening }}"
  delegate_to: localhost
"""

RETURN = r"""
findings:
  description:
    - What was looked at, as M(omakase.homelab.doctor) tells it. Several things of one kind are lines of one evidence.
  returned: success
  type: list
  elements: dict
  contains:
    check:
      description: What was looked at.
      type: str
      sample: weak values
    state:
      description: V(ok), V(warning) or V(problem).
      type: str
      sample: problem
    evidence:
      description: What was seen.
      type: str
      sample: dev:/GRAFANA_ADMIN_PASSWORD
    advice:
      description: What to do; empty if all is well.
      type: str
      sample: "Rotate them: they are short, or of few different characters."
environments:
  description: Slugs of the project's environments.
  returned: success
  type: list
  elements: str
other_projects:
  description: Of each further project, by its slug, the slugs of its environments.
  returned: success
  type: dict
secrets:
  description: >-
    Of each secret its C(project) (empty for the first, the slug of a further one), C(environment), C(path) and C(name),
    whether it is a C(credential), C(empty) and C(known), its C(period) in days, and when it was C(updated).
  returned: success
  type: list
  elements: dict
listening:
  description: Ports that listen elsewhere than on loopback.
  returned: success
  type: list
  elements: int
"""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._audit import host, members, project, tls, values
from ansible_collections.omakase.homelab.plugins.module_utils._audit.values import Found
from ansible_collections.omakase.homelab.plugins.module_utils._doctor import backups
from ansible_collections.omakase.homelab.plugins.module_utils._doctor.findings import Finding, problem, warning
from ansible_collections.omakase.homelab.plugins.module_utils._infisical import (
    credentials,
    option_table,
    options,
    projects,
)
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.client import Client
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.errors import InfisicalError
from ansible_collections.omakase.homelab.plugins.module_utils._infisical.target import Target

ASKED: dict[str, dict[str, Any]] = {
    "other_projects": {"type": "list", "elements": "str"},
    "credentials_directory": {"type": "path"},
    "organization_id": {"type": "str"},
    "settings": {"type": "list", "elements": "str", "default": []},
    "periods": {"type": "dict", "default": {}},
    "uses": {"type": "dict", "default": {}},
    "rotated_identities": {"type": "list", "elements": "str", "default": ["omakase-deployment", "omakase-management"]},
    "client_secret_days": {"type": "int", "no_log": False, "default": members.CLIENT_SECRET_DAYS},
    "tls": {"type": "bool", "default": False},
    "private_files": {"type": "list", "elements": "str", "default": []},
    "env_files": {"type": "list", "elements": "path", "default": []},
    "listening": {"type": "bool", "default": False},
    "backup_records": {"type": "path"},
    "address": {"type": "str"},
    "ports": {"type": "list", "elements": "int", "default": []},
    "expected_ports": {"type": "list", "elements": "int", "default": [22, 80, 443]},
}


@dataclass(frozen=True)
class Asked:
    """A project to judge. label: empty for the first one, the slug of a further one.

    organization_id: empty where those who administer the organisation are not judged.
    """

    id: str
    label: str
    organization_id: str


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(option_table.CONNECTION, **option_table.AUTH, **option_table.SCOPE, **ASKED),
        mutually_exclusive=[("project_id", "project_slug")],
        supports_check_mode=True,
    )
    target = Target(module)
    told: dict[str, Any] = {"environments": [], "other_projects": {}, "secrets": [], "listening": []}
    with target.failures():
        findings = list(audit(target, told))
    target.finish(changed=False, findings=[finding.as_result() for finding in findings], **told)


def audit(target: Target, told: dict[str, Any]) -> Iterator[Finding]:
    """told: what else comes back; filled on the way."""
    asked = target.params
    if asked["project_id"] or asked["project_slug"]:
        try:
            yield from of_the_projects(target, told)
        except InfisicalError as error:
            yield problem("project", error.problem, error.advice)
    if asked["tls"]:
        way = target.exchange()
        yield from tls.way(way.base_url, options.connection(asked), way.transport)
    if asked["private_files"]:
        yield from host.private_files(asked["private_files"])
    for path in asked["env_files"]:
        yield from host.env_file(path)
    if asked["listening"]:
        told["listening"] = host.listening()
    if asked["backup_records"]:
        yield from backups.backups(asked["backup_records"])
    if asked["address"]:
        found = host.answering(asked["address"], asked["ports"], min(asked["timeout"], 3))
        yield from host.open_ports(asked["address"], asked["ports"], asked["expected_ports"], found)


def of_the_projects(target: Target, told: dict[str, Any]) -> Iterator[Finding]:
    """The first one, and further ones along with it. Raises InfisicalError if the first one cannot be judged."""
    asked = target.params
    client: Client | None
    if asked["credentials_directory"]:
        client, organization_id = credentials.open_directory(target, asked["credentials_directory"])
    else:
        client, organization_id = target.client(), asked["organization_id"] or ""
    if client is None:
        raise InfisicalError(f"There is no management.json in {asked['credentials_directory']}.", "Run site.yml first.")
    project_id = target.project_id(client)
    secrets: list[Found] = []
    told["environments"] = yield from of_one(client, Asked(project_id, "", organization_id), asked, secrets)
    for slug in further_projects(client, asked, project_id):
        try:
            which = Asked(projects.id_of(client, slug), slug, "")
            told["other_projects"][slug] = yield from of_one(client, which, asked, secrets)
        except InfisicalError as error:
            yield problem(f"project {slug}", error.problem, error.advice)
    told["secrets"] = [project.row(found, asked["settings"], asked["periods"]) for found in secrets]
    yield from values.findings(secrets, asked["settings"])


def of_one(
    client: Client, which: Asked, asked: Mapping[str, Any], secrets: list[Found]
) -> Generator[Finding, None, list[str]]:
    """The slugs of its environments. secrets: what it holds is added."""
    environments, found, reading = project.read(
        client, which.id, sees_all=bool(asked["credentials_directory"]), label=which.label
    )
    secrets += found
    yield from reading
    try:
        known = members.read(client, which.id, which.organization_id)
    except InfisicalError as error:
        check = f"identities {which.label}".rstrip()
        yield warning(check, f"not judged: {error.problem}", "Audit with an identity that may see the others.")
    else:
        yield from members.administrators(known)
        # What hosts use is known of the first project alone.
        uses = {} if which.label else asked["uses"]
        rotated = members.Rotated(asked["rotated_identities"], asked["client_secret_days"])
        yield from members.findings(known, uses, environments, which.label, rotated)
    return environments


def further_projects(client: Client, asked: Mapping[str, Any], project_id: str) -> list[str]:
    """Slugs, without that of the first project."""
    wanted: list[str] | None = asked["other_projects"]
    if wanted is None:
        kept = asked["credentials_directory"]
        wanted = credentials.kept_projects(kept) if kept else []
    if not wanted:
        return []
    first = projects.slug_of(client, project_id)
    return [slug for slug in dict.fromkeys(wanted) if slug != first]


if __name__ == "__main__":
    main()
