# SPDX-License-Identifier: GPL-3.0-or-later
"""The role infisical on two real machines: the tests build on each other in the order they stand in.

The first runs a whole stack, then both serve one database, of Debian's PostgreSQL and Redis on the second.
"""

from __future__ import annotations

import ipaddress
import json
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

from lab import settings
from tests.roles.machine import REGISTRY, Machine, docker_of_the_lab, lab
from tests.roles.playbook import ROOT, Run, play, refused, succeeded
from tests.support.certificates import Authority
from tests.support.mail import PASSWORD as MAIL_PASSWORD
from tests.support.mail import USER as MAIL_USER
from tests.support.mail import Mailbox
from tests.support.ssh import trusting

pytestmark = [pytest.mark.lab, pytest.mark.soak]
FIRST, SECOND, CONTROLLER = "198.18.0.140", "198.18.0.141", "198.18.0.1"
CANARIES = {
    "database": "canary-db-$pass-0f4e",
    "redis": "canary-redis-77aa",
    "replica": "canary-replica-5d1e",
    "sentinel": "canary-sentinel-91bc",
    "mail": MAIL_PASSWORD,
}
# The same database by another login: the server does not start unless it can log in there as well.
REPLICA = f"postgres://reader:{CANARIES['replica']}@{SECOND}:5432/infisical"


@dataclass
class Pair:
    """The two machines, and a log of all that was printed about them."""

    first: Host
    second: Host
    directory: Path
    log: list[str] = field(default_factory=list)

    def run(self, what: Mapping[str, Any], *arguments: str, hosts: str = "one,two", **variables: Any) -> Run:
        """Run a play or a playbook against the group `infisical`, or those of its hosts that are named."""
        ran = play(self.directory, self._inventory(), what, "--limit", hosts, *arguments, variables=variables)
        self.log.append(ran.output)
        return ran

    def role(self, *arguments: str, hosts: str = "one", **variables: Any) -> Run:
        """Run the role on the first machine, or on those that are named."""
        roles = {"hosts": "infisical", "gather_facts": False, "roles": ["omakase.homelab.infisical"]}
        return self.run(roles, *arguments, hosts=hosts, **variables)

    @staticmethod
    def ssh() -> list[str]:
        """The options of ssh and scp that reach the machines."""
        return ["-i", str(settings.SSH_KEY), *trusting().split()]

    def _inventory(self) -> str:
        return f"""
infisical:
  hosts:
    one: {{ansible_host: {FIRST}}}
    two: {{ansible_host: {SECOND}}}
  vars:
    ansible_user: root
    ansible_ssh_private_key_file: {settings.SSH_KEY}
    ansible_ssh_common_args: "{trusting()}"
    ansible_python_interpreter: /usr/bin/python3
"""


