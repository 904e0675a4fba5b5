# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, addresses and places: the one file to read when another part needs to find the lab."""

from __future__ import annotations

from pathlib import Path

PREFIX = "omklab"  # whatever the lab makes on the host carries it, so that a later run can recognise it

STATE = Path("/var/lib/omakase-lab")  # gone after `down`
CACHE = Path("/var/cache/omakase-lab")  # kept until `purge`
LOCK = Path("/run/lock/omklab.lock")

CONTAINERS = STATE / "containers"
SSH_KEY = STATE / "ssh" / "id_ed25519"
KNOWN_HOSTS = STATE / "ssh" / "known_hosts"
LOGS = STATE / "log"
PROXMOX = STATE / "proxmox"
KEY_FINGERPRINT = STATE / "repositories" / "fingerprint"  # of the key that signs the apt repositories

BRIDGE = f"{PREFIX}0"
GATEWAY = "198.18.0.1"  # RFC 2544 sets this network aside for tests
SUBNET = "198.18.0.0/24"
PREFIX_LENGTH = 24
ENGINE_ADDRESSES = "198.18.0.192/29"  # part of that network, for containers of the lab's own Docker engine

REGISTRY_PORT = 5000
HTTP_PORT = 8080
PROXMOX_PORT = 8006
NODE = "pve"

# Unprivileged containers: root inside is this user outside.
SHIFTED_ROOT = 100000
SHIFTED_COUNT = 65536

SUITE = "trixie"
TEMPLATE = "debian-13-standard_13.1-2_amd64.tar.zst"
# What a plain machine may be as well, made when one is asked for.
OLDER_SUITE = "bookworm"
OLDER_TEMPLATE = "debian-12-standard_12.12-1_amd64.tar.zst"

DEFAULT_MIRROR = "http://deb.debian.org/debian"
DEFAULT_SECURITY_MIRROR = "http://deb.debian.org/debian-security"

# What the lab needs on the host; a program whose absence shows that the package is missing.
HOST_PACKAGES = {
    "apt-utils": "apt-ftparchive",
    "buildah": "buildah",
    "git": "git",
    "gpg": "gpg",
    "gpg-agent": "gpg-agent",
    "iproute2": "ip",
    "lxc": "lxc-start",
    "lxcfs": "lxcfs",
    "mmdebstrap": "mmdebstrap",
    "netavark": "/usr/lib/podman/netavark",  # buildah looks for it even where it needs no network of its own
    "nftables": "nft",
    "openssh-client": "ssh-keygen",
    "openssl": "openssl",
    "procps": "sysctl",
    "uidmap": "newuidmap",
    "zstd": "zstd",
}
# What the test suite needs besides.
TEST_PACKAGES = {
    "age": "age",
    "chromium": "chromium",
    "postgresql": "pg_createcluster",
    "redis-server": "redis-server",
    "restic": "restic",
    "rsync": "rsync",
}
