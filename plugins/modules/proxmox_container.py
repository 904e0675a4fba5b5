#!/usr/bin/python
# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module: containers of a Proxmox host, through its API."""

from __future__ import annotations

DOCUMENTATION = r"""
module: proxmox_container
short_description: Make LXC containers on Proxmox VE, and keep them as declared
version_added: 1.0.0
author: The omakase.homelab authors (@omakase-homelab)
description:
  - Creates, starts, stops and deletes containers through the Proxmox VE API.
  - Changes of an existing one only what differs.
  - Judges all containers before it changes anything, and says everything that is wrong at once.
  - A container of the same number with another hostname is somebody else's, and never touched, nor deleted.
  - Needs nothing but Python where it runs, and reaches the API over HTTPS.
options:
  api_host:
    description: Name or address of the Proxmox host, as its certificate has it.
    type: str
    required: true
  api_port:
    description: Port of the API.
    type: int
    default: 8006
  api_user:
    description: User with its realm.
    type: str
    default: root@pam
  api_password:
    description: Password of O(api_user). That of C(root@pam) is needed for the feature C(keyctl) and for bind mounts.
    type: str
  api_token_id:
    description: Name of an API token of O(api_user), or the whole identifier V(user@realm!name).
    type: str
  api_token_secret:
    description: Secret of the API token.
    type: str
  validate_certs:
    description: Whether the certificate must be valid.
    type: bool
    default: true
  ca_path:
    description: File with the certificate authority that signed the certificate of the API.
    type: path
  timeout:
    description: Seconds to wait for the answer to one request.
    type: int
    default: 30
  task_timeout:
    description: Seconds to wait for a task of Proxmox, such as the download of a template.
    type: int
    default: 600
  check_addresses:
    description: Whether to see if a static address already answers on the network before it is given to a container.
    type: bool
    default: true
  allow_restart:
    description: Whether a running container may be restarted where a change needs that.
    type: bool
    default: false
  shutdown_timeout:
    description:
      - Seconds that a running container gets to shut down where it is to be V(stopped) or V(absent).
      - One that is still running then is a failure for V(stopped), and switched off for V(absent).
    type: int
    default: 60
  ssh_port:
    description: Port at which to see whether the running containers answer by SSH. Nothing is waited for.
    type: int
  unreachable_hint:
    description: A sentence added to the error when the API does not answer.
    type: str
    default: ""
  containers:
    description: The containers. An option that is left out keeps the value it has in Proxmox.
    type: list
    elements: dict
    required: true
    suboptions:
      vmid:
        description: Number of the container.
        type: int
        required: true
      hostname:
        description: Its hostname, by which it is recognised as ours.
        type: str
        required: true
      state:
        description:
          - V(present) makes sure that it exists, V(started) also that it runs, V(stopped) that it does not run.
          - V(absent) deletes it together with its own volumes, running or not. Directories of the node that it mounts,
            and volumes that are not in its configuration, stay. Only O(containers[].vmid), O(containers[].hostname)
            and O(containers[].node) count then.
          - What is to be V(absent) goes first, so that another container of the list may have its vmid, hostname or
            address.
        type: str
        choices: [present, started, stopped, absent]
        default: started
      node:
        description: The node it belongs on.
        type: str
        required: true
      template:
        description:
          - The template to create it from; fetched if the storage does not have it. An exact file name,
            a family such as V(debian-13-standard), which stands for its newest,
            or an address (V(https://…/NAME.tar.xz)), which Proxmox fetches itself.
          - Needed only while the container does not exist.
        type: str
      template_storage:
        description: Storage for templates.
        type: str
        default: local
      template_checksum:
        description: What a template from an address has to match, such as V(sha256:…) or V(sha512:…).
        type: str
      storage:
        description: Storage for its disk. Needed while the container does not exist.
        type: str
      disk:
        description:
          - Size of its disk in GiB. A larger value grows the disk, a smaller one is refused.
          - Needed while the container does not exist.
        type: float
      mounts:
        description:
          - More volumes and directories. One is known by its path; those that are not listed stay as they are.
        type: list
        elements: dict
        suboptions:
          path:
            description: Where it is in the container.
            type: str
            required: true
          storage:
            description: Of a volume, the storage.
            type: str
          size:
            description: Of a volume, its size in GiB. A larger value grows it, a smaller one is refused.
            type: float
          source:
            description: Of a bind mount, the directory of the node. Takes C(root@pam) with its password.
            type: str
          read_only:
            description: Whether the container may only read it.
            type: bool
          backup:
            description: Whether backups of the container have it. A bind mount is in none.
            type: bool
          state:
            description:
              - V(absent) takes it away. A volume then stays as an unused disk of the container, with what is on it.
            type: str
            choices: [present, absent]
            default: present
      cores:
        description: Number of cores.
        type: int
      memory:
        description: Memory in MiB.
        type: int
      swap:
        description: Swap in MiB.
        type: int
      bridge:
        description: The bridge of the node that its network device hangs on.
        type: str
      address:
        description: Its IPv4 address with the prefix length, or V(dhcp).
        type: str
      gateway:
        description: Its IPv4 gateway.
        type: str
      address6:
        description: Its IPv6 address with the prefix length, or V(auto) (by router advertisements), or V(dhcp).
        type: str
      gateway6:
        description: Its IPv6 gateway.
        type: str
      vlan:
        description: The VLAN that its network device is in.
        type: int
      firewall:
        description: Whether the firewall of Proxmox filters its network device.
        type: bool
      mtu:
        description: The MTU of its network device; that of the bridge if left out.
        type: int
      net0:
        description:
          - Its network device as Proxmox writes it (V(name=eth0,bridge=vmbr0,ip=192.168.1.101/24,gw=192.168.1.1)),
            or as a dictionary of the same keys. Completes the options from O(containers[].bridge) to
            O(containers[].mtu), and wins over them.
          - Where one of them is given, they describe the whole device, and what none of them says is taken away.
            Without any, the device stays as it is.
          - The device keeps its MAC address unless C(hwaddr) is given.
        type: raw
      features:
        description:
          - Its features, as Proxmox writes them (V(nesting=1,keyctl=1)) or as a dictionary. Others are taken away.
          - Docker needs C(nesting), and wants C(keyctl). All but C(nesting) need C(root@pam) with its password.
        type: raw
      unprivileged:
        description: Whether its root is an ordinary user of the host. Decided once, at creation.
        type: bool
        default: true
      ssh_public_keys:
        description: Public keys that may log in as root. Used at creation only.
        type: list
        elements: str
      password:
        description: Password of its root, at least five characters. Used at creation only.
        type: str
      pool:
        description: The pool it is a member of. An empty text takes it out of its pool.
        type: str
      onboot:
        description: Whether it starts with the host.
        type: bool
      startup:
        description:
          - Its turn when the host starts, and the seconds the host waits after its start and for its end, as Proxmox
            writes it (V(order=1,up=30,down=60)) or as a dictionary.
        type: raw
      protection:
        description: Whether Proxmox refuses to delete it.
        type: bool
      description:
        description: Notes shown in the web interface.
        type: str
      tags:
        description: Its tags.
        type: list
        elements: str
      nameserver:
        description: Name servers, separated by spaces.
        type: str
      searchdomain:
        description: Search domains, separated by spaces.
        type: str
      timezone:
        description: Its time zone, such as V(Europe/Rome), or V(host) for that of the node.
        type: str
attributes:
  check_mode:
    description: Tells every step that would be taken, and changes nothing.
    support: full
  diff_mode:
    description: Shows the settings that change.
    support: full
"""