@pytest.fixture(scope="module")
def pair(practice: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two fresh machines with Docker."""
    names = {"infisical-one": FIRST, "infisical-two": SECOND}
    for name, address in names.items():
        lab("machine", "--remove", name)
        lab("machine", name, address)
    one, two = (Machine(name, address).host for name, address in names.items())
    machines = Pair(one, two, tmp_path_factory.mktemp("pair"))
    docker = {"hosts": "infisical", "gather_facts": False, "roles": ["omakase.homelab.docker"]}
    succeeded(machines.run(docker, **docker_of_the_lab()))
    yield machines
    for name in names:
        lab("machine", "--remove", name)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def mailbox(authority: Authority, practice: None) -> Iterator[Mailbox]:
    """A mail server on this machine that wants TLS and a login."""
    with Mailbox(CONTROLLER, authority.server_context(CONTROLLER)).running() as running:
        yield running


def digest_of(image: str) -> str:
    """The digest under which the lab's registry has an image, `name:tag`."""
    name, _, tag = image.partition(":")
    kinds = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
    address = f"{REGISTRY}/v2/{name}/manifests/{tag}"
    request = urllib.request.Request(address, headers={"Accept": kinds}, method="HEAD")  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return str(answer.headers["Docker-Content-Digest"])


@pytest.fixture(scope="module")
def behind_a_proxy(authority: Authority, mailbox: Mailbox) -> dict[str, Any]:
    """The first machine's own stack, as it is wanted: behind a proxy, with images by their digests."""
    return {
        "infisical_image_digest": digest_of("infisical/infisical:v0.165.16"),
        "infisical_redis_image": f"redis:7-alpine@{digest_of('library/redis:7-alpine')}",
        "infisical_listen_address": "127.0.0.1",
        "infisical_listen_port": 8080,
        "infisical_site_url": "https://infisical.home.example",
        "infisical_trusted_proxy_cidrs": ["172.16.0.0/12"],
        "infisical_metrics": True,
        "infisical_metrics_address": FIRST,
        "infisical_smtp_host": CONTROLLER,
        "infisical_smtp_port": mailbox.port,
        "infisical_smtp_username": MAIL_USER,
        "infisical_smtp_password": MAIL_PASSWORD,
        "infisical_smtp_from_address": "infisical@home.example",
        "infisical_smtp_ca_path": str(authority.certificate),
        "infisical_smtp_test_recipient": "me@home.example",
    }


@pytest.fixture(scope="module")
def one_database(pair: Pair, authority: Authority) -> dict[str, Any]:
    """PostgreSQL with TLS and Redis behind a Sentinel on the second machine, as the role is told of them."""
    tasks = services(*authority.issue(SECOND))
    play = {"hosts": "infisical", "gather_facts": False, "tasks": tasks}
    succeeded(pair.run(play, hosts="two"))
    return {
        "infisical_listen_port": 8080,
        "infisical_db_uri": f"postgres://infisical:{CANARIES['database'].replace('$', '%24')}@{SECOND}:5432/infisical",
        "infisical_db_ca_path": str(authority.certificate),
        "infisical_db_read_replicas": [REPLICA],
        "infisical_redis_sentinel_hosts": [f"{SECOND}:26379"],
        "infisical_redis_sentinel_password": CANARIES["sentinel"],
        "infisical_redis_password": CANARIES["redis"],
        "infisical_project_url": "http://127.0.0.1:8080",
        "infisical_project_admin_email": "admin@home.example",
    }


def services(certificate: Path, key: Path) -> list[dict[str, Any]]:
    """Tasks that set the services up: their password in files, none of them on a command line."""
    postgres, redis = "/etc/postgresql/17/main", "/var/lib/redis"
    database = [
        f"CREATE ROLE infisical LOGIN PASSWORD '{CANARIES['database']}';",
        f"CREATE ROLE reader LOGIN PASSWORD '{CANARIES['replica']}';",
        "CREATE DATABASE infisical OWNER infisical;",
    ]
    everywhere = ["bind 0.0.0.0", "daemonize yes", f"dir {redis}"]
    files: dict[str, tuple[str, list[str]]] = {
        f"{postgres}/server.crt": ("postgres", [certificate.read_text()]),
        f"{postgres}/server.key": ("postgres", [key.read_text()]),
        f"{postgres}/conf.d/tls.conf": (
            "postgres",
            [
                "listen_addresses = '*'",
                f"ssl_cert_file = '{postgres}/server.crt'",
                f"ssl_key_file = '{postgres}/server.key'",
            ],
        ),
        f"{redis}/server.crt": ("redis", [certificate.read_text()]),
        f"{redis}/server.key": ("redis", [key.read_text()]),
        f"{redis}/redis.conf": (
            "redis",
            [
                f"requirepass {CANARIES['redis']}",
                "tls-port 6380",
                "tls-auth-clients no",
                f"tls-cert-file {redis}/server.crt",
                f"tls-key-file {redis}/server.key",
                f"tls-ca-cert-file {redis}/server.crt",
                *everywhere,
            ],
        ),
        f"{redis}/sentinel.conf": (
            "redis",
            [
                f"requirepass {CANARIES['sentinel']}",
                f"sentinel monitor mymaster {SECOND} 6379 1",
                f"sentinel auth-pass mymaster {CANARIES['redis']}",
                *everywhere,
            ],
        ),
    }
    packages = ["postgresql-17", "redis-server", "redis-sentinel"]
    written = [{"dest": dest, "owner": owner, "content": "\n".join(lines)} for dest, (owner, lines) in files.items()]
    hba = {"path": f"{postgres}/pg_hba.conf", "line": "hostssl all all all scram-sha-256"}
    psql = {"argv": ["runuser", "-u", "postgres", "--", "psql"], "stdin": "\n".join(database)}
    return [
        {"ansible.builtin.apt": {"name": packages, "update_cache": True, "install_recommends": False}},
        {
            "ansible.builtin.systemd_service": {"name": "{{ item }}", "state": "stopped"},
            "loop": ["redis-server", "redis-sentinel"],
        },
        *({"ansible.builtin.copy": {**file, "mode": "0600"}, "no_log": True} for file in written),
        {"ansible.builtin.lineinfile": hba},
        {"ansible.builtin.systemd_service": {"name": "postgresql@17-main", "state": "restarted"}},
        {"ansible.builtin.command": psql, "no_log": True},
        *(
            {"ansible.builtin.command": {"argv": ["runuser", "-u", "redis", "--", program, f"{redis}/{name}.conf"]}}
            for program, name in (("redis-server", "redis"), ("redis-sentinel", "sentinel"))
        ),
    ]


def dotenv(host: Host) -> dict[str, str]:
    lines = host.file("/opt/infisical/.env").content_string.splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def inspect(host: Host, service: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(host.check_output(f"docker inspect infisical-{service}-1"))[0]
    return found


def is_open(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((address, port)) == 0


def test_mail_settings_that_do_not_work_are_refused_before_anything_is_changed(
    pair: Pair, behind_a_proxy: dict[str, Any], mailbox: Mailbox
) -> None:
    run = pair.role(**{**behind_a_proxy, "infisical_smtp_password": "canary-wrong"})
    text = refused(run)
    assert f"{CONTROLLER}:{mailbox.port} refused the login of {MAIL_USER}: 535" in text
    assert "canary-wrong" not in run.output
    assert run.changed == 0 and not pair.first.file("/opt/infisical").exists


def test_it_comes_up_with_a_message_over_tls_for_a_proof(
    pair: Pair, behind_a_proxy: dict[str, Any], mailbox: Mailbox
) -> None:
    succeeded(pair.role("-vvv", "--diff", **behind_a_proxy))
    ((user, over_tls, message),) = mailbox.delivered
    assert (user, over_tls, message["To"]) == (MAIL_USER, True, "me@home.example")
    assert json.loads(pair.first.check_output("curl -fsS http://127.0.0.1:8080/api/status"))["emailConfigured"] is True


def test_a_second_run_changes_nothing_and_sends_nothing(
    pair: Pair, behind_a_proxy: dict[str, Any], mailbox: Mailbox
) -> None:
    assert succeeded(pair.role(**behind_a_proxy)).changed == 0
    assert succeeded(pair.role("--check", "--diff", **behind_a_proxy)).changed == 0
    assert len(mailbox.delivered) == 1


@pytest.mark.parametrize(
    ("service", "user", "memory", "cores"),
    [("backend", "1001", 1024, 2), ("db", "postgres", 512, 1), ("redis", "redis", 256, 0.5)],
)
def test_each_container_is_closed(pair: Pair, service: str, user: str, memory: int, cores: float) -> None:
    found = inspect(pair.first, service)
    limits = found["HostConfig"]
    assert limits["ReadonlyRootfs"] is True and "/tmp" in limits["Tmpfs"]  # noqa: S108
    assert (limits["CapDrop"], limits["CapAdd"], limits["Privileged"]) == (["ALL"], None, False)
    assert limits["SecurityOpt"] == ["no-new-privileges:true"]
    assert (limits["Memory"], limits["PidsLimit"]) == (memory * 1024 * 1024, 256)
    # An engine whose kernel keeps no such accounts, as on some test machines, would start no container with a limit.
    limited = pair.first.check_output("docker info --format '{{.CPUCfsQuota}}'") == "true"
    assert limits["NanoCpus"] == (cores * 1e9 if limited else 0)
    assert limits["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}
    assert found["Config"]["User"] == user and found["State"]["Health"]["Status"] == "healthy"
    # What the kernel says, not only Docker.
    status = pair.first.check_output(f"docker exec infisical-{service}-1 cat /proc/1/status")
    assert "CapEff:\t0000000000000000" in status and "NoNewPrivs:\t1" in status
    assert pair.first.run(f"docker exec infisical-{service}-1 sh -c ': > /etc/of-mine'").rc != 0


def test_images_are_those_of_the_digests_that_were_asked_for(pair: Pair, behind_a_proxy: dict[str, Any]) -> None:
    for service, image in (
        ("backend", f"infisical/infisical:v0.165.16@{behind_a_proxy['infisical_image_digest']}"),
        ("redis", behind_a_proxy["infisical_redis_image"]),
    ):
        name, _, digest = image.partition("@")
        found = inspect(pair.first, service)
        assert found["Config"]["Image"] == image
        known = pair.first.check_output("docker image inspect --format '{{json .RepoDigests}}' %s", found["Image"])
        assert json.loads(known) == [f"{name.partition(':')[0]}@{digest}"]


def test_nothing_is_open_but_what_was_asked_for(pair: Pair) -> None:
    assert [port for port in (80, 5432, 6379, 8080) if is_open(FIRST, port)] == []
    with urllib.request.urlopen(f"http://{FIRST}:9464/metrics", timeout=5) as answer:
        assert b'requests_total{method="GET",status_code="200"}' in answer.read()


def test_redis_keeps_what_it_has_and_asks_for_a_password(pair: Pair) -> None:
    cli = "docker exec infisical-redis-1 "
    assert "NOAUTH" in pair.first.check_output(cli + "redis-cli config get appendonly")
    for name, value in (("appendonly", "yes"), ("maxmemory-policy", "noeviction")):
        asked = pair.first.check_output(cli + f"sh -c 'REDISCLI_AUTH=$REDIS_PASSWORD redis-cli config get {name}'")
        assert asked.split() == [name, value]


def test_a_changed_setting_reaches_the_server_and_leaves_the_database_alone(
    pair: Pair, behind_a_proxy: dict[str, Any]
) -> None:
    before = {service: inspect(pair.first, service)["Id"] for service in ("backend", "db", "redis")}
    given = {**behind_a_proxy, "infisical_extra_environment": {"MAX_MACHINE_IDENTITY_TOKEN_AGE": "30d"}}
    succeeded(pair.role(**given))
    after = {service: inspect(pair.first, service)["Id"] for service in before}
    assert [service for service in before if before[service] != after[service]] == ["backend"]
    assert {
        "MAX_MACHINE_IDENTITY_TOKEN_AGE=30d",
        "SITE_URL=https://infisical.home.example",
        "HTTPS_ENABLED=true",  # so that its cookies are for HTTPS alone
        "TRUSTED_PROXY_CIDRS=172.16.0.0/12",
    } <= set(inspect(pair.first, "backend")["Config"]["Env"])


def test_a_proxy_on_the_same_host_serves_it_as_its_guide_says(
    pair: Pair, behind_a_proxy: dict[str, Any], tmp_path: Path
) -> None:
    kept, authority, name = "/root/behind-a-proxy", tmp_path / "authority.pem", "infisical.home.example"
    site = {"name": "infisical", "hostnames": [name], "health_path": "/api/status"}
    given = {
        "infisical_project_url": "http://127.0.0.1:8080",
        "infisical_project_credentials_directory": kept,
        "reverse_proxy_sites": [{**site, "backends": [{"name": "here", "address": "127.0.0.1:8080"}]}],
        "reverse_proxy_authority_fetch_to": str(authority),
    }
    roles = [f"omakase.homelab.{role}" for role in ("infisical_project", "reverse_proxy")]
    play = {"hosts": "infisical", "gather_facts": False, "roles": roles}
    succeeded(pair.run(play, hosts="one", **behind_a_proxy, **given))
    credentials = json.loads(pair.first.file(f"{kept}/omakase-deployment.json").content_string)
    login = json.dumps({"clientId": credentials["client_id"], "clientSecret": credentials["client_secret"]})
    asked = ["curl", "-sSf", "--noproxy", "*", "--cacert", str(authority), "--resolve", f"{name}:443:{FIRST}"]
    asked += ["--json", "@-", f"https://{name}/api/v1/auth/universal-auth/login"]
    answer = subprocess.run(asked, input=login, capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["accessToken"]
    # Whom the server believes about the client: the proxy comes to it by this address.
    gateway = next(iter(inspect(pair.first, "backend")["NetworkSettings"]["Networks"].values()))["Gateway"]
    trusted = [ipaddress.ip_network(each) for each in behind_a_proxy["infisical_trusted_proxy_cidrs"]]
    assert any(ipaddress.ip_address(gateway) in network for network in trusted)
    assert not is_open(FIRST, 8080)


def test_a_host_with_data_is_not_sent_to_another_database_unasked(pair: Pair, one_database: dict[str, Any]) -> None:
    run = pair.role(**one_database)
    assert f"keeps its data in the database db:5432/infisical, and the inventory names {SECOND}:5432" in refused(run)
    assert run.changed == 0


def test_two_hosts_are_one_infisical_with_the_keys_of_the_first(pair: Pair, one_database: dict[str, Any]) -> None:
    keys = dotenv(pair.first)
    playbook = {"ansible.builtin.import_playbook": str(ROOT / "playbooks/infisical.yml")}
    run = succeeded(pair.run(playbook, "-vvv", "--diff", **one_database, infisical_db_change_allowed=True))
    for host in (pair.first, pair.second):
        assert {name: dotenv(host)[name] for name in ("ENCRYPTION_KEY", "AUTH_SECRET")} == {
            name: keys[name] for name in ("ENCRYPTION_KEY", "AUTH_SECRET")
        }
        assert host.check_output("docker ps --format '{{.Names}}'") == "infisical-backend-1"
        assert host.file("/opt/infisical/.env").mode == 0o600
        assert f'DB_READ_REPLICAS=[{{"DB_CONNECTION_URI": "{REPLICA}"}}]' in inspect(host, "backend")["Config"]["Env"]
    # One after the other, and the project once.
    order = re.findall(r"^(?:ok|changed): \[(one|two)\]", run.output, re.M)
    assert order == sorted(order) and set(order) == {"one", "two"}
    assert pair.first.file("/opt/infisical/credentials/project.json").exists
    assert not pair.second.file("/opt/infisical/credentials").exists
    # Nothing of the first database is gone.
    assert "infisical_pg_data" in pair.first.check_output("docker volume ls --quiet")


def test_what_one_host_wrote_the_other_reads(pair: Pair) -> None:
    kept = json.loads(pair.first.file("/opt/infisical/credentials/management.json").content_string)
    login = {"clientId": kept["client_id"], "clientSecret": kept["client_secret"]}
    request = urllib.request.Request(
        f"http://{SECOND}:8080/api/v1/auth/universal-auth/login",
        json.dumps(login).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        assert json.load(answer)["accessToken"]


def test_the_connections_are_encrypted_and_redis_is_the_one_that_the_sentinel_names(pair: Pair) -> None:
    query = "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'infisical'"
    assert pair.second.check_output("runuser -u postgres -- psql -Atc %s", query) == "t"
    env = "REDISCLI_AUTH=%s redis-cli client list"
    assert FIRST in pair.second.check_output(env, CANARIES["redis"])


def test_both_hosts_are_finished(pair: Pair, one_database: dict[str, Any]) -> None:
    playbook = {"ansible.builtin.import_playbook": str(ROOT / "playbooks/infisical.yml")}
    assert succeeded(pair.run(playbook, **one_database)).changed == 0


def test_a_redis_over_tls_is_trusted_by_the_authority_that_is_given(
    pair: Pair, one_database: dict[str, Any], authority: Authority
) -> None:
    directly = {name: value for name, value in one_database.items() if "_redis_" not in name}
    directly["infisical_redis_url"] = f"rediss://:{CANARIES['redis']}@{SECOND}:6380"
    assert "is not healthy" in refused(pair.role(**directly, infisical_start_timeout=30))
    trusting_it = {**directly, "infisical_redis_ca_path": str(authority.certificate)}
    succeeded(pair.role(**trusting_it))
    asked = pair.second.check_output("REDISCLI_AUTH=%s redis-cli client list", CANARIES["redis"])
    assert any(f"addr={FIRST}:" in line and f"laddr={SECOND}:6380" in line for line in asked.splitlines()), asked
    assert succeeded(pair.role(**trusting_it)).changed == 0
    succeeded(pair.role(**one_database))
    assert not pair.first.file("/opt/infisical/redis-ca.pem").exists, "a certificate that nobody needs is left behind"


def test_a_host_without_a_registry_takes_its_image_from_an_archive_here_or_there(
    pair: Pair, one_database: dict[str, Any], tmp_path: Path
) -> None:
    """An image that no registry has, so that whatever fetches fails. The second host has the archive already."""
    pair.first.check_output(
        "docker tag infisical/infisical:v0.165.16 airgap/infisical:v0.165.16 && "
        "docker save --output /root/images.tar airgap/infisical:v0.165.16 && docker rmi airgap/infisical:v0.165.16"
    )
    checksum = pair.first.check_output("sha256sum /root/images.tar").split()[0]
    archive, there = tmp_path / "images.tar", "/root/there.tar"
    for source, target in ((f"root@{FIRST}:/root/images.tar", archive), (archive, f"root@{SECOND}:{there}")):
        subprocess.run(["scp", "-q", *pair.ssh(), str(source), str(target)], check=True)
    has_it = "inventory_hostname == 'two'"
    given = {
        **one_database,
        "infisical_image": "airgap/infisical",
        "infisical_image_archive": f"{{{{ '{there}' if {has_it} else '{archive}' }}}}",
        "infisical_image_archive_on_host": f"{{{{ {has_it} }}}}",
        "hosts": "one,two",
    }
    text = refused(pair.role(**given, infisical_image_archive_checksum="0" * 64))
    for place in (archive, there):
        assert f"infisical_image_archive ({place}) has another checksum" in text
    for host in (pair.first, pair.second):
        assert "airgap/infisical" not in host.check_output("docker image ls")
    succeeded(pair.role("--check", **given, infisical_image_archive_checksum=checksum))
    succeeded(pair.role(**given, infisical_image_archive_checksum=checksum))
    for host in (pair.first, pair.second):
        assert inspect(host, "backend")["Config"]["Image"] == "airgap/infisical:v0.165.16"
        assert host.run("ls -d /tmp/infisical-images-*").rc != 0, "a copy of the archive is left behind"
    assert pair.second.file(there).exists, "an archive that is the user's is gone"
    assert succeeded(pair.role(**given, infisical_image_archive_checksum=checksum)).changed == 0


def test_no_secret_was_ever_printed(pair: Pair) -> None:
    sensitive = ("_PASSWORD", "_SECRET", "_KEY", "_URI", "REDIS_URL")
    kept = {name: value for name, value in dotenv(pair.first).items() if name.endswith(sensitive)}
    log = "\n".join(pair.log)
    assert [name for name, value in {**kept, **CANARIES}.items() if value in log] == []
