# SPDX-License-Identifier: GPL-3.0-or-later
"""When playbooks/rotate.yml may revoke the older client secret: not before every host goes on with the new one."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.integration.conftest import ROOT, Ansible


@pytest.mark.parametrize(("host", "unproven"), [("b", ["b"]), ("none", [])])
def test_a_host_whose_services_stay_down_has_not_proven_it(ansible: Ansible, host: str, unproven: list[str]) -> None:
    """The playbook's own word of it, after a role that fails like the real one."""
    *_deployment, role, word = _plays()[2]["tasks"]
    assert role["ansible.builtin.import_role"]["tasks_from"] == "credentials"
    attempt = {
        "block": [{"ansible.builtin.fail": {"msg": "services"}, "when": f"inventory_hostname == '{host}'"}],
        "rescue": [{"ansible.builtin.fail": {"msg": "It went back."}}],
    }
    both = {"vars": {"__rotate_concerned": ["a", "b"]}}
    judge = {"ansible.builtin.assert": {"that": f"__rotate_unproven == {unproven}"}, **both}
    playbook = ansible.directory / "revoke.yml"
    variables = {"vars_files": [str(ROOT / "playbooks/vars/rotate.yml")], "gather_facts": False}
    plays: list[dict[str, Any]] = [
        {"hosts": "omakase", "tasks": [attempt, {**word, **both}], **variables},
        {"hosts": "infisical[0]", "tasks": [judge], **variables},
    ]
    playbook.write_text(yaml.safe_dump(plays))
    inventory = ansible.directory / "hosts"
    inventory.write_text("[omakase]\na\nb\n[infisical]\ns\n")
    process = ansible.run("ansible-playbook", "-i", str(inventory), str(playbook))
    output, _nothing = process.communicate(timeout=60)
    assert "All assertions passed" in output, output


def _plays() -> list[dict[str, Any]]:
    plays: list[dict[str, Any]] = yaml.safe_load((ROOT / "playbooks/rotate.yml").read_text())
    return plays