EXAMPLES = r"""
- name: A container that Docker can run in
  omakase.homelab.proxmox_container:
    api_host: 192.168.1.10
    api_password: "{{ vault_proxmox_password }}"
    ca_path: files/pve-root-ca.pem
    containers:
      - vmid: 101
        hostname: infisical
        node: pve
        template: debian-13-standard
        storage: local-lvm
        disk: 20
        cores: 2
        memory: 2048
        swap: 512
        bridge: vmbr0
        address: 192.168.1.101/24
        gateway: 192.168.1.1
        features: nesting=1,keyctl=1
        ssh_public_keys: ["{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"]

- name: A file server in a VLAN, with a volume of its own, by an API token
  omakase.homelab.proxmox_container:
    api_host: 192.168.1.10
    api_token_id: automation@pve!homelab
    api_token_secret: "{{ vault_proxmox_token_secret }}"
    ca_path: files/pve-root-ca.pem
    containers:
      - vmid: 110
        hostname: files
        node: pve2
        pool: homelab
        template: https://images.example.org/debian-13-nas_1.0_amd64.tar.zst
        template_checksum: sha256:0f3a9b1f4e0c1d9d7c9b2a6f5e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d
        storage: local-lvm
        disk: 8
        mounts:
          - {path: /srv, storage: local-lvm, size: 200, backup: true}
        bridge: vmbr0
        vlan: 20
        firewall: true
        address: dhcp
        address6: auto
        startup: {order: 2, up: 30}
        ssh_public_keys: ["{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}"]

- name: Delete a container that is no longer needed, with its volumes
  omakase.homelab.proxmox_container:
    api_host: 192.168.1.10
    api_password: "{{ vault_proxmox_password }}"
    containers:
      - {vmid: 109, hostname: old-files, node: pve, state: absent}
"""

