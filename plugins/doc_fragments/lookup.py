# Copyright: (c) 2026, The omakase.homelab authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What only lookups take, and where they take all of their options from (SOURCES)."""

    DOCUMENTATION = r"""
options:
  expand_references:
    description:
      - Whether C(${NAME}) and C(${environment.folder.NAME}) in values are replaced by the values of these secrets.
    type: bool
    default: true
  include_imports:
    description:
      - Whether secrets that the folder imports from others are there as well. The folder's own win,
        and of several imports the last.
    type: bool
    default: true
  recursive:
    description:
      - Whether secrets of the folders below are there as well. The nearest to the folder wins;
        a name that two folders of the same depth have is an error.
    type: bool
    default: false
  default:
    description:
      - What to return for a term that names nothing.
    type: raw
  on_missing:
    description:
      - What happens if a term names nothing and there is no O(default).
      - An environment or a project that does not exist is always an error.
    type: str
    choices:
      error: The lookup fails, and names the nearest existing name.
      warn: There is a warning, and the term is left out.
      skip: The term is left out.
    default: error
  cache:
    description:
      - Whether what this run has already read may be used. V(false) asks the server.
      - Modules of this collection that write drop what was read before; other programs cannot.
    type: bool
    default: true
"""

    # Ansible takes the last environment variable that is set, so the one to prefer comes last.
    SOURCES = r"""
options:
  url:
    vars:
      - name: infisical_url
    ini:
      - section: infisical
        key: url
    env:
      - name: INFISICAL_API_URL
      - name: INFISICAL_DOMAIN
  validate_certs:
    vars:
      - name: infisical_validate_certs
    ini:
      - section: infisical
        key: validate_certs
  ca_path:
    vars:
      - name: infisical_ca_path
    ini:
      - section: infisical
        key: ca_path
  client_cert:
    vars:
      - name: infisical_client_cert
    ini:
      - section: infisical
        key: client_cert
  client_key:
    vars:
      - name: infisical_client_key
    ini:
      - section: infisical
        key: client_key
  use_proxy:
    vars:
      - name: infisical_use_proxy
    ini:
      - section: infisical
        key: use_proxy
  timeout:
    vars:
      - name: infisical_timeout
    ini:
      - section: infisical
        key: timeout
  retries:
    vars:
      - name: infisical_retries
    ini:
      - section: infisical
        key: retries
  auth_method:
    vars:
      - name: infisical_auth_method
    ini:
      - section: infisical
        key: auth_method
  client_id:
    vars:
      - name: infisical_client_id
    ini:
      - section: infisical
        key: client_id
    env:
      - name: INFISICAL_UNIVERSAL_AUTH_CLIENT_ID
      - name: INFISICAL_CLIENT_ID
  client_secret:
    vars:
      - name: infisical_client_secret
    ini:
      - section: infisical
        key: client_secret
    env:
      - name: INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET
      - name: INFISICAL_CLIENT_SECRET
  token:
    vars:
      - name: infisical_token
    ini:
      - section: infisical
        key: token
    env:
      - name: INFISICAL_TOKEN
  auth_identity_id:
    vars:
      - name: infisical_auth_identity_id
    ini:
      - section: infisical
        key: auth_identity_id
  jwt:
    vars:
      - name: infisical_jwt
    ini:
      - section: infisical
        key: jwt
  jwt_path:
    vars:
      - name: infisical_jwt_path
    ini:
      - section: infisical
        key: jwt_path
  ldap_username:
    vars:
      - name: infisical_ldap_username
    ini:
      - section: infisical
        key: ldap_username
  ldap_password:
    vars:
      - name: infisical_ldap_password
    ini:
      - section: infisical
        key: ldap_password
  aws_region:
    vars:
      - name: infisical_aws_region
    ini:
      - section: infisical
        key: aws_region
  azure_resource:
    vars:
      - name: infisical_azure_resource
    ini:
      - section: infisical
        key: azure_resource
  organization_slug:
    vars:
      - name: infisical_organization_slug
    ini:
      - section: infisical
        key: organization_slug
  project_id:
    vars:
      - name: infisical_project_id
    ini:
      - section: infisical
        key: project_id
    env:
      - name: INFISICAL_PROJECT_ID
  project_slug:
    vars:
      - name: infisical_project_slug
    ini:
      - section: infisical
        key: project_slug
  environment:
    vars:
      - name: infisical_environment
    ini:
      - section: infisical
        key: environment
    env:
      - name: INFISICAL_ENVIRONMENT
  path:
    vars:
      - name: infisical_path
    ini:
      - section: infisical
        key: path
    env:
      - name: INFISICAL_SECRET_PATH
  expand_references:
    vars:
      - name: infisical_expand_references
    ini:
      - section: infisical
        key: expand_references
  include_imports:
    vars:
      - name: infisical_include_imports
    ini:
      - section: infisical
        key: include_imports
  recursive:
    vars:
      - name: infisical_recursive
    ini:
      - section: infisical
        key: recursive
  default:
    vars:
      - name: infisical_default
    ini:
      - section: infisical
        key: default
  on_missing:
    vars:
      - name: infisical_on_missing
    ini:
      - section: infisical
        key: on_missing
  cache:
    vars:
      - name: infisical_cache
    ini:
      - section: infisical
        key: cache
"""
