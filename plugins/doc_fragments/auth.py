# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Who asks; the same for modules and lookups."""

    DOCUMENTATION = r"""
options:
  auth_method:
    description:
      - How to log in.
      - Default is the method whose credentials are given, V(universal) before V(token) before V(ldap).
    type: str
    choices:
      universal: A machine identity's O(client_id) and O(client_secret).
      token: An access token in O(token), used as it is.
      oidc: A token of an OpenID Connect provider, in O(jwt) or O(jwt_path).
      jwt: A token of your own issuer, in O(jwt) or O(jwt_path).
      kubernetes: The token of the pod's service account, or another one in O(jwt) or O(jwt_path).
      ldap: O(ldap_username) and O(ldap_password) of a directory.
      aws: Keys from the environment variables E(AWS_ACCESS_KEY_ID), E(AWS_SECRET_ACCESS_KEY) and E(AWS_SESSION_TOKEN),
        or of the machine's role.
      gcp: The identity token of a machine of Google Cloud, or another one in O(jwt).
      azure: The managed identity of a machine of Azure, or a token of it in O(jwt).
  client_id:
    description:
      - Client id of a machine identity with universal auth.
    type: str
  client_secret:
    description:
      - Client secret of a machine identity with universal auth.
    type: str
  token:
    description:
      - An access token that was fetched by other means.
    type: str
  auth_identity_id:
    description:
      - Id of the machine identity to log in as, for every method but V(universal) and V(token).
    type: str
  jwt:
    description:
      - A signed token of the party that vouches for the identity.
    type: str
  jwt_path:
    description:
      - File that holds such a token. Default for V(kubernetes) is where Kubernetes puts it.
    type: path
  ldap_username:
    description:
      - Name in the directory.
    type: str
  ldap_password:
    description:
      - Password in the directory.
    type: str
  aws_region:
    description:
      - Region whose STS is asked. Default is E(AWS_REGION), then E(AWS_DEFAULT_REGION), then V(us-east-1).
    type: str
  azure_resource:
    description:
      - Resource that the token of the managed identity is for. Default is V(https://management.azure.com/).
    type: str
  organization_slug:
    description:
      - Slug of the organisation to log in to, for an identity that may act in more than one.
    type: str
"""