RETURN = r"""
containers:
  description: What became of each container, or in check mode would become of it; first those that are V(absent).
  returned: success
  type: list
  elements: dict
  contains:
    vmid:
      description: Its number.
      type: int
    hostname:
      description: Its hostname.
      type: str
    node:
      description: The node it is on.
      type: str
    status:
      description: V(running), V(stopped), or V(absent) once it is deleted and, in check mode, before it is created.
      type: str
    address:
      description: The address to reach it by; null as long as a container without a static one does not run.
      type: str
    ssh:
      description: Whether an SSH server greets at its address and O(ssh_port); false without one.
      type: bool
    changed:
      description: Whether something was done.
      type: bool
    created:
      description: Whether it is a new one.
      type: bool
    steps:
      description: What was done, in words.
      type: list
      elements: str
    restart_needed:
      description: Settings that it takes over when it is restarted.
      type: list
      elements: str
problems:
  description: Everything that stands against the wish.
  returned: failure, when nothing was changed because of it
  type: list
  elements: str
"""

from contextlib import nullcontext
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.omakase.homelab.plugins.module_utils._files.turns import alone_in_account
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.client import Password, ProxmoxClient, Token
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.container import Wanted, wanted_from
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.errors import ProxmoxError
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.manager import Manager, WrongWishError
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.network import answers, greets
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.plan import Limits
from ansible_collections.omakase.homelab.plugins.module_utils._proxmox.transport import HttpsTransport

MOUNT = {
    "path": {"type": "str", "required": True},
    "storage": {"type": "str"},
    "size": {"type": "float"},
    "source": {"type": "str"},
    "read_only": {"type": "bool"},
    "backup": {"type": "bool"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

CONTAINER = {
    "vmid": {"type": "int", "required": True},
    "hostname": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "started", "stopped", "absent"], "default": "started"},
    "node": {"type": "str", "required": True},
    "template": {"type": "str"},
    "template_storage": {"type": "str", "default": "local"},
    "template_checksum": {"type": "str"},
    "storage": {"type": "str"},
    "disk": {"type": "float"},
    "mounts": {"type": "list", "elements": "dict", "options": MOUNT},
    "cores": {"type": "int"},
    "memory": {"type": "int"},
    "swap": {"type": "int"},
    "bridge": {"type": "str"},
    "address": {"type": "str"},
    "gateway": {"type": "str"},
    "address6": {"type": "str"},
    "gateway6": {"type": "str"},
    "vlan": {"type": "int"},
    "firewall": {"type": "bool"},
    "mtu": {"type": "int"},
    "net0": {"type": "raw"},
    "features": {"type": "raw"},
    "unprivileged": {"type": "bool", "default": True},
    "ssh_public_keys": {"type": "list", "elements": "str", "no_log": False},
    "password": {"type": "str", "no_log": True},
    "pool": {"type": "str"},
    "onboot": {"type": "bool"},
    "startup": {"type": "raw"},
    "protection": {"type": "bool"},
    "description": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "nameserver": {"type": "str"},
    "searchdomain": {"type": "str"},
    "timezone": {"type": "str"},
}

