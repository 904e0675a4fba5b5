# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How to reach the server; the same for modules and lookups."""

    DOCUMENTATION = r"""
options:
  url:
    description:
      - Address of the Infisical server, for example V(https://vault.example.com).
      - A trailing V(/api) is dropped.
    type: str
    default: https://app.infisical.com
  validate_certs:
    description:
      - Whether the server's certificate has to be one that this machine trusts.
      - Do not set this to V(false) outside of tests; name the authority with O(ca_path) instead.
    type: bool
    default: true
  ca_path:
    description:
      - File with the certificates (PEM) of the authorities to trust in place of the system's own.
    type: path
  client_cert:
    description:
      - File with a client certificate (PEM), for a proxy before the server that asks for one; may hold the key as well.
    type: path
  client_key:
    description:
      - File with the key (PEM) of O(client_cert).
    type: path
  use_proxy:
    description:
      - Whether the environment variables E(http_proxy), E(https_proxy) and E(no_proxy) are heeded.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for a connection, and for each part of an answer; for the whole of it twice as long.
    type: float
    default: 20.0
  retries:
    description:
      - How often a request is repeated at most.
      - Reads are repeated when the connection or the server fails,
        writes only when the server was not reached, or says that it has done nothing.
      - The time the server asks for is waited, two minutes at once at most and five in all;
        otherwise the pauses grow from half a second to ten.
      - A login that was refused is never repeated, since three failures lock an identity.
    type: int
    default: 4
"""
