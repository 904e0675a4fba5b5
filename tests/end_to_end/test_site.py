# SPDX-License-Identifier: GPL-3.0-or-later
"""The main job: from a practice Proxmox to a running Omakase host, with interruptions on the way.

The tests of this file build on each other in the order in which they stand.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from testinfra.host import Host

from tests.support.artifact import build, install
from tests.support.leaks import holding, lying_about

from .conftest import CANARIES, Lab, dotenv, expect_nothing_twice, export, secrets_of

pytestmark = pytest.mark.lab

BASE_SECRETS = {
    "DATA_DIR", "COMPOSE_PROJECT_NAME", "DOMAINNAME", "TRAEFIK_DOMAIN", "TRAEFIK_TRUSTED_IPS", "PUID", "PGID", "TZ",
    "POSTGRES_PASSWORD", "AUTHELIA_DB_PASSWORD", "AUTHELIA_JWT_SECRET", "AUTHELIA_SESSION_SECRET",
    "AUTHELIA_STORAGE_ENCRYPTION_KEY", "TRAEFIK_API_USER", "TRAEFIK_API_PASSWORD", "RESTIC_PASSWORD",
    "B2_ACCOUNT_ID", "B2_ACCOUNT_KEY", "RESTIC_REPOSITORY", "TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID",
}  # fmt: skip


@pytest.fixture
def infisical(lab: Lab) -> Host:
    return lab.host("infisical")


@pytest.fixture
def omakase(lab: Lab) -> Host:
    return lab.host("omakase")


def test_a_plan_on_a_fresh_lab_succeeds_and_says_where_it_ends(lab: Lab, canaries: str) -> None:
    run = lab.playbook("site.yml", "--check", "--diff", "-e", canaries).succeeded()
    assert "the plan for it ends here" in " ".join(run.output.split())


@pytest.mark.parametrize(
    ("task", "seconds"),
    [
        ("proxmox_lxc", 2.0),
        ("Bring the containers up and wait until all are healthy", 4.0),
        ("Make the projects with all that belongs to them", 0.6),
    ],
)
def test_a_run_killed_in_the_middle_is_finished_by_the_next(lab: Lab, canaries: str, task: str, seconds: float) -> None:
    run = lab.playbook("site.yml", "-e", canaries, kill_at=task, kill_after=seconds)
    assert run.returncode == -9, f"the run was over before it could be killed in {task!r}:\n{run.output[-3000:]}"


@pytest.fixture(scope="module")
def written_by_ansible(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the run that says most keeps its log and its facts."""
    return tmp_path_factory.mktemp("written")


def test_the_site_comes_up(lab: Lab, canaries: str, written_by_ansible: Path) -> None:
    settings = {
        "ANSIBLE_LOG_PATH": str(written_by_ansible / "ansible.log"),
        "ANSIBLE_CACHE_PLUGIN": "ansible.builtin.jsonfile",
        "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(written_by_ansible / "facts"),
    }
    lab.playbook("site.yml", "-vvvv", "--diff", "-e", canaries, settings=settings).succeeded()


def test_a_second_run_by_the_installed_collection_changes_nothing(lab: Lab, canaries: str, tmp_path: Path) -> None:
    collections = install(build(tmp_path), tmp_path)
    inventory = collections / "ansible_collections/omakase/homelab/inventories/lab"
    run = lab.playbook("-i", str(inventory), "omakase.homelab.site", "-e", canaries, collections=collections)
    assert set(run.succeeded().changed.values()) == {0}, run.output[-6000:]


def test_a_plan_on_the_finished_lab_reports_no_change(lab: Lab, canaries: str) -> None:
    run = lab.playbook("site.yml", "--check", "--diff", "-e", canaries).succeeded()
    assert set(run.changed.values()) == {0}, run.output[-6000:]


@pytest.mark.parametrize(("name", "address"), [("infisical", "198.18.0.101"), ("omakase", "198.18.0.100")])
def test_the_containers_are_as_the_user_wrote_them(lab: Lab, name: str, address: str) -> None:
    host = lab.host(name)
    assert host.check_output("hostname") == name
    assert address in host.interface("eth0").addresses
    assert host.check_output("ip route show default").startswith("default via 198.18.0.1")
    assert host.file("/proc/1/uid_map").content_string.split()[1] != "0", "the container is not unprivileged"
    memory_files = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
    limits = [host.file(path).content_string.strip() for path in memory_files if host.file(path).exists]
    assert limits == [] or str(2048 * 1024 * 1024) in limits


def test_docker_is_the_vendors_and_runs_containers(infisical: Host) -> None:
    assert infisical.package("docker-ce").is_installed
    assert "signed-by" in infisical.check_output("cat /etc/apt/sources.list.d/*docker*").lower()
    assert infisical.check_output("docker --version").startswith("Docker version")
    assert "Docker Compose version" in infisical.check_output("docker compose version")
    assert "Hello from Docker" in infisical.check_output("docker run --rm hello-world:linux")


