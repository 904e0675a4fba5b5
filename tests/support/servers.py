# SPDX-License-Identifier: GPL-3.0-or-later
"""Real PostgreSQL and Redis servers and the Infisical stand-in, on free ports, for as long as a test needs them.

Standard library only. Debian's packages `postgresql` and `redis-server` must be there (`make` installs them), and the
running Python must have what the stand-in imports: uvicorn, psycopg, cryptography, redis.

    with infisical_server() as server:
        server.base_url        # http://127.0.0.1:40123
        server.bootstrap()     # the first administrator's account, with a token
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

REPOSITORY = Path(__file__).resolve().parents[2]
STAND_IN = REPOSITORY / "lab" / "stand_ins" / "infisical"
START_SECONDS = 30
STOP_SECONDS = 10


class NotInstalledError(RuntimeError):
    """A program that these tests need is not on this machine."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(name: str, *places: str) -> str:
    """The path of a program. Raises NotInstalledError, naming the way to get it."""
    found = shutil.which(name) or next((path for place in places for path in sorted(glob.glob(place))[-1:]), None)
    if found is None:
        raise NotInstalledError(
            f"{name} is missing: `python -m lab test-packages` installs it, or apt-get install postgresql redis-server"
        )
    return found


class Server:
    """A process of ours with its own directory: started, waited for, stopped, its log kept until then."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.directory = Path(tempfile.mkdtemp(prefix=f"omklab-test-{name}-"))
        self.log_file = self.directory / "log"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, command: list[str], *, user: str | None = None, environ: Mapping[str, str] | None = None) -> None:
        with self.log_file.open("ab") as log:
            self.process = _spawn(command, log, user, environ)

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Raises RuntimeError with the log's end when the process dies or START_SECONDS pass."""
        limit = time.monotonic() + START_SECONDS
        while not is_ready():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"{self.name} did not start:\n{self.log()[-2000:]}")
            time.sleep(0.02)

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def log(self) -> str:
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def halt(self, kind: int = signal.SIGTERM) -> None:
        """Stop the process and keep the directory."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(kind)
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.directory, ignore_errors=True)


def _spawn(
    command: list[str], log: IO[bytes], user: str | None, environ: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    # A test run that is killed takes its servers with it.
    tie = shutil.which("setpriv")
    command = [tie, "--pdeathsig", "KILL", *command] if tie else command
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, user=user, env=environ, cwd="/", close_fds=True
    )


class Postgres(Server):
    """PostgreSQL as the user `postgres` when we are root, which initdb refuses to be."""

    def __init__(self) -> None:
        super().__init__("postgres")
        self.password = secrets.token_hex(8)
        self.user = "postgres" if os.geteuid() == 0 else None
        self.data = self.directory / "data"

    @property
    def uri(self) -> str:
        return self.uri_of("infisical")

    def uri_of(self, database: str) -> str:
        return f"postgresql://infisical:{self.password}@127.0.0.1:{self.port}/{database}"

    def up(self) -> Postgres:
        self._initialise()
        self.run()
        self.create_database("infisical")
        return self

    def run(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            "fsync": "off",
            "max_connections": "200",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self.start([self.program("postgres"), "-D", str(self.data), *options], user=self.user)
        self.wait_until(self._is_ready)

    def create_database(self, name: str) -> str:
        """A new empty database; its URI."""
        self.sql(f'CREATE DATABASE "{name}"', database="postgres")
        return self.uri_of(name)

    def sql(self, statement: str, database: str = "infisical") -> str:
        """Run SQL as the superuser; the rows as text."""
        command = [self.program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement, self.uri_of(database)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def dump(self, database: str = "infisical") -> str:
        command = [self.program("pg_dump"), self.uri_of(database)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def halt(self, kind: int = signal.SIGINT) -> None:
        """In PostgreSQL's "fast" way: open sessions are ended."""
        super().halt(kind)

    def stop(self) -> None:
        self.halt(signal.SIGQUIT)  # "immediate": what it could still save is about to be removed
        super().stop()

    def _initialise(self) -> None:
        password_file = self.directory / "password"
        password_file.write_text(self.password)
        if self.user:
            for path in (self.directory, password_file):
                shutil.chown(path, self.user, self.user)
        command = [self.program("initdb"), "-D", str(self.data), "-U", "infisical", "--auth=scram-sha-256"]
        command += [f"--pwfile={password_file}", "--encoding=UTF8", "--no-locale", "--no-sync"]
        done = subprocess.run(command, user=self.user, capture_output=True, text=True, cwd="/")
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr}")

    def _is_ready(self) -> bool:
        command = [self.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command).returncode == 0

    @staticmethod
    def program(name: str) -> str:
        return program(name, f"/usr/lib/postgresql/*/bin/{name}")


