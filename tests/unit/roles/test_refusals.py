# SPDX-License-Identifier: GPL-3.0-or-later
"""What the preflights of several roles refuse, without a host."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from tests.meta.repository import ROOT
from tests.support.certificates import Authority
from tests.support.role import Role, problems
from tests.unit.roles.test_infisical import KEPT
from tests.unit.roles.test_infisical import role as infisical
from tests.unit.roles.test_second_run import SITES, cli, proxy, text


def refused(role: Role, name: str) -> str:
    return " ".join(problems(role, f"__{name}_checks | rejectattr('ok') | map(attribute='say')"))


# ------------------------------------------------------------------- infisical


def test_a_key_that_everybody_knows_and_one_beside_that_of_the_host_are_refused_together() -> None:
    role = infisical(KEPT, infisical_encryption_key="6c1fe4e407b8911c104518103505b218")
    said = " ".join(problems(role, "__infisical_problems"))
    assert "a sample value from the vendor's documentation" in said
    assert "holds another ENCRYPTION_KEY than the one given" in said and "6c1fe4e4" not in said


# ----------------------------------------------------------- infisical_project

SILENT = {"failed": True, "msg": "http://127.0.0.1:80 does not answer (Connection refused)"}
SET_UP = {"server": {"set_up": True}}


def project(server: dict[str, Any] = SET_UP, managed: bool = False, password_kept: bool = False, **given: Any) -> str:
    """What is said of a host: whether it has credentials, or the password of a run that was interrupted."""
    registered = {
        "__infisical_project_server": server,
        "__infisical_project_management_file": {"stat": {"exists": managed}},
        "__infisical_project_administrator_kept": {"stat": {"exists": password_kept}},
    }
    facts = {"inventory_hostname": "vault01", "ansible_check_mode": False}
    return refused(Role("infisical_project", {**facts, **registered, **given}), "infisical_project")


def test_a_server_that_does_not_answer_is_named_and_a_plan_needs_none() -> None:
    assert "does not answer on vault01 (http://127.0.0.1:80 does not answer (Connection refused))" in project(SILENT)
    assert project(SILENT, ansible_check_mode=True) == project(SILENT, managed=True) == ""


def test_a_server_that_someone_else_has_set_up_is_left_alone() -> None:
    assert "was already set up by someone else" in project() and "Nothing was touched" in project()
    assert project(infisical_project_admin_password="x") == project(password_kept=True) == ""
    assert project({"server": {"set_up": False}}) == project(managed=True) == ""


def test_names_of_identities_that_would_take_another_s_file_are_refused() -> None:
    names = ("management", "../x", "fine")
    said = project(managed=True, infisical_project_identities=[{"name": name, "roles": ["viewer"]} for name in names])
    assert "a file of its name: management, ../x. Use letters" in said
    administrator = [{"name": "omakase-management", "roles": ["viewer"]}]
    given: dict[str, Any] = {
        "infisical_project_identities": administrator,
        "infisical_project_management_identity": "omakase-management",
    }
    assert "omakase-management administers the organisation" in project(managed=True, **given)
    assert "infisical_project_projects is empty" in project(managed=True, infisical_project_projects=[])


# --------------------------------------------------------------- infisical_cli


def test_a_hold_and_a_shell_s_variables_need_what_they_are_made_of() -> None:
    said = refused(cli({}, infisical_cli_profile=True, infisical_cli_hold=True), "infisical_cli")
    assert "infisical_cli_profile needs infisical_cli_domain" in said
    assert "infisical_cli_hold is for an exact version" in said
    given: dict[str, Any] = {"infisical_cli_domain": "https://vault.test", "infisical_cli_version": "0.43.136"}
    assert refused(cli({}, infisical_cli_profile=True, infisical_cli_hold=True, **given), "infisical_cli") == ""


# --------------------------------------------------------------- reverse_proxy


def test_a_configuration_of_somebody_else_is_replaced_only_when_asked() -> None:
    foreign = {"/etc/haproxy/haproxy.cfg": text("global\n  maxconn 7\n")}
    said = refused(proxy(foreign), "reverse_proxy")
    assert "one has a haproxy that somebody else configured (/etc/haproxy/haproxy.cfg ). Nothing was touched." in said
    assert refused(proxy(foreign, reverse_proxy_take_over=True), "reverse_proxy") == ""


TRAEFIK: dict[str, Any] = {
    "reverse_proxy_kind": "traefik",
    "reverse_proxy_traefik_project": "/opt/infisical",
    "role_path": str(ROOT / "roles/reverse_proxy"),
}
COMPOSED = {"/opt/infisical/docker-compose.yml": text("services: {}")}


def test_a_service_for_traefik_needs_its_compose_file() -> None:
    said = refused(proxy(**TRAEFIK), "reverse_proxy")
    assert "There is no /opt/infisical/docker-compose.yml on one whose service Traefik could find." in said
    assert refused(proxy(COMPOSED, **TRAEFIK), "reverse_proxy") == ""


def test_what_no_label_can_tell_traefik_is_refused_and_its_own_place_named() -> None:
    given: dict[str, Any] = {
        "reverse_proxy_addresses": ["192.168.1.5"],
        "reverse_proxy_certificates": "acme",
        "reverse_proxy_timeout": 90,
        "reverse_proxy_tls_minimum": "1.3",
        "reverse_proxy_trusted_proxies": ["10.0.0.0/8"],
    }
    said = refused(proxy(COMPOSED, **TRAEFIK, **given), "reverse_proxy")
    assert said.count("has no effect with Traefik") == len(given) and all(f"{name} has" in said for name in given)
    assert "in Traefik's own configuration: minVersion of its TLS options." in said
    labelled: dict[str, Any] = {"reverse_proxy_hsts_seconds": 0, "reverse_proxy_response_headers": {"X-Note": "here"}}
    assert refused(proxy(COMPOSED, **TRAEFIK, **labelled, reverse_proxy_timeout="60"), "reverse_proxy") == ""


def test_addresses_to_listen_at_are_bare_and_there_is_one() -> None:
    assert refused(proxy(reverse_proxy_addresses=["192.168.1.5", "::", "fd00::5"]), "reverse_proxy") == ""
    said = refused(proxy(reverse_proxy_addresses=["[::]", "0.0.0.0:443", "*"]), "reverse_proxy")
    assert 'such as 0.0.0.0 and "::", without a port or brackets, not [::], 0.0.0.0:443, *.' in said
    assert "not nothing." in refused(proxy(reverse_proxy_addresses=[]), "reverse_proxy")


@pytest.mark.parametrize("hostname", ["fd00:0:0:0:0:0:0:5", "fd00::0005", "2001:0db8::1"])
def test_an_address_is_given_as_certificates_name_it(hostname: str) -> None:
    def said(*hostnames: str) -> str:
        role = proxy()
        role.variables["reverse_proxy_sites"] = [{**SITES[0], "hostnames": [*hostnames]}]
        return refused(role, "reverse_proxy")

    assert f"{hostname} is not the short form of an address" in said(hostname)
    assert said(str(ipaddress.ip_address(hostname)), "10.0.0.5", "0.example", "2001:db8::1:0:0:1", "::1") == ""


def test_a_certificate_that_ends_soon_or_is_for_another_name_is_refused(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("one.example")
    files = {"certificate": str(certificate), "private_key": str(key)}

    def said(hostname: str, days: int) -> str:
        role = proxy(reverse_proxy_certificates="files", reverse_proxy_renew_days=days)
        role.variables["reverse_proxy_sites"] = [{**SITES[0], "hostnames": [hostname], **files}]
        return refused(role, "reverse_proxy")

    assert said("one.example", 0) == ""
    assert f"{certificate} ends on 20" in said("one.example", 30)
    assert f"{certificate} is not for other.example, but for DNS:one.example" in said("other.example", 0)
