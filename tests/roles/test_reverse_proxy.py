# SPDX-License-Identifier: GPL-3.0-or-later
"""The role reverse_proxy on a real machine, with two small backends on it: the tests build on each other."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.shell import wait_for
from tests.roles.machine import Machine
from tests.roles.playbook import ROOT, Run, play, refused, succeeded
from tests.support.certificates import Authority

pytestmark = pytest.mark.lab
ADDRESS = "198.18.0.130"
SITE = "infisical.home.example"
CONFIGURATION = "/etc/haproxy/haproxy.cfg"
# Names itself and what it was asked with, sets a cookie, redirects from /old to /new, and gives a web socket's first
# frame back; /tmp/NAME.sick makes it unwell.
BACKEND = """
import base64, hashlib, json, pathlib, socket, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        sick = self.path == "/api/status" and pathlib.Path(f"/tmp/{sys.argv[1]}.sick").exists()
        if self.headers.get("Upgrade") == "websocket":
            return self.echo(self.headers["Sec-WebSocket-Key"])
        body = json.dumps({"name": sys.argv[1], "headers": dict(self.headers)}).encode()
        self.send_response(503 if sick else 302 if self.path == "/old" else 200)
        scheme, host = self.headers.get("X-Forwarded-Proto"), self.headers.get("X-Forwarded-Host")
        secure = "; Secure" if scheme == "https" else ""
        self.send_header("Set-Cookie", f"jid=1; Path=/; HttpOnly; SameSite=Strict{secure}")
        if self.path == "/old":
            self.send_header("Location", f"{scheme}://{host}/new")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Frame-Options", "ALLOWALL")
        self.end_headers()
        self.wfile.write(body)

    def echo(self, key):
        proof = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(proof).decode())
        self.end_headers()
        kind, length, *mask = self.rfile.read(6)
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(self.rfile.read(length & 127)))
        self.wfile.write(bytes([kind, len(text)]) + text)
        self.close_connection = True

class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET

