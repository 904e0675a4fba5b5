# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role infisical refuses, and what it writes: .env and the compose file, without a host."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.role import Role, problems

DIRECTORY = "/opt/infisical"
ENV, COMPOSE = f"{DIRECTORY}/.env", f"{DIRECTORY}/docker-compose.yml"
LABEL = "com.docker.compose"
SKIPPED = {"skipped": True, "changed": False}
ENGINE = {
    "ServerVersion": "26.1.5",
    "NCPU": 2,
    "MemTotal": 2048 * 1024 * 1024,
    "CpuCfsQuota": True,
    "ClientInfo": {"Plugins": [{"Name": "buildx"}, {"Name": "compose", "Version": "2.26.1"}]},
}
DIGEST = "sha256:" + "ab" * 32
KEY = "0123456789abcdef" * 2
URI = "postgres://infisical:canary-pass%40word@db.home.example:5432/infisical"
SENTINELS = {"infisical_redis_sentinel_hosts": ["10.0.0.1:26379", "10.0.0.2:26379"]}
OUTSIDE = {"infisical_db_uri": URI, "infisical_redis_url": "rediss://:secret@redis.home.example:6380/0"}
KEPT = {
    "ENCRYPTION_KEY": KEY,
    "AUTH_SECRET": "auth-secret-of-the-first-run",
    "POSTGRES_PASSWORD": "p@ss/word",
    "REDIS_PASSWORD": "redis-pass",
    "POSTGRES_USER": "vendor",
    "POSTGRES_DB": "secrets",
    "DB_CONNECTION_URI": "postgres://vendor:p%40ss%2Fword@db:5432/secrets",
    "REDIS_URL": "redis://:redis-pass@redis:6379",
    "LICENSE_KEY": "added-by-hand",
    "SMTP_HOST": "mail.gone.example",
}
NO_MAIL = KEPT | {"SMTP_HOST": ""}


def kept(text: str) -> dict[str, str]:
    """What is read of a file of root's own."""
    data = text.encode()
    sha256, content = hashlib.sha256(data).hexdigest(), base64.b64encode(data).decode()
    return {"type": "file", "mode": "0600", "owner": "root", "group": "root", "sha256": sha256, "content": content}


def dotenv(variables: Mapping[str, str]) -> str:
    return "".join(f"{name}='{value}'\n" for name, value in variables.items())


def role(
    found: Mapping[str, str] | None = None,
    *,
    shared: Mapping[str, str] | None = None,
    engine: Mapping[str, Any] | None = None,
    says: Mapping[str, Any] | None = None,
    files: Mapping[str, Any] | None = None,
    containers: Sequence[Mapping[str, Any]] = (),
    **given: Any,
) -> Role:
    """The role on the host `one`, with what its preflight has read there. says: by command, files: by path.

    containers: as Docker's engine describes them.
    """
    commands = {
        "engine": json.dumps({**ENGINE, **(engine or {})}),
        "images": "",
        "containers": "",
        "disk": "1B-blocks Mounted on\n270553174016 /",
        "volumes": "",
        **(says or {}),
    }
    env_file = {} if found is None else {ENV: kept(dotenv(found))}
    registered = {
        "__infisical_host": {
            "commands": {name: {"rc": 0, "stdout": said, "stderr": ""} for name, said in commands.items()},
            "files": {**env_file, **(files or {})},
            "engine": {
                "project": [one for one in containers if one["Labels"][f"{LABEL}.project"] == "infisical"],
                "installed": [one for one in containers if one["Labels"][f"{LABEL}.project.working_dir"] == DIRECTORY],
                "databases": [one for one in containers if one["Labels"][f"{LABEL}.service"] == "db"],
            },
        },
        "__infisical_shared_read": SKIPPED if shared is None else kept(dotenv(shared)),
        "__infisical_archive": SKIPPED,
        "__infisical_env": SKIPPED,
    }
    facts = {"inventory_hostname": "one", "ansible_facts": {}, "ansible_check_mode": False}
    return Role("infisical", {**facts, **registered, **given})


def env(*arguments: Any, **given: Any) -> dict[str, str]:
    """The .env that the role writes."""
    host = role(*arguments, **given)
    host.variables["text"] = host.rendered("env.j2")
    read: dict[str, str] = host.value("text | omakase.homelab.from_dotenv")
    return dict(read)