OPTIONS = {
    "api_host": {"type": "str", "required": True},
    "api_port": {"type": "int", "default": 8006},
    "api_user": {"type": "str", "default": "root@pam"},
    "api_password": {"type": "str", "no_log": True},
    "api_token_id": {"type": "str", "no_log": False},
    "api_token_secret": {"type": "str", "no_log": True},
    "validate_certs": {"type": "bool", "default": True},
    "ca_path": {"type": "path"},
    "timeout": {"type": "int", "default": 30},
    "task_timeout": {"type": "int", "default": 600},
    "check_addresses": {"type": "bool", "default": True},
    "allow_restart": {"type": "bool", "default": False},
    "shutdown_timeout": {"type": "int", "default": 60},
    "ssh_port": {"type": "int"},
    "unreachable_hint": {"type": "str", "default": ""},
    "containers": {"type": "list", "elements": "dict", "required": True, "options": CONTAINER},
}


def credentials_of(options: dict[str, Any]) -> Token | Password:
    """The token if there is one, else user and password."""
    token = options["api_token_id"]
    if token:
        return Token(token if "!" in token else f"{options['api_user']}!{token}", options["api_token_secret"])
    return Password(options["api_user"], options["api_password"] or "")


def wishes_of(containers: list[dict[str, Any]]) -> tuple[list[Wanted], list[str]]:
    """The containers that can be read, and what is wrong with the others."""
    wishes, problems = [], []
    for container in containers:
        try:
            wishes.append(wanted_from(container))
        except ValueError as wrong:
            problems.append(f"container {container['vmid']} ({container['hostname']}): {wrong}.")
    return wishes, problems


def manager_of(options: dict[str, Any]) -> Manager:
    """What does the work, by the module's options."""
    transport = HttpsTransport(
        options["api_host"], options["api_port"], options["validate_certs"], options["ca_path"], options["timeout"]
    )
    return Manager(
        ProxmoxClient(transport, credentials_of(options)),
        options["task_timeout"],
        Limits(options["allow_restart"], options["shutdown_timeout"]),
        unreachable_hint=options["unreachable_hint"],
        probe=answers if options["check_addresses"] else lambda address: False,
    )


def run(module: AnsibleModule) -> dict[str, Any]:
    """The module's result; raises ProxmoxError."""
    manager = manager_of(module.params)
    wishes, unreadable = wishes_of(module.params["containers"])
    outcomes = manager.plan(wishes, unreadable)
    if not module.check_mode:
        outcomes = [manager.perform(outcome) for outcome in outcomes]
    for warning in dict.fromkeys(manager.warnings):
        module.warn(warning)
    port = module.params["ssh_port"]
    results = [outcome.result() for outcome in outcomes]
    for result in results:
        result["ssh"] = bool(port and result["status"] == "running" and result["address"]) and greets(
            result["address"], port
        )
    return {
        "changed": any(result["changed"] for result in results),
        "containers": results,
        "diff": [outcome.diff() for outcome in outcomes if outcome.plan.before or outcome.plan.after],
    }


def main() -> None:
    """Options in, result out."""
    module = AnsibleModule(
        argument_spec=OPTIONS,
        supports_check_mode=True,
        mutually_exclusive=[("api_password", "api_token_secret")],
        required_together=[("api_token_id", "api_token_secret")],
    )
    try:
        # Of two playbooks at once on this host the second waits, and finds what the first has made.
        with nullcontext() if module.check_mode else alone_in_account():
            result = run(module)
        module.exit_json(**result)
    except WrongWishError as wrong:
        module.fail_json(msg=str(wrong), problems=wrong.problems)
    except ProxmoxError as failed:
        module.fail_json(msg=str(failed))


if __name__ == "__main__":
    main()