Server((sys.argv[2].strip("[]"), int(sys.argv[3])), Backend).serve_forever()
"""
PEBBLE = "pebble.home.example"
TRUSTED = "/usr/local/share/ca-certificates/pebble.crt"
BACKENDS = [{"name": "one", "address": "127.0.0.1:8081"}, {"name": "two", "address": "[::1]:8082"}]

Role = Callable[..., Run]


@dataclass(frozen=True)
class Answer:
    """What a client gets: status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(*options: str, path: str = "/", scheme: str = "https", host: str = SITE) -> Answer:
    """Ask the proxy as a client elsewhere in the network does."""
    ports = [word for port in (80, 443) for word in ("--resolve", f"{host}:{port}:{ADDRESS}")]
    command = ["curl", "-sS", "-i", "--noproxy", "*", "--max-time", "10", *ports, *options, f"{scheme}://{host}{path}"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    head, _, body = ran.stdout.replace("\r", "").partition("\n\n")
    status, *lines = head.splitlines()
    return Answer(int(status.split()[1]), {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}, body)


def told(body: str) -> dict[str, str]:
    """What a backend was told, by lower-case name of the header."""
    return {name.lower(): value for name, value in json.loads(body)["headers"].items()}


def served(authority: Path | str) -> Counter[str]:
    """Which backends answer twelve requests."""
    return Counter(ask("--cacert", str(authority)).json["name"] for _ in range(12))


def tls(*options: str) -> str:
    """What openssl says of a connection."""
    command = ["openssl", "s_client", "-connect", f"{ADDRESS}:443", "-servername", SITE, *options]
    ran = subprocess.run(command, input="", capture_output=True, text=True, timeout=10, check=False)
    return ran.stdout + ran.stderr


def web_socket(authority: Path | str) -> tuple[str, bytes]:
    """The example of RFC 6455 as a browser lives it: the answer's head, and the frame that comes back for `Hello`."""
    trusting = ssl.create_default_context(cafile=str(authority))
    with (
        socket.create_connection((ADDRESS, 443), timeout=10) as wire,
        trusting.wrap_socket(wire, server_hostname=SITE) as connection,
        connection.makefile("rb") as answers,
    ):
        asked = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        asked += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        connection.sendall("\r\n".join(["GET /api/socket HTTP/1.1", f"Host: {SITE}", *asked, "", ""]).encode())
        head = b"".join(iter(answers.readline, b"\r\n")).decode()
        connection.sendall(bytes.fromhex("8185 37fa213d 7f9f4d5158"))
        return head, answers.read(7)


def start(machine: Machine, name: str, address: str) -> None:
    """Start a backend."""
    host, _, port = address.rpartition(":")
    command = "systemd-run --quiet --collect --unit=%s python3 -c %s %s %s %s"
    machine.host.check_output(command, name, BACKEND, name, host, port)


def admin(machine: Machine, command: str) -> str:
    """What HAProxy answers at its socket."""
    script = "import socket as s, sys; c = s.socket(s.AF_UNIX); c.connect('/run/haproxy/admin.sock')"
    asked = f"{script}; c.send(sys.argv[1].encode() + b'\\n'); print(c.makefile().read())"
    return str(machine.host.check_output("python3 -c %s %s", asked, command))


def state(machine: Machine, backend: str) -> str:
    """What HAProxy thinks of a backend: UP, DOWN, DRAIN."""
    row = next(line for line in admin(machine, "show stat").splitlines() if line.startswith(f"infisical,{backend},"))
    return row.split(",")[17]


def pebble(machine: Machine, authority: Authority) -> None:
    """Start Let's Encrypt's own server for tests on the machine, which asks at the machine's port 80."""
    host = machine.host
    host.check_output("DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends pebble >/dev/null")
    host.check_output(f"echo '127.0.0.1 {PEBBLE} {SITE} vault.home.example' >> /etc/hosts")
    certificate, key = authority.issue(PEBBLE)
    settings = {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/root/pebble/certificate.pem",
        "privateKey": "/root/pebble/key.pem",
        "httpPort": 80,
        "tlsPort": 443,
    }
    files = {
        TRUSTED: authority.certificate.read_text(),
        settings["certificate"]: certificate.read_text(),
        settings["privateKey"]: key.read_text(),
        "/root/pebble/pebble.json": json.dumps({"pebble": settings}),
    }
    host.check_output("mkdir -p /root/pebble")
    for path, text in files.items():
        host.check_output("printf %%s %s > %s", text, path)
    host.check_output("update-ca-certificates")
    # By itself it refuses one nonce in twenty, to try its clients, and certbot gives up when that happens to it twice.
    ours = "--setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0"
    host.check_output(f"systemd-run --quiet {ours} pebble -config /root/pebble/pebble.json")
    assert wait_for(lambda: host.run(f"curl -sSf --max-time 2 https://{PEBBLE}:14000/dir").rc == 0, 30)


def serial() -> str:
    """The serial number of the certificate that the proxy shows."""
    shown = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", tls(), re.S)
    assert shown
    return subprocess.run(
        ["openssl", "x509", "-noout", "-serial"], input=shown[0], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the authority's certificate is copied to."""
    return tmp_path_factory.mktemp("fetched") / "authority.pem"


def wanted(fetched: Path, backends: Any = BACKENDS, **changes: Any) -> dict[str, Any]:
    """Variables for one site with two backends and an authority of its own."""
    site = {"name": "infisical", "hostnames": [SITE], "backends": backends, "health_path": "/api/status"}
    return {
        "reverse_proxy_sites": [{**site, **changes.pop("site", {})}],
        "reverse_proxy_authority_domains": ["home.example"],
        "reverse_proxy_authority_fetch_to": str(fetched),
        **changes,
    }


@pytest.fixture
def role(machine: Machine, tmp_path: Path, fetched: Path) -> Role:
    """Runs the role."""
    return lambda *arguments, **changes: machine.role(tmp_path, "reverse_proxy", wanted(fetched, **changes), *arguments)


@pytest.fixture
def playbook(machine: Machine, tmp_path: Path, fetched: Path) -> Role:
    """Runs playbooks/proxy.yml for the proxy and for an Omakase host, which are one machine here."""
    groups = "".join(f"{group}: {{children: {{machines: {{}}}}}}\n" for group in ("proxy", "omakase"))
    imported = {"ansible.builtin.import_playbook": str(ROOT / "playbooks/proxy.yml")}
    return lambda *arguments, **changes: play(
        tmp_path, machine.inventory + groups, imported, *arguments, variables=wanted(fetched, **changes)
    )


def test_all_that_cannot_work_is_said_at_once_and_nothing_installed(role: Role, machine: Machine) -> None:
    machine.host.check_output("systemd-run --quiet --unit=other python3 -m http.server 80")
    text = refused(
        role(
            backends=[{"name": "one", "address": "http://127.0.0.1"}],
            reverse_proxy_certificates="acme",
            reverse_proxy_trusted_proxies=["the router"],
            reverse_proxy_response_headers={"X-Note": 'a "quoted" word'},
        )
    )
    assert "the backend one has the address http://127.0.0.1" in text
    assert "python3 on reverse-proxy already listens at port 80 or 443" in text
    assert "reverse_proxy_acme_terms_agreed" in text and "not the router" in text and "no quotes" in text
    assert not machine.host.exists("haproxy")
    machine.host.check_output("systemctl stop other")


def test_a_plan_on_a_fresh_machine_succeeds_and_changes_nothing(playbook: Role, machine: Machine) -> None:
    run = succeeded(playbook("--check", "--diff"))
    assert "Would install haproxy, python3-cryptography" in run.text
    assert "Would sign a certificate for infisical" in run.text
    assert not machine.host.file("/etc/reverse_proxy").exists and not machine.host.exists("haproxy")


def test_haproxy_serves_the_site_with_a_certificate_of_an_authority_of_its_own(
    playbook: Role, machine: Machine, fetched: Path
) -> None:
    host = machine.host
    for backend in BACKENDS:
        start(machine, **backend)
    succeeded(playbook())
    answer = ask("--cacert", str(fetched))
    assert (answer.status, answer.json["name"] in ("one", "two")) == (200, True)
    assert set(served(fetched)) == {"one", "two"}
    for key in ("/etc/reverse_proxy/internal/infisical.pem.key", "/etc/reverse_proxy/authority/authority.pem.key"):
        assert (host.file(key).user, host.file(key).mode) == ("root", 0o600)
    assert host.file("/etc/reverse_proxy").mode == 0o700
    assert host.service("haproxy").is_enabled


def test_the_hosts_of_the_site_trust_that_authority(machine: Machine) -> None:
    machine.host.check_output(f"curl -sSf --resolve {SITE}:443:127.0.0.1 https://{SITE}/")


def test_plain_http_is_redirected_and_browsers_are_told_to_come_by_https(fetched: Path) -> None:
    answer = ask(path="/login?next=1", scheme="http")
    assert (answer.status, answer.headers["location"]) == (308, f"https://{SITE}/login?next=1")
    headers = ask("--cacert", str(fetched)).headers
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "SAMEORIGIN")


def test_a_client_cannot_pretend_to_be_another_one(fetched: Path) -> None:
    lies = ["-H", "X-Forwarded-For: 10.9.9.9", "-H", "X-Real-IP: 10.9.9.9", "-H", "X-Forwarded-Proto: http"]
    headers = told(ask("--cacert", str(fetched), *lies).body)
    assert (headers["x-forwarded-for"], headers["x-real-ip"]) == ("198.18.0.1", "198.18.0.1")
    assert (headers["x-forwarded-proto"], headers["x-forwarded-host"], headers["host"]) == ("https", SITE, SITE)


def test_a_cookie_of_the_site_arrives_for_https_alone_and_its_redirect_leads_there(fetched: Path) -> None:
    answer = ask("--cacert", str(fetched), path="/old")
    assert answer.headers["set-cookie"] == "jid=1; Path=/; HttpOnly; SameSite=Strict; Secure"
    assert (answer.status, answer.headers["location"]) == (302, f"https://{SITE}/new")


def test_a_web_socket_goes_through_in_both_directions(fetched: Path) -> None:
    head, frame = web_socket(fetched)
    assert head.startswith("HTTP/1.1 101") and "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert frame == b"\x81\x05Hello"


def test_old_tls_and_unknown_names_are_refused(fetched: Path) -> None:
    for version in ("-tls1", "-tls1_1"):
        assert "alert protocol version" in tls(version, "-cipher", "DEFAULT@SECLEVEL=0")
    # Without forward secrecy, and with CBC
    for weak in ("AES256-GCM-SHA384:AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:AES128-SHA"):
        assert "alert handshake failure" in tls("-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0")
    assert "Protocol  : TLSv1.2" in tls("-tls1_2") and "New, TLSv1.3" in tls("-tls1_3")
    assert ask("--insecure", host="other.home.example").status == 421


# Further settings of a run that tries something else, too.
STRICTER = {
    "reverse_proxy_addresses": ["0.0.0.0", "::"],  # noqa: S104
    "reverse_proxy_hsts_seconds": 0,
    "reverse_proxy_tls_minimum": "1.3",
    "reverse_proxy_trusted_proxies": ["198.18.0.1/32"],
}


def assert_stricter(machine: Machine, authority: Path | str) -> None:
    """What these settings make of the proxy, for a site that is also asked for by the address ::1."""
    answer = ask("--cacert", str(authority), "-H", "X-Forwarded-For: 10.9.9.9, 10.8.8.8")
    headers = told(answer.body)
    assert (headers["x-forwarded-for"], headers["x-real-ip"]) == ("10.8.8.8", "10.8.8.8")
    assert "strict-transport-security" not in answer.headers
    assert "alert protocol version" in tls("-tls1_2") and "New, TLSv1.3" in tls("-tls1_3")
    assert told(machine.host.check_output("curl -sSf --insecure https://[::1]/"))["host"] == "[::1]"
    assert "https://[::1]/x" in machine.host.check_output("curl -sS -o /dev/null -w %{redirect_url} http://[::1]/x")


def test_what_a_killed_run_has_laid_down_is_loaded_and_trusted_by_the_next_one(
    playbook: Role, machine: Machine, fetched: Path
) -> None:
    trusted = "/usr/local/share/ca-certificates/reverse-proxy.crt"
    machine.host.check_output(
        f"mv {trusted} /root/ && update-ca-certificates --fresh && mv /root/reverse-proxy.crt {trusted}"
    )

    def remembered() -> str:
        return ask("--cacert", str(fetched)).headers["strict-transport-security"]

    # The proxy runs with something else than what is there. A reload has not read its file yet when it returns.
    machine.host.check_output(
        f"cp {CONFIGURATION} /root/right && sed -i s/max-age=31536000/max-age=1/ {CONFIGURATION} && "
        "systemctl reload haproxy"
    )
    assert wait_for(lambda: remembered() == "max-age=1", 20)
    machine.host.check_output(f"cp /root/right {CONFIGURATION}")
    succeeded(playbook())
    test_the_hosts_of_the_site_trust_that_authority(machine)
    assert wait_for(lambda: remembered() == "max-age=31536000", 20)


def test_a_second_run_changes_nothing(playbook: Role) -> None:
    assert succeeded(playbook()).changed == 0


def test_a_backend_that_is_not_well_gets_no_requests(machine: Machine, fetched: Path) -> None:
    machine.host.check_output("touch /tmp/one.sick")
    assert wait_for(lambda: state(machine, "one") == "DOWN", 20)
    assert served(fetched) == {"two": 12}
    machine.host.check_output("rm /tmp/one.sick")
    assert wait_for(lambda: state(machine, "one") == "UP", 20)
    assert set(served(fetched)) == {"one", "two"}


def test_a_backend_is_drained_by_a_task_for_a_while_or_by_its_variable(
    role: Role, machine: Machine, tmp_path: Path, fetched: Path
) -> None:
    how = {"socket": "/run/haproxy/admin.sock", "backend": "infisical", "host": "two", "wait": True, "wait_interval": 1}
    task = {"name": "Drain two", "community.general.haproxy": {**how, "state": "drain"}}
    succeeded(machine.play(tmp_path, {"gather_facts": False, "tasks": [task]}, {}))
    assert served(fetched) == {"one": 12}
    admin(machine, "set server infisical/two state ready")
    assert wait_for(lambda: set(served(fetched)) == {"one", "two"}, 20)
    both = {"hostnames": [SITE, "::1"]}
    succeeded(role(backends=[{**BACKENDS[0], "drain": True}, BACKENDS[1]], site=both, **STRICTER))
    assert served(fetched) == {"two": 12}
    assert_stricter(machine, fetched)


def test_a_certificate_that_ends_soon_is_renewed_with_the_key_and_the_authority_that_were_there(
    role: Role, machine: Machine, fetched: Path
) -> None:
    before, authority = serial(), fetched.read_text()
    key = machine.host.file("/etc/reverse_proxy/internal/infisical.pem.key").sha256sum
    succeeded(role(reverse_proxy_renew_days=398))
    assert serial() != before
    assert machine.host.file("/etc/reverse_proxy/internal/infisical.pem.key").sha256sum == key
    assert fetched.read_text() == authority
    # Nor is anything drained any more.
    assert set(served(fetched)) == {"one", "two"}


def test_a_configuration_that_the_program_refuses_never_replaces_the_old_one(
    role: Role, machine: Machine, fetched: Path
) -> None:
    before = machine.host.file(CONFIGURATION).content
    assert "failed to validate" in refused(role(backends=[BACKENDS[0], BACKENDS[0]]))
    assert machine.host.file(CONFIGURATION).content == before
    assert ask("--cacert", str(fetched)).status == 200


def test_somebody_else_s_configuration_is_replaced_when_asked_and_kept(role: Role, machine: Machine) -> None:
    machine.host.check_output(f"sed -i '/omakase/d' {CONFIGURATION}")
    succeeded(role(reverse_proxy_take_over=True))
    assert machine.host.check_output(f"ls {CONFIGURATION}.*~")


def test_a_site_whose_backends_are_all_unwell_is_named(role: Role, machine: Machine) -> None:
    machine.host.check_output("touch /tmp/one.sick /tmp/two.sick")
    assert "infisical on reverse-proxy cannot be had through haproxy" in refused(role())
    machine.host.check_output("rm /tmp/one.sick /tmp/two.sick")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs certificates that are given as files, and that of the ACME server."""
    return Authority(tmp_path_factory.mktemp("authority"))


def test_nginx_does_the_same_with_certificates_from_files(role: Role, machine: Machine, authority: Authority) -> None:
    certificate, key = authority.issue(SITE)
    wrong, _ = authority.issue("wrong.example")
    files = {"certificate": str(certificate), "private_key": str(key)}
    given = {"reverse_proxy_kind": "nginx", "reverse_proxy_certificates": "files", "reverse_proxy_renew_days": 0}
    text = refused(role(**given, site={**files, "certificate": str(wrong)}))
    assert "haproxy on reverse-proxy already listens" in text and f"wrong.example.pem is not for {SITE}" in text
    machine.host.check_output("systemctl disable --quiet --now haproxy")
    run = succeeded(role("--diff", "-v", **given, site=files))
    assert "PRIVATE KEY" not in run.output
    assert succeeded(role(**given, site=files)).changed == 0
    trust = authority.certificate
    test_plain_http_is_redirected_and_browsers_are_told_to_come_by_https(trust)
    test_a_client_cannot_pretend_to_be_another_one(trust)
    test_a_cookie_of_the_site_arrives_for_https_alone_and_its_redirect_leads_there(trust)
    test_a_web_socket_goes_through_in_both_directions(trust)
    test_old_tls_and_unknown_names_are_refused(trust)
    assert set(served(trust)) == {"one", "two"}
    machine.host.check_output("systemctl stop one")
    assert served(trust) == {"two": 12}
    start(machine, **BACKENDS[0])
    before = machine.host.file("/etc/nginx/nginx.conf").content
    assert "failed to validate" in refused(role(**given, site=files, reverse_proxy_trusted_proxies=["10.0.0.0/99"]))
    assert machine.host.file("/etc/nginx/nginx.conf").content == before
    certificate, key = authority.issue(SITE, also="::1")
    both = {"certificate": str(certificate), "private_key": str(key), "hostnames": [SITE, "::1"]}
    succeeded(role(**given, **STRICTER, site=both, backends=[BACKENDS[0], {**BACKENDS[1], "drain": True}]))
    assert served(trust) == {"one": 12}
    assert_stricter(machine, trust)


def test_acme_gives_a_certificate_through_the_proxy_and_its_renewal_is_served_at_once(
    role: Role, machine: Machine, authority: Authority
) -> None:
    pebble(machine, authority)
    acme = {
        "reverse_proxy_kind": "nginx",
        "reverse_proxy_certificates": "acme",
        "reverse_proxy_acme_url": f"https://{PEBBLE}:14000/dir",
        "reverse_proxy_acme_terms_agreed": True,
    }
    succeeded(role(**acme))
    assert succeeded(role(**acme)).changed == 0
    machine.host.check_output(f"curl -sS --cacert {TRUSTED} https://{PEBBLE}:15000/roots/0 > /root/pebble.pem")
    root = Path(authority.directory / "pebble.pem")
    root.write_text(machine.host.file("/root/pebble.pem").content_string)
    assert ask("--cacert", str(root)).status == 200
    before = serial()
    assert machine.host.service("certbot.timer").is_running
    machine.host.check_output("certbot renew --quiet --force-renewal --no-random-sleep-on-renew")
    assert wait_for(lambda: serial() != before, 60)
    assert ask("--cacert", str(root)).status == 200
    more = {"hostnames": [SITE, "vault.home.example"]}
    succeeded(role(**acme, site=more))
    assert ask("--cacert", str(root), host="vault.home.example").status == 200