def compose(*arguments: Any, **given: Any) -> dict[str, Any]:
    """The compose file that the role writes."""
    loaded: dict[str, Any] = yaml.safe_load(role(*arguments, **given).rendered("docker-compose.yml.j2"))
    return loaded


def refused(*arguments: Any, **given: Any) -> str:
    """The one sentence by which the preflight refuses this."""
    (sentence,) = problems(role(*arguments, **given), "__infisical_problems")
    return sentence


def accepted(*arguments: Any, **given: Any) -> bool:
    return problems(role(*arguments, **given), "__infisical_problems") == []


# ------------------------------------------------------------------ preflight


def test_a_fresh_host_and_a_finished_one_are_accepted() -> None:
    assert accepted() and accepted(KEPT)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"infisical_version": "latest"}, "infisical_version (latest)"),
        ({"infisical_postgres_image": "postgres"}, "infisical_postgres_image (postgres)"),
        ({"infisical_image": "infisical/infisical:v1"}, "infisical_image holds a tag or a digest"),
        ({"infisical_image_digest": "sha256:abc"}, "infisical_image_digest is not a digest like sha256:"),
        ({"infisical_db_uri": "db.home.example"}, "infisical_db_uri is not an address like postgres://"),
        ({"infisical_db_uri": "postgres://u:p@ss@h/db"}, "Percent-encode what is special"),
        ({**OUTSIDE, "infisical_db_read_replicas": [URI, "replica"]}, "infisical_db_read_replicas holds something"),
        ({"infisical_db_read_replicas": [URI]}, "is given without infisical_db_uri"),
        ({**OUTSIDE, "infisical_db_ca_path": "/nowhere/ca.pem"}, "_db_ca_path (/nowhere/ca.pem) is not a file"),
        ({"infisical_db_uri": URI, "infisical_db_password": "x"}, "Write that of infisical_db_uri into the address"),
        ({"infisical_redis_url": "redis.home.example"}, "infisical_redis_url is not an address like redis://"),
        ({**SENTINELS, "infisical_redis_url": "redis://r:6379"}, "would take no notice of the second"),
        ({"infisical_redis_url": "redis://r:6379", "infisical_redis_password": "x"}, "beside infisical_redis_url"),
        ({**OUTSIDE, "infisical_redis_ca_path": "/nowhere/ca.pem"}, "_redis_ca_path (/nowhere/ca.pem) is not a file"),
        ({"infisical_redis_sentinel_hosts": ["ten", "h:1"]}, "infisical_redis_sentinel_hosts holds ten; each must be"),
        ({"infisical_smtp_test_recipient": "me@home.example"}, "set without infisical_smtp_host"),
        ({"infisical_smtp_ignore_tls": True}, "infisical_smtp_ignore_tls and infisical_smtp_require_tls are both true"),
        ({"infisical_smtp_ca_path": "/nowhere/ca.pem"}, "infisical_smtp_ca_path (/nowhere/ca.pem) is not a file"),
        ({"infisical_redis_memory_limit": "much"}, "is not a size like 512m or 1g"),
        ({"infisical_auth_secret": "5lrMXKKWCVocS/uerPsl7V+TX/aaUaI7iDkgl3tSmLE="}, "a sample value from the vendor's"),
        ({"infisical_image_pull": "never"}, "lacks infisical/infisical:v0.165.16, postgres:16-alpine, redis:7-alpine"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_named_with_what_to_do(given: dict[str, Any], sentence: str) -> None:
    assert sentence in refused(**given)


def test_all_that_is_wrong_is_said_at_once_and_no_address_is_shown() -> None:
    said = problems(
        role(
            engine={"NCPU": 1, "MemTotal": 1024 * 1024 * 1024},
            infisical_db_uri="postgres://u:canary@password@h",
            infisical_redis_url="canary-redis",
            infisical_version="latest",
        ),
        "__infisical_problems",
    )
    assert len(said) == 5
    assert "canary" not in " ".join(said)


def test_an_engine_that_does_not_answer_is_named() -> None:
    info = json.dumps({"ServerErrors": ["permission denied"], "ClientInfo": {}})
    facts = {"processor_nproc": 2, "memtotal_mb": 2000}
    said = refused(says={"engine": info}, ansible_facts=facts)
    assert "Docker's engine does not answer there (permission denied)" in said


def test_a_container_that_is_paused_is_named_with_the_way_out_and_asked_nothing() -> None:
    says = {"containers": "backend Up 3 minutes (healthy) mark\ndb Up 3 minutes (Paused) \nredis Up 2 days (Paused) "}
    said = refused(KEPT, says=says)
    assert "infisical-db-1 and infisical-redis-1 on one is paused" in said
    assert "`docker unpause infisical-db-1 infisical-redis-1`" in said
    assert role(KEPT, says=says).value("__infisical_restarts") is False


def test_what_was_unhealthy_before_is_given_time() -> None:
    for status, unwell in (("healthy", False), ("health: starting", False), ("unhealthy", True)):
        says = {"containers": f"db Up 3 minutes (healthy) \nredis Up 3 minutes ({status}) "}
        assert role(says=says).value("__infisical_was_unwell") is unwell


def test_an_authority_and_ssl_in_the_address_do_not_go_together(tmp_path: Path) -> None:
    """node-postgres replaces the whole of its ssl options, the authority included, by what the address says."""
    ca = tmp_path / "ca.pem"
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    assert accepted(**OUTSIDE, infisical_db_ca_path=str(ca))
    given = {**OUTSIDE, "infisical_db_uri": f"{URI}?sslmode=require"}
    assert "would then drop the certificate" in refused(**given, infisical_db_ca_path=str(ca))


@pytest.fixture
def redis_ca(tmp_path: Path) -> Path:
    """The certificate of an authority, without the newline at its end that an editor may leave out."""
    path = tmp_path / "redis-ca.pem"
    path.write_text("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----")
    return path


def test_an_authority_for_redis_is_refused_where_redis_does_not_speak_tls(redis_ca: Path) -> None:
    def said(**given: Any) -> list[str]:
        return problems(role(infisical_redis_ca_path=str(redis_ca), **given), "__infisical_problems")

    plain = {"infisical_redis_url": "redis://:secret@redis.home.example:6379"}
    wrong: list[dict[str, Any]] = [{}, plain, SENTINELS, {"infisical_redis_sentinel_tls": True}]
    for given in wrong:
        (sentence,) = said(**given)
        assert "no Redis is asked over TLS. Begin infisical_redis_url with rediss://" in sentence, given
    right: list[dict[str, Any]] = [OUTSIDE, {**SENTINELS, "infisical_redis_sentinel_tls": True}]
    for given in right:
        assert said(**given) == []


def test_the_server_reads_one_file_of_authorities_and_a_second_is_refused(redis_ca: Path) -> None:
    given = {**OUTSIDE, "infisical_redis_ca_path": str(redis_ca)}
    name = "NODE_EXTRA_CA_CERTS"
    said = refused(**given, infisical_extra_environment={name: "/mine.pem"})
    assert f"/opt/infisical/.env on one has {name}, which the server would take no notice of" in said
    assert refused({name: "/mine.pem"}, **given) == said
    assert accepted(**OUTSIDE, infisical_extra_environment={name: "/mine.pem"})


@pytest.mark.parametrize(
    ("found", "given", "places"),
    [
        (KEPT, {"infisical_db_uri": URI}, ("db:5432/secrets", "db.home.example:5432/infisical")),
        ({"DB_CONNECTION_URI": URI}, {}, ("db.home.example:5432/infisical", "db:5432/infisical")),
    ],
    ids=["own to another's", "another's to own"],
)
def test_another_database_than_that_with_the_data_is_refused_unless_said(
    found: dict[str, str], given: dict[str, str], places: tuple[str, str]
) -> None:
    said = refused(found, **given)
    assert f"keeps its data in the database {places[0]}, and the inventory names {places[1]}" in said
    assert "canary" not in said
    assert accepted(found, **given, infisical_db_change_allowed=True)


def test_a_new_password_for_the_same_database_is_no_other_database() -> None:
    assert accepted({"DB_CONNECTION_URI": URI}, infisical_db_uri=URI.replace("canary", "other"))


@pytest.mark.parametrize("name", ["ENCRYPTION_KEY", "AUTH_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD"])
def test_a_key_among_the_free_variables_replaces_none_either(name: str) -> None:
    said = refused(KEPT, infisical_extra_environment={name: "canary" + "f" * 26})
    assert f"holds another {name} than the one given" in said and "canary" not in said
    assert accepted(KEPT, infisical_extra_environment={name: KEPT[name]})
    assert env(infisical_extra_environment={name: "f" * 32})[name] == "f" * 32


@pytest.mark.parametrize(
    ("found", "given"), [("ENCRYPTION_KEY", "ROOT_ENCRYPTION_KEY"), ("ROOT_ENCRYPTION_KEY", "ENCRYPTION_KEY")]
)
def test_no_second_root_key_comes_beside_the_first(found: str, given: str) -> None:
    there = {**{name: KEPT[name] for name in ("AUTH_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD")}, found: KEY}
    assert accepted(there)
    assert f"{given} is given, and" in refused(there, infisical_extra_environment={given: "e" * 32})


def test_no_new_keys_are_made_for_a_volume_that_they_cannot_open() -> None:
    volume = {"volumes": "infisical_pg_data"}
    assert "has the database of an Infisical" in refused(says=volume)
    assert accepted(says=volume, infisical_encryption_key=KEY, infisical_db_password="p")
    assert accepted(KEPT, says=volume) and accepted(says=volume, **OUTSIDE) and accepted(says={"volumes": "other"})


def container(
    service: str, image: str = "", mount: Mapping[str, str] | None = None, started_by: str = COMPOSE
) -> dict[str, Any]:
    """One as Docker's engine describes it. mount: where its data lies; started_by: which compose file."""
    labels = {
        f"{LABEL}.service": service,
        f"{LABEL}.project": "infisical",
        f"{LABEL}.project.working_dir": str(Path(started_by.split(",")[0]).parent),
        f"{LABEL}.project.config_files": started_by,
    }
    mounts = [{"Destination": "/var/lib/postgresql/data", **mount}] if mount else []
    return {"Image": image, "Labels": labels, "Mounts": mounts}


@pytest.mark.parametrize(
    "image",
    ["postgres:17-alpine", f"registry:5000/postgres:17.2-alpine@{DIGEST}", "postgres:16", "postgres:16.1-bookworm"],
)
def test_another_postgresql_than_that_of_the_data_is_refused(image: str) -> None:
    there = [container("backend", "infisical/infisical:1"), container("db", f"postgres:16-alpine@{DIGEST}")]
    said = refused(NO_MAIL, containers=there, infisical_postgres_image=image)
    assert "was made by postgres:16-alpine, whose" in said and "of that kind, as postgres:16-alpine: the" in said
    assert accepted(NO_MAIL, containers=there, infisical_postgres_image="mirror:5000/postgres:16.4-alpine")
    assert accepted(NO_MAIL, containers=[container("db", "postgres:latest")])


# ---------------------------------------------------- what was set up by hand

BY_HAND = NO_MAIL | {"SMTP_PASSWORD": "canary-old", "OTEL_EXPORT_TYPE": "prometheus"}


@pytest.mark.parametrize("name", ["compose.yaml", "docker-compose.prod.yml"])
def test_a_compose_file_of_another_name_is_asked_to_take_the_right_one(name: str) -> None:
    path = f"/opt/infisical/{name}"
    there = [container("backend", started_by=f"{path},/opt/infisical/more.yml")]
    said = refused(BY_HAND, containers=there, files={path: {"type": "file"}})
    assert f"runs by {path}, and" in said and f"(`mv {path} {COMPOSE}`)" in said
    # Renamed: the containers tell of the old name until they are made anew.
    assert accepted(BY_HAND, containers=there, files={COMPOSE: {"type": "file"}})


@pytest.mark.parametrize("mount", [{"Name": "vault_pg_data", "Source": "/var/lib/docker/x"}, {"Source": "/srv/data"}])
def test_a_database_in_another_place_is_not_left_behind(mount: dict[str, str]) -> None:
    there = [container("backend"), container("db", "postgres:16-alpine", mount)]
    place = mount.get("Name", mount["Source"])
    said = refused(BY_HAND, containers=there)
    assert f"lies in {place}, and" in said
    assert f"--volume {place}:/from --volume infisical_pg_data:/to postgres:16-alpine cp -a /from/. /to" in said
    assert accepted(BY_HAND, containers=[container("db", "postgres:16-alpine", {"Name": "infisical_pg_data"})])


def test_containers_of_the_same_name_elsewhere_are_not_taken_away() -> None:
    there = [container("mongo", started_by="/root/infisical/docker-compose.yml")]
    assert "has an installation in /root/infisical, which is the Compose project infisical" in refused(containers=there)
    # The role's own, of a directory that somebody has moved or linked
    there[0]["Labels"]["omakase.homelab.applied"] = "0" * 64
    assert accepted(containers=there)
    assert accepted(NO_MAIL, containers=[container("backend")])


def test_mail_settings_that_the_file_alone_knows_are_not_taken_away() -> None:
    found = BY_HAND | {"SMTP_HOST": "mail.old.example"}
    said = refused(found, containers=[container("backend")])
    assert "sets SMTP_HOST, SMTP_PASSWORD, of which the inventory says nothing" in said and "canary" not in said
    mail = {"infisical_smtp_host": "mail.old.example", "infisical_smtp_from_address": "me@home.example"}
    assert "sets SMTP_PASSWORD, of" in refused(found, containers=[container("backend")], **mail)
    assert accepted(found, containers=[container("backend")], **mail, infisical_smtp_password="canary-old")
    # What the role wrote itself goes as soon as the inventory says no more of it.
    ours = container("backend")
    ours["Labels"]["omakase.homelab.applied"] = "0" * 64
    assert accepted(found, containers=[ours])


def test_where_the_database_is_has_a_variable_of_its_own() -> None:
    assert "infisical_db_uri" in refused(infisical_extra_environment={"DB_CONNECTION_URI": URI})


# ------------------------------------------------------- keys of several hosts


def test_a_host_that_joins_takes_the_keys_of_the_other_and_makes_none() -> None:
    shared = {name: KEPT[name] for name in ("ENCRYPTION_KEY", "AUTH_SECRET", "POSTGRES_PASSWORD")}
    given = {**OUTSIDE, "infisical_keys_from": "first", "shared": shared}
    assert accepted(**given)
    written = env(**given)
    assert {name: written.get(name) for name in shared} == {**shared, "POSTGRES_PASSWORD": None}


def test_a_host_with_other_keys_than_the_one_it_joins_is_refused() -> None:
    shared = {"ENCRYPTION_KEY": "f" * 32, "AUTH_SECRET": KEPT["AUTH_SECRET"]}
    found = {name: KEPT[name] for name in ("ENCRYPTION_KEY", "AUTH_SECRET")}
    said = refused(found, **OUTSIDE, infisical_keys_from="first", shared=shared)
    assert "one has another ENCRYPTION_KEY than first" in said and KEY not in said
    said = refused(**OUTSIDE, infisical_keys_from="first", shared=shared, infisical_encryption_key=KEY)
    assert "one has another ENCRYPTION_KEY than first" in said


def test_hosts_that_share_keys_must_share_database_and_redis() -> None:
    shared = {"ENCRYPTION_KEY": KEY, "AUTH_SECRET": "x"}
    assert "shares the keys of first but not its database" in refused(infisical_keys_from="first", shared=shared)
    given = {"infisical_db_uri": URI, "infisical_keys_from": "first", "shared": shared}
    assert "but not its Redis" in refused(**given)
    assert accepted(**given, **SENTINELS)


def test_a_host_cannot_join_one_without_keys_but_a_plan_can() -> None:
    given = {**OUTSIDE, "infisical_keys_from": "first", "shared": {}}
    assert "infisical_keys_from is first, which has no keys" in refused(**given)
    assert accepted(**given, ansible_check_mode=True)


# ------------------------------------------------------------------------ .env


def test_keys_are_made_once_and_kept_ever_after() -> None:
    first = env()
    assert len(first["ENCRYPTION_KEY"]) == 32 and int(first["ENCRYPTION_KEY"], 16)
    assert len({first[name] for name in ("ENCRYPTION_KEY", "AUTH_SECRET", "POSTGRES_PASSWORD", "REDIS_PASSWORD")}) == 4
    assert first["POSTGRES_PASSWORD"] in first["DB_CONNECTION_URI"]
    assert env(first) == first


def test_the_file_is_the_same_byte_for_byte_the_second_time() -> None:
    first = role(KEPT, infisical_extra_environment={"HTTP_PROXY": "http://proxy:3128"}).rendered("env.j2")
    second = role(infisical_extra_environment={"HTTP_PROXY": "http://proxy:3128"})
    second.variables["__infisical_host"]["files"] = {ENV: kept(first)}
    assert second.rendered("env.j2") == first


def test_what_somebody_added_by_hand_stays_and_mail_settings_go_with_the_inventory() -> None:
    written = env(KEPT)
    assert written.items() >= {name: KEPT[name] for name in KEPT if name != "SMTP_HOST"}.items()
    assert "SMTP_HOST" not in written


def test_a_root_encryption_key_gets_no_encryption_key_beside_it() -> None:
    assert "ENCRYPTION_KEY" not in env({"ROOT_ENCRYPTION_KEY": "cm9vdA==", "AUTH_SECRET": "x"})


def test_telemetry_and_the_search_for_updates_are_off_and_cookies_follow_the_address() -> None:
    written = env(infisical_site_url="https://infisical.home.example")
    assert written["TELEMETRY_ENABLED"] == "false" and written["DISABLE_UPDATE_CHECK"] == "true"
    assert written["HTTPS_ENABLED"] == "true" and env()["HTTPS_ENABLED"] == "false"


def test_services_of_others_are_named_as_the_server_knows_them(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("-----BEGIN CERTIFICATE-----\nabc\n")
    written = env(
        KEPT,
        infisical_db_uri=URI,
        infisical_db_ca_path=str(ca),
        infisical_db_read_replicas=[URI.replace("db.home", "replica.home")],
        **SENTINELS,
        infisical_redis_sentinel_password="at-the-sentinels",
        infisical_redis_password="at-the-servers",
    )
    assert written["DB_CONNECTION_URI"] == URI
    assert b"BEGIN CERTIFICATE" in base64.b64decode(written["DB_ROOT_CERT"])
    assert json.loads(written["DB_READ_REPLICAS"]) == [{"DB_CONNECTION_URI": URI.replace("db.home", "replica.home")}]
    assert written["REDIS_SENTINEL_HOSTS"] == "10.0.0.1:26379,10.0.0.2:26379"
    assert (written["REDIS_SENTINEL_PASSWORD"], written["REDIS_PASSWORD"]) == ("at-the-sentinels", "at-the-servers")
    # With REDIS_URL beside them the server would take no notice of the Sentinels.
    assert "REDIS_URL" not in written
    # The key to the volume that stays behind
    assert written["POSTGRES_PASSWORD"] == KEPT["POSTGRES_PASSWORD"]


def test_networks_origins_and_metrics_are_written_as_the_server_reads_them() -> None:
    written = env(
        infisical_trusted_proxy_cidrs=["10.0.0.0/8", "loopback"],
        infisical_cors_allowed_origins=["https://a.example", "https://b.example"],
        infisical_metrics=True,
    )
    assert written["TRUSTED_PROXY_CIDRS"] == "10.0.0.0/8,loopback"
    assert json.loads(written["CORS_ALLOWED_ORIGINS"]) == ["https://a.example", "https://b.example"]
    assert (written["OTEL_TELEMETRY_COLLECTION_ENABLED"], written["OTEL_EXPORT_TYPE"]) == ("true", "prometheus")


# ---------------------------------------------------------------- compose file


def test_every_container_is_hardened() -> None:
    services = compose()["services"]
    assert set(services) == {"backend", "db", "redis"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"] and service["cpus"] and service["pids_limit"], name
        assert service["healthcheck"]["test"] and service["tmpfs"] and service["restart"], name
        assert service["logging"]["options"] == {"max-size": "10m", "max-file": "3"}, name
    assert services["db"]["user"] == "postgres" and services["redis"]["user"] == "redis"


def test_limits_fit_two_gigabytes_and_the_cores_that_there_are() -> None:
    memory = [service["mem_limit"] for service in compose()["services"].values()]
    assert memory == ["1g", "512m", "256m"]
    assert compose(engine={"NCPU": 1})["services"]["backend"]["cpus"] == 1


def test_a_kernel_without_processor_limits_gets_none() -> None:
    """Docker refuses to start a container that asks for one there."""
    assert "cpus" not in compose(engine={"CpuCfsQuota": False})["services"]["backend"]


def test_an_older_engine_gets_no_start_interval() -> None:
    check = compose(engine={"ServerVersion": "24.0.7"})["services"]["db"]["healthcheck"]
    assert "start_interval" not in check and check["interval"] == "3s"


def test_the_port_is_published_where_it_is_said_and_metrics_only_when_asked_for() -> None:
    def published(**given: Any) -> list[tuple[str, str, int]]:
        ports = compose(**given)["services"]["backend"]["ports"]
        return [(port["host_ip"], port["published"], port["target"]) for port in ports]

    behind = {"infisical_listen_address": "127.0.0.1", "infisical_listen_port": 8080}
    assert published(**behind) == [("127.0.0.1", "8080", 8080)]
    assert published(infisical_metrics=True)[1] == ("127.0.0.1", "9464", 9464)


def test_services_of_others_have_no_container_here() -> None:
    outside = compose(**OUTSIDE)
    assert set(outside["services"]) == {"backend"}
    assert "volumes" not in outside and "depends_on" not in outside["services"]["backend"]
    half = compose(infisical_db_uri=URI)
    assert set(half["services"]) == {"backend", "redis"} and set(half["volumes"]) == {"redis_data"}


def test_the_authority_of_redis_is_mounted_from_beside_the_compose_file_and_only_where_there_is_one(
    redis_ca: Path,
) -> None:
    backend = compose(**OUTSIDE, infisical_redis_ca_path=str(redis_ca))["services"]["backend"]
    (mount,) = backend["volumes"]
    assert (mount["source"], mount["read_only"]) == ("./redis-ca.pem", True)
    # Docker would make a directory of a file that is missing.
    assert mount["bind"] == {"create_host_path": False}
    assert backend["environment"]["NODE_EXTRA_CA_CERTS"] == mount["target"]
    without = compose(**OUTSIDE)["services"]["backend"]
    assert "volumes" not in without and "NODE_EXTRA_CA_CERTS" not in without["environment"]


def test_backups_take_along_all_that_the_compose_file_is_made_of(redis_ca: Path) -> None:
    """A compose file starts nothing without what it mounts, and a drill is held with what is in the archive alone."""
    services = compose(**OUTSIDE, infisical_redis_ca_path=str(redis_ca))["services"].values()
    mounted = {mount["source"].removeprefix("./") for service in services for mount in service["volumes"]}
    taken = Role("infisical_backup", {}).value("infisical_backup_files")
    assert mounted | {".env", "docker-compose.yml"} <= set(taken)


def test_another_authority_of_redis_makes_another_container_and_its_file_is_looked_at(redis_ca: Path) -> None:
    given: dict[str, Any] = {**OUTSIDE, "infisical_redis_ca_path": str(redis_ca)}
    path = "/opt/infisical/redis-ca.pem"
    right = "__infisical_redis_ca_is_right"
    before = role(**given).value("__infisical_applied")
    laid_down = {name: value for name, value in kept(f"{redis_ca.read_text()}\n").items() if name != "content"}
    files = {path: {**laid_down, "mode": "0644"}}
    assert role(**given, files=files).value(right) is True
    assert path in role(**given).value("__infisical_differences")
    # One that is left over is taken away.
    left: dict[str, Any] = {**OUTSIDE, "files": files}
    assert path in role(**left).value("__infisical_differences") and role().value(right) is True
    redis_ca.write_text("-----BEGIN CERTIFICATE-----\nrenewed\n")
    assert role(**given).value("__infisical_applied") != before
    assert role(**given, files=files).value(right) is False


def test_images_can_have_a_digest_and_come_from_a_mirror_or_from_nowhere() -> None:
    services = compose(
        infisical_image_digest=DIGEST,
        infisical_postgres_image=f"postgres:16-alpine@{DIGEST}",
        infisical_registry="registry.home.example/mirror",
        infisical_image_pull="never",
    )["services"]
    assert services["backend"]["image"] == f"registry.home.example/mirror/infisical/infisical:v0.165.16@{DIGEST}"
    assert services["db"]["image"] == f"registry.home.example/mirror/postgres:16-alpine@{DIGEST}"
    assert {service["pull_policy"] for service in services.values()} == {"never"}
    assert compose(infisical_image_archive="/tmp/images.tar")["services"]["db"]["pull_policy"] == "never"  # noqa: S108


def test_images_that_the_host_has_are_known_by_tag_or_digest() -> None:
    given = {
        "infisical_image_pull": "never",
        "infisical_image_digest": DIGEST,
        "infisical_postgres_image": "docker.io/library/postgres:16-alpine",
    }
    listed = f"infisical/infisical:<none> infisical/infisical@{DIGEST}\npostgres:16-alpine postgres@sha256:0"
    said = refused(**given, says={"images": listed})
    assert "lacks redis:7-alpine, and infisical_image_pull" in said


def test_the_mark_of_what_runs_changes_with_env_and_with_the_compose_file() -> None:
    mark = "__infisical_applied"
    marks = {
        role().value(mark),
        role(__infisical_env={"checksum": "another"}).value(mark),
        role(infisical_pids_limit=100).value(mark),
    }
    assert len(marks) == 3
    assert role().value(mark) in marks


def test_only_healthy_containers_of_this_very_stack_are_left_alone() -> None:
    mark = role().value("__infisical_applied")

    def runs(*lines: str) -> bool:
        return bool(role(says={"containers": "\n".join(lines)}).value("__infisical_runs_as_written"))

    db, redis = "db Up 3 minutes (healthy) ", "redis Up 3 minutes (healthy) "
    backend = f"backend Up 3 minutes (healthy) {mark}"
    assert runs(backend, db, redis)
    assert not runs(backend, db)
    assert not runs(backend.replace(mark, "older"), db, redis)
    assert not runs(backend, db, redis.replace("healthy", "unhealthy"))
    assert not runs(backend, db, redis, "old Up 3 minutes (healthy) ")
    assert not runs()


def test_what_stands_on_the_host_as_it_should_is_left_alone_and_else_it_is_named() -> None:
    def right(**given: Any) -> list[bool]:
        host = role(**given)
        names = ("__infisical_directory_is_right", "__infisical_env_is_right", "__infisical_compose_is_right")
        return [host.value(name) for name in names]

    directory = {"type": "directory", "mode": "0700", "owner": "root", "group": "root"}
    files: dict[str, Any] = {"/opt/infisical": directory, ENV: kept(role(KEPT).rendered("env.j2"))}
    text = role(files=files).rendered("docker-compose.yml.j2")
    compose_file = {name: value for name, value in kept(text).items() if name != "content"}
    files[COMPOSE] = {**compose_file, "mode": "0644"}
    assert right(files=files) == [True, True, True]
    assert right() == [False, False, False]
    # A setting of the server alone makes another .env, by which the compose file marks its containers.
    assert right(files=files, infisical_site_url="https://other.example") == [True, False, True]
    for path, position in (("/opt/infisical", 0), (ENV, 1), (COMPOSE, 2)):
        opened = {**files, path: {**files[path], "mode": "0755"}}
        assert right(files=opened)[position] is False, path
    mark = role(files=files).value("__infisical_applied")
    says = {"containers": "\n".join(f"{name} Up 3 minutes (healthy) {mark}" for name in ("backend", "db", "redis"))}
    assert role(files=files, says=says).value("__infisical_is_as_wanted") is True
    assert role(files=files).value("__infisical_is_as_wanted") is False
    assert role(files=files).value("__infisical_differences") == ["the containers"]
    assert role().value("__infisical_differences") == ["/opt/infisical", ENV, COMPOSE, "the containers"]


def test_keys_are_held_against_the_database_before_any_restart_and_only_then() -> None:
    env_file = {ENV: kept(role(KEPT).rendered("env.j2"))}
    mark = role(files=env_file).value("__infisical_applied")
    healthy = "\n".join(f"{name} Up 3 minutes (healthy) {mark}" for name in ("backend", "db", "redis"))
    given: dict[str, Any] = {"files": env_file, "says": {"containers": healthy}}
    assert role(**given).value("__infisical_restarts") is False
    assert role(**given, infisical_site_url="https://other.example").value("__infisical_restarts") is True
    assert role(**given, infisical_pids_limit=100).value("__infisical_restarts") is True
    assert role().value("__infisical_restarts") is False


def test_a_message_proves_new_mail_settings_alone() -> None:
    given: dict[str, Any] = {
        "infisical_smtp_host": "mail.home.example",
        "infisical_smtp_from_address": "infisical@home.example",
        "infisical_smtp_test_recipient": "me@home.example",
    }
    assert role(**given).value("__infisical_smtp_unproven") is True
    written = env(**given)
    assert role(written, **given).value("__infisical_smtp_unproven") is False
    assert role(written, **given, infisical_smtp_port=465).value("__infisical_smtp_unproven") is True
    assert role(written, **{**given, "infisical_smtp_test_recipient": ""}).value("__infisical_smtp_unproven") is False


def test_passwords_inside_addresses_are_masked_like_all_others() -> None:
    text = "at postgres://infisical:canary-pass%40word@db as canary-pass@word with auth-secret-of-the-first-run"
    host = role({**KEPT, "DB_CONNECTION_URI": URI}, text=text)
    shown = host.value("text | omakase.homelab.mask(__infisical_secret_values)")
    assert "canary" not in shown and "first-run" not in shown