class Redis(Server):
    """Redis with a password, nothing kept on disk."""

    def __init__(self) -> None:
        super().__init__("redis")
        self.password = secrets.token_hex(8)

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def up(self) -> Redis:
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.directory),
            "save": "",
            "appendonly": "no",
            "requirepass": self.password,
        }
        command = [program("redis-server")]
        command += [part for name, value in options.items() for part in (f"--{name}", value)]
        self.start(command)
        self.wait_until(self.answers)
        return self

    def flush(self) -> None:
        """Forget everything: counters of rate limits and lockouts."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(f"AUTH {self.password}\r\nFLUSHALL\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2:
                answer += connection.recv(64)
        if answer != b"+OK\r\n+OK\r\n":
            raise RuntimeError("redis refused to flush")


@dataclass
class Account:
    """The first administrator of an instance."""

    email: str
    password: str
    organization_id: str
    token: str


@dataclass
class Reply:
    """An answer: `body` is parsed JSON, or text where it is none."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Api:
    """The HTTP API of an Infisical, wherever it runs."""

    base_url: str

    def is_healthy(self) -> bool:
        try:
            return self.request("GET", "/api/status").status == 200
        except OSError:
            return False

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request with a JSON body; any status is an answer. `path` is already encoded."""
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base_url + path, content, method=method)  # noqa: S310
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            request.add_header(name, value)
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return _reply(answer.status, answer.read(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return _reply(error.code, error.read(), dict(error.headers))

    def bootstrap(self, organization: str = "homelab") -> Account:
        """Set the instance up as its first administrator, in either era."""
        email, password = "admin@homelab.example", secrets.token_urlsafe(12)
        body = {"email": email, "password": password, "organization": organization}
        reply = self.request("POST", "/api/v1/admin/bootstrap", body)
        if reply.status == 404:
            names = {"firstName": "Admin", "lastName": "User"}
            reply = self.request("POST", "/api/v1/admin/signup", {"email": email, "password": password, **names})
        if reply.status != 200:
            raise RuntimeError(f"bootstrap answered {reply.status}")
        return self.administrator(email, password, reply.body["organization"]["id"])

    def administrator(self, email: str, password: str, organization_id: str) -> Account:
        """Log in as the administrator that there is."""
        login = self.request("POST", "/api/v3/auth/login", {"email": email, "password": password}).body
        chosen = self.request(
            "POST", "/api/v3/auth/select-organization", {"organizationId": organization_id}, login["accessToken"]
        )
        return Account(email, password, organization_id, chosen.body["token"])

    def identity(self, account: Account, name: str, project_id: str, *roles: str) -> tuple[str, str]:
        """A machine identity with these roles in the project; its client id and client secret."""
        body = {"name": name, "organizationId": account.organization_id, "role": "no-access"}
        made = self.request("POST", "/api/v1/identities", body, account.token).body["identity"]["id"]
        method = f"/api/v1/auth/universal-auth/identities/{made}"
        client_id = self.request("POST", method, {}, account.token).body["identityUniversalAuth"]["clientId"]
        secret = self.request("POST", f"{method}/client-secrets", {}, account.token).body["clientSecret"]
        member = f"/api/v2/workspace/{project_id}/identity-memberships/{made}"
        self.request("POST", member, {"roles": [{"role": role} for role in roles]}, account.token)
        return client_id, secret

    def log_in(self, client_id: str, client_secret: str) -> str:
        """An access token of a machine identity."""
        body = {"clientId": client_id, "clientSecret": client_secret}
        reply = self.request("POST", "/api/v1/auth/universal-auth/login", body)
        if reply.status != 200:
            raise RuntimeError(f"login answered {reply.status}")
        return str(reply.body["accessToken"])


class Infisical(Server, Api):
    """The stand-in for the Infisical server."""

    def __init__(self, database_uri: str, redis_url: str, **environ: str) -> None:
        Server.__init__(self, "infisical")
        Api.__init__(self, f"http://127.0.0.1:{self.port}")
        self.environ = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(STAND_IN),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ENCRYPTION_KEY": secrets.token_hex(16),
            "AUTH_SECRET": secrets.token_urlsafe(32),
            "DB_CONNECTION_URI": database_uri,
            "REDIS_URL": redis_url,
            "SITE_URL": f"http://127.0.0.1:{self.port}",
            "PORT": str(self.port),
            **environ,
        }

    def up(self) -> Infisical:
        self.launch()
        self.wait_until(self.is_healthy)
        return self

    def launch(self) -> None:
        """Start without waiting, for tests of the start itself."""
        self.start([sys.executable, "-m", "infisical_stand_in"], environ=self.environ)

    def exit_status(self) -> int:
        """Wait for the process to end by itself."""
        assert self.process is not None
        return self.process.wait(START_SECONDS)


def _reply(status: int, content: bytes, headers: dict[str, str]) -> Reply:
    lower = {name.lower(): value for name, value in headers.items()}
    is_json = lower.get("content-type", "").startswith("application/json")
    return Reply(status, json.loads(content) if is_json else content.decode(errors="replace"), lower)


@contextlib.contextmanager
def running(server: Any) -> Iterator[Any]:
    """A server that is up inside the block and gone after it, also when it failed to start."""
    try:
        yield server.up()
    finally:
        server.stop()


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    with running(Postgres()) as server:
        yield server


@contextlib.contextmanager
def redis_server() -> Iterator[Redis]:
    with running(Redis()) as server:
        yield server


@contextlib.contextmanager
def infisical_server(
    postgres: Postgres | None = None, redis: Redis | None = None, **environ: str
) -> Iterator[Infisical]:
    """The stand-in, on these servers with a database of its own, or on servers of its own.

    `environ` are more variables for it: INFISICAL_STAND_IN_ERA="v3", INFISICAL_STAND_IN_RATE_LIMIT="40".
    """
    with contextlib.ExitStack() as stack:
        postgres = postgres or stack.enter_context(postgres_server())
        redis = redis or stack.enter_context(redis_server())
        uri = postgres.create_database(f"infisical_{secrets.token_hex(4)}")
        yield stack.enter_context(running(Infisical(uri, redis.url, **environ)))