def test_the_three_containers_are_healthy_and_of_pinned_images(infisical: Host) -> None:
    lines = infisical.check_output("docker ps --format '{{.Image}} {{.Status}}'").splitlines()
    images = sorted(line.split(maxsplit=1)[0] for line in lines)
    assert images == ["infisical/infisical:v0.165.16", "postgres:16-alpine", "redis:7-alpine"]
    assert all("(healthy)" in line for line in lines), lines


def test_the_keys_are_for_root_alone_and_of_the_length_the_server_takes(infisical: Host) -> None:
    for path, mode in [("", 0o700), ("/.env", 0o600), ("/credentials", 0o700)]:
        file = infisical.file(f"/opt/infisical{path}")
        assert (file.user, file.mode) == ("root", mode)
    env = dotenv(infisical, "/opt/infisical/.env")
    assert len(env["ENCRYPTION_KEY"]) == 32
    assert len(set(map(env.get, ["ENCRYPTION_KEY", "AUTH_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD"]))) == 4
    assert env["SITE_URL"] == "http://198.18.0.101"


def test_a_password_with_a_dollar_and_blanks_reaches_the_server_unchanged(infisical: Host) -> None:
    output = infisical.check_output("docker inspect infisical-backend-1 --format '{{json .Config.Env}}'")
    assert f"SMTP_PASSWORD={CANARIES['infisical_smtp_password']}" in json.loads(output)


def test_no_password_stands_on_a_command_line(infisical: Host) -> None:
    env = dotenv(infisical, "/opt/infisical/.env")
    processes = infisical.check_output("ps -eo args")
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "ENCRYPTION_KEY", "AUTH_SECRET"):
        assert env[name] not in processes, name


def test_however_often_it_was_interrupted_nothing_exists_twice(infisical: Host) -> None:
    expect_nothing_twice(infisical)
    project = json.loads(infisical.file("/opt/infisical/credentials/project.json").content_string)
    assert {"dev", "prod"} <= {environment["slug"] for environment in project["environments"]}


def test_the_database_holds_no_value_in_plain_text(infisical: Host, omakase: Host) -> None:
    dump = infisical.check_output("docker exec infisical-db-1 pg_dump -U infisical infisical")
    assert "POSTGRES_PASSWORD" in dump, "the dump holds no secrets at all"
    for name, value in export(omakase).items():
        if len(value) >= 12 and name not in ("DATA_DIR", "DOMAINNAME"):
            assert value not in dump, name


def test_the_command_is_the_vendors_and_exports_every_base_secret(omakase: Host) -> None:
    assert omakase.package("infisical").is_installed
    assert re.search(r"infisical version \d", omakase.check_output("infisical --version"))
    secrets = export(omakase)
    assert secrets.keys() >= BASE_SECRETS
    assert re.fullmatch(r"[0-9a-f]{64}", secrets["AUTHELIA_JWT_SECRET"])
    assert len(secrets["POSTGRES_PASSWORD"]) == 32
    assert secrets["B2_ACCOUNT_KEY"] == CANARIES["omakase_secrets"]["B2_ACCOUNT_KEY"]  # type: ignore[index]
    generated = [value for name, value in secrets.items() if name.endswith(("_PASSWORD", "_SECRET", "_KEY"))]
    assert len(set(generated)) == len(generated)


def test_env_of_the_checkout_is_private_and_ignored_by_git(omakase: Host) -> None:
    env = omakase.file("/home/omakase/omakase/.env")
    assert (env.user, env.mode) == ("omakase", 0o600)
    assert set(dotenv(omakase, env.path)) == {
        "INFISICAL_DOMAIN", "INFISICAL_PROJECT_ID", "INFISICAL_CLIENT_ID", "INFISICAL_CLIENT_SECRET",
    }  # fmt: skip
    assert omakase.check_output("sudo -u omakase git -C /home/omakase/omakase status --porcelain") == ""


def test_the_host_keeps_an_identity_that_only_reads(infisical: Host, omakase: Host) -> None:
    env = dotenv(omakase, "/home/omakase/omakase/.env")
    reader = json.loads(infisical.file("/opt/infisical/credentials/omakase-dev.json").content_string)
    for name in ("client_id", "client_secret"):
        assert env[f"INFISICAL_{name.upper()}"] == reader[name]


def test_the_stack_runs_with_its_secrets(omakase: Host) -> None:
    lines = omakase.check_output("docker ps --format '{{.Names}} {{.Status}}'").splitlines()
    assert len(lines) == 3
    assert all("(healthy)" in line for line in lines), lines
    secrets = export(omakase)
    rendered = omakase.file("/home/omakase/omakase/compose/dashboard/config/users")
    assert rendered.content_string == f"admin:{{PLAIN}}{secrets['TRAEFIK_API_PASSWORD']}\n"
    assert rendered.mode == 0o400
    user = f"admin:{secrets['TRAEFIK_API_PASSWORD']}"
    assert "behind a password" in omakase.check_output(f"curl -fsS -u '{user}' http://127.0.0.1:8000/")
    assert omakase.run("curl -fsS -u admin:wrong http://127.0.0.1:8000/").rc != 0
    login = "docker exec -e PGPASSWORD omakase-postgres-1 psql -h 127.0.0.1 -U authelia -d authelia -Atc 'select 1'"
    assert omakase.check_output(f"PGPASSWORD={secrets['AUTHELIA_DB_PASSWORD']} {login}") == "1"


