# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup in an execution environment: an image with Ansible and the collection. Navigator runs it as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.integration.conftest import ROOT, Vault
from tests.support.others import programs

pytestmark = [pytest.mark.lab, pytest.mark.soak]
IMAGE = "omakase-test-execution-environment"
PYTHON = "3.13"  # of the base image
# As ansible-builder makes them: Ansible and the runner in the image, and whoever runs it, of group 0, is given a name.
CONTAINERFILE = """
FROM omakase-molecule/debian:13-systemd
COPY wheels /wheels
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv \\
 && python3 -m venv /opt/ansible \\
 && /opt/ansible/bin/pip install --quiet --no-index --find-links /wheels ansible-core ansible-runner
ENV PATH=/opt/ansible/bin:/usr/bin:/bin
COPY collection /collection
RUN ansible-galaxy collection install --offline --no-deps -p /usr/share/ansible/collections /collection/* \\
 && mkdir -p /home/runner /runner && chmod g=u /etc/passwd /home/runner /runner
ENV HOME=/home/runner
ENTRYPOINT ["sh", "-c", "echo runner:x:$(id -u):0::$HOME:/bin/sh >> /etc/passwd && exec \\"$@\\"", "--"]
"""
_TASK = {"ansible.builtin.assert": {"that": "lookup('omakase.homelab.infisical', 'A', 'B') == 'one,two'"}}
PLAY = yaml.safe_dump([{"hosts": "all", "gather_facts": False, "connection": "local", "tasks": [_TASK, _TASK]}])


@dataclass(frozen=True)
class Environment:
    """An image in an engine."""

    engine: str

    def docker(self, *words: str) -> str:
        return run("docker", "--host", self.engine, *words)


@pytest.fixture(scope="module")
def environment(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """With Ansible and this collection's artifact."""
    made = Environment(engine)
    context = tmp_path_factory.mktemp("image")
    programs = Path(sys.executable).parent
    (context / "Containerfile").write_text(CONTAINERFILE)
    wheels = ["--only-binary=:all:", f"--python-version={PYTHON}", f"--dest={context}/wheels"]
    run(f"{programs}/pip", "download", "--quiet", *wheels, "ansible-core~=2.19.0", "ansible-runner==2.4.3")
    run(f"{programs}/ansible-galaxy", "collection", "build", f"--output-path={context}/collection", str(ROOT))
    made.docker("build", "--quiet", f"--tag={IMAGE}", f"--file={context}/Containerfile", str(context))
    yield made
    made.docker("rmi", "--force", IMAGE)


def test_a_run_in_an_execution_environment_logs_in_once_and_lists_once(
    vault: Vault, environment: Environment, tmp_path: Path
) -> None:
    vault.put(A="one", B="two")
    files = {
        "project/play.yml": PLAY,
        "inventory/hosts": "h1\nh2\nh3\nh4\n",
        "env/extravars": json.dumps(vault.variables),
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(mode=0o775, exist_ok=True)
        path.write_text(content)
    tmp_path.chmod(0o775)
    run_as = ["--user=1234:0", "--network=host", f"--volume={tmp_path}:/runner"]
    command = ["ansible-runner", "run", "/runner", "--playbook", "play.yml"]
    output = environment.docker("run", "--rm", *run_as, IMAGE, *command)
    assert output.count("failed=0") == 4, output
    assert vault.proxy.reads == (1, 1)
    assert "server again for each task" not in output


def test_navigator_runs_a_playbook_in_it(vault: Vault, environment: Environment, tmp_path: Path) -> None:
    vault.put(A="one", B="two")
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "variables.json").write_text(json.dumps(vault.variables))
    where = {"HOME": str(tmp_path), "DOCKER_HOST": environment.engine, "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    image = ["--container-engine=docker", f"--execution-environment-image={IMAGE}", "--pull-policy=never"]
    # The server is on this machine.
    options = [*image, "--container-options=--network=host", "--mode=stdout", "--playbook-artifact-enable=false"]
    command = ["run", "play.yml", "-i", "h1,h2,", "-e", "@variables.json", *options]
    output = run(str(programs() / "ansible-navigator"), *command, folder=tmp_path, environ=where)
    assert output.count("failed=0") == 2, output
    assert vault.proxy.reads == (1, 1)


def run(*command: str, folder: Path | None = None, environ: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
