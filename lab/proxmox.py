# SPDX-License-Identifier: GPL-3.0-or-later
"""The practice Proxmox's process, its credentials and certificates, and a small client for the lab's own use."""

from __future__ import annotations

import json
import secrets
import ssl
import urllib.parse
import uuid
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from lab import machines, settings
from lab.daemons import Daemon, module_command, source_version
from lab.shell import LabError, run, wait_for, write

CA = settings.PROXMOX / "ca.pem"
CERTIFICATE = settings.PROXMOX / "server.pem"
KEY = settings.PROXMOX / "server.key"
_CA_KEY = settings.PROXMOX / "ca.key"
_TOKEN_ID = "automation@pve!lab"  # noqa: S105 - a name, not a secret
_TASK_LIMIT = 120  # seconds
_VALIDITY = "825"  # days, the most that browsers accept

POOL = "homelab"
# The token of the README of the role proxmox_lxc: path → privileges
TOKEN_PRIVILEGES = {
    f"/pool/{POOL}": (
        "VM.Allocate",
        "VM.Audit",
        "VM.Config.CPU",
        "VM.Config.Disk",
        "VM.Config.Memory",
        "VM.Config.Network",
        "VM.Config.Options",
        "VM.PowerMgmt",
    ),
    "/storage/local-lvm": ("Datastore.AllocateSpace",),
    "/storage/local": ("Datastore.AllocateTemplate", "Datastore.Audit"),
    "/sdn/zones/localnetwork/vmbr0": ("SDN.Use",),
}


def password() -> str:
    """root@pam's password; made once."""
    return _secret("password", secrets.token_urlsafe(24))


def token() -> str:
    """The API token, `user@realm!name=uuid`; made once."""
    return _secret("token", f"{_TOKEN_ID}={uuid.UUID(bytes=secrets.token_bytes(16), version=4)}")


def _secret(name: str, fresh: str) -> str:
    path = settings.PROXMOX / name
    if not path.exists():
        write(path, fresh, mode=0o600)
    return path.read_text().strip()


def daemon() -> Daemon:
    """The API's process."""
    here = Path(__file__).parent
    parts = ("proxmox", "proxmox_api", "proxmox_config", "lxc", "machines", "template")
    sources = [here / f"{name}.py" for name in parts]
    return Daemon("proxmox", module_command("lab.proxmox_api"), is_ready, version=source_version(*sources))


def up() -> None:
    """Make credentials and certificates once, and run the API."""
    settings.PROXMOX.mkdir(parents=True, exist_ok=True)
    settings.PROXMOX.chmod(0o700)
    password(), token()
    _ensure_certificates()
    daemon().start()


def is_ready() -> bool:
    """True if the API answers under its certificate."""
    try:
        return _ask("GET", "/access/domains")[0] == HTTPStatus.OK
    except OSError:
        return False


def _ensure_certificates() -> None:
    """An authority of the lab's own, and a certificate by it for the API."""
    if CERTIFICATE.exists():
        return
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    authority = [
        "-addext=basicConstraints=critical,CA:TRUE,pathlen:0",
        "-addext=keyUsage=critical,keyCertSign,cRLSign",
    ]
    names = settings.PROXMOX / "names"
    names.write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        "subjectAltName=IP:127.0.0.1,DNS:localhost\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n"
    )
    request = settings.PROXMOX / "server.csr"
    draft = settings.PROXMOX / "server.draft"
    subject = f"/O={settings.PREFIX}/CN=Practice Proxmox authority"
    files = ["-keyout", str(_CA_KEY), "-out", str(CA)]
    run(["openssl", "req", "-x509", *curve, *authority, "-subj", subject, "-days", _VALIDITY, *files])
    files = ["-keyout", str(KEY), "-out", str(request)]
    run(["openssl", "req", *curve, "-subj", "/CN=localhost", *files])
    signing = ["-CA", str(CA), "-CAkey", str(_CA_KEY), "-CAcreateserial", "-days", _VALIDITY, "-extfile", str(names)]
    run(["openssl", "x509", "-req", "-in", str(request), *signing, "-out", str(draft)])
    for private in (_CA_KEY, KEY):
        private.chmod(0o600)
    draft.rename(CERTIFICATE)


def forget_host_keys(address: str) -> None:
    """The next container at this address has other keys."""
    if address:
        machines.forget(address)


# ------------------------------------------------------------------- client


def make_container(vmid: int, hostname: str, address: str) -> None:
    """A container that somebody else made: stopped, and nothing to do with any inventory."""
    client = _Client()
    client.fetch_template()
    net = f"name=eth0,bridge=vmbr0,ip={address}/{settings.PREFIX_LENGTH}" if address else ""
    values = {
        "vmid": str(vmid),
        "hostname": hostname,
        "ostemplate": f"local:vztmpl/{settings.TEMPLATE}",
        "storage": "local-lvm",
        **({"net0": net} if net else {}),
    }
    client.wait(client.call("POST", f"/nodes/{settings.NODE}/lxc", values))


def remove_container(vmid: int) -> None:
    """Stop and destroy a container."""
    client = _Client()
    client.wait(client.call("DELETE", f"/nodes/{settings.NODE}/lxc/{vmid}", {"force": "1", "purge": "1"}))


class _Client:
    """root@pam's session. Its errors are LabError with Proxmox's words."""

    def __init__(self) -> None:
        self._headers: dict[str, str] = {}
        session = self.call("POST", "/access/ticket", {"username": "root@pam", "password": password()})
        self._headers = {
            "Cookie": f"PVEAuthCookie={session['ticket']}",
            "CSRFPreventionToken": session["CSRFPreventionToken"],
        }

    def call(self, method: str, path: str, values: dict[str, str] | None = None) -> Any:
        query = urllib.parse.urlencode(values or {})
        in_path = query and method in ("GET", "DELETE")
        try:
            status, answer = _ask(
                method, f"{path}?{query}" if in_path else path, "" if in_path else query, self._headers
            )
        except OSError as problem:
            raise LabError(f"The practice Proxmox does not answer ({problem}): `python -m lab up`") from problem
        if status != HTTPStatus.OK:
            raise LabError(f"The practice Proxmox refused {method} {path} ({status}): {_reason(answer)}")
        return json.loads(answer)["data"]

    def wait(self, upid: str) -> None:
        path = f"/nodes/{settings.NODE}/tasks/{urllib.parse.quote(upid, safe='')}/status"
        if not wait_for(lambda: self.call("GET", path)["status"] == "stopped", _TASK_LIMIT):
            raise LabError(f"Proxmox's task {upid} does not end")
        status = self.call("GET", path)["exitstatus"]
        if status != "OK":
            raise LabError(f"Proxmox: {status}")

    def fetch_template(self) -> None:
        values = {"storage": "local", "template": settings.TEMPLATE}
        self.wait(self.call("POST", f"/nodes/{settings.NODE}/aplinfo", values))


def _reason(answer: str) -> str:
    """Proxmox's words in an answer that refuses."""
    try:
        told = json.loads(answer)
    except ValueError:
        return answer
    return " ".join(filter(None, (told.get("message", "").strip(), str(told.get("errors") or ""))))


def _ask(method: str, path: str, form: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and body of one request. Raises OSError."""
    context = ssl.create_default_context(cafile=str(CA))
    connection = HTTPSConnection("127.0.0.1", settings.PROXMOX_PORT, timeout=30, context=context)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request(method, f"/api2/json{path}", form or None, {**kind, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except HTTPException as problem:
        raise OSError(str(problem)) from problem
    finally:
        connection.close()