def test_a_changed_secret_reaches_the_service_that_uses_it_and_no_other(lab: Lab, canaries: str, omakase: Host) -> None:
    before = omakase.check_output("docker inspect -f '{{.State.StartedAt}}' omakase-postgres-1")
    lab.playbook("tests/end_to_end/change_secret.yml").succeeded()
    run = lab.playbook("playbooks/omakase.yml", "-e", canaries).succeeded()
    assert run.changed["omakase01"] > 0
    assert omakase.check_output("curl -fsS -u admin:changed-in-the-test http://127.0.0.1:8000/")
    assert omakase.check_output("docker inspect -f '{{.State.StartedAt}}' omakase-postgres-1") == before


def test_the_doctor_finds_the_site_well(lab: Lab) -> None:
    run = lab.playbook("playbooks/doctor.yml").succeeded()
    assert "All is well" in run.output
    # The deployment's, tried on the Infisical host, and the one that the Omakase host keeps
    for rights in ("write to", "only read"):
        assert f"the identity may {rights} / of the environment dev" in run.output


def test_the_doctor_names_what_is_not_well_and_changes_nothing(lab: Lab, infisical: Host, omakase: Host) -> None:
    infisical.check_output("docker stop infisical-redis-1")
    omakase.check_output("chmod 0644 /home/omakase/omakase/.env")
    try:
        run = lab.playbook("playbooks/doctor.yml")
        message = run.refused()
        assert "infisical01: container infisical-redis-1" in message
        assert "omakase01: file /home/omakase/omakase/.env" in message
        assert "chmod 0600 /home/omakase/omakase/.env" in message
        assert set(run.changed.values()) == {0}
        assert omakase.file("/home/omakase/omakase/.env").mode == 0o644
    finally:
        infisical.check_output("docker start infisical-redis-1")
        omakase.check_output("chmod 0600 /home/omakase/omakase/.env")


def test_bad_input_is_refused_all_at_once_before_anything_is_changed(lab: Lab, canaries: str) -> None:
    variables = {
        "infisical_encryption_key": "ab" * 32,
        "infisical_minimum_memory_mb": 99999999,
        "infisical_minimum_disk_gb": 999999,
        "infisical_minimum_cores": 999,
    }
    run = lab.playbook("playbooks/infisical.yml", "-e", canaries, "-e", json.dumps(variables))
    said = run.refused()
    for message in (
        "has 64 characters and the server takes exactly 32",
        "of memory and Infisical needs 99999999",
        "and Infisical needs 999999",
        "core(s) and Infisical needs 999",
    ):
        assert message in said
    assert set(run.changed.values()) == {0}


def test_containers_of_others_are_not_touched(lab: Lab) -> None:
    wanted = [
        {"vmid": 101, "hostname": "mine", "address": "198.18.0.103/24"},
        {"vmid": 104, "hostname": "mine-too", "address": "198.18.0.101/24"},
    ]
    run = lab.playbook("playbooks/provision.yml", "-e", json.dumps({"proxmox_lxc_containers": wanted}))
    said = run.refused()
    assert "the vmid 101 belongs to another container, infisical" in said
    assert "the address 198.18.0.101 is already in use by the" in said
    assert set(run.changed.values()) == {0}


@pytest.fixture
def secrets(infisical: Host, omakase: Host) -> dict[str, str]:
    return secrets_of(infisical, omakase)


def test_no_secret_was_ever_printed(lab: Lab, secrets: dict[str, str]) -> None:
    assert holding(secrets, "\n".join(lab.log).encode()) == []


def test_no_secret_is_in_the_log_file_or_in_a_cached_fact(secrets: dict[str, str], written_by_ansible: Path) -> None:
    written = {path: path.read_bytes() for path in written_by_ansible.rglob("*") if path.is_file()}
    assert b"PLAY RECAP" in written[written_by_ansible / "ansible.log"]
    assert {path: found for path, text in written.items() if (found := holding(secrets, text))} == {}


def test_no_secret_stood_on_a_command_line_while_something_ran(lab: Lab, secrets: dict[str, str]) -> None:
    assert lab.command_lines.looks > 1000
    assert lab.command_lines.holding(secrets) == []


@pytest.mark.parametrize("container", ["100", "101"])
def test_no_secret_lies_in_a_journal_a_history_or_a_file_for_all(
    lab: Lab, secrets: dict[str, str], container: str
) -> None:
    assert lying_about(container, secrets, lab.began) == []
