# SPDX-License-Identifier: GPL-3.0-or-later
"""What this collection is compared with: a lookup that logs in and reads for each call, with the vendor's SDK."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase
from infisical_sdk import InfisicalSDKClient


class LookupModule(LookupBase):  # type: ignore[misc]  # ansible-core has no types
    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **_options: Any) -> list[str]:
        given = {name: self._templar.template((variables or {})[f"infisical_{name}"]) for name in NAMES}
        client = InfisicalSDKClient(host=given["url"])
        client.auth.universal_auth.login(client_id=given["client_id"], client_secret=given["client_secret"])
        found = [
            client.secrets.get_secret_by_name(
                secret_name=term, project_id=given["project_id"], environment_slug="dev", secret_path=FOLDER
            )
            for term in terms
        ]
        return [secret.secretValue for secret in found]


FOLDER = "/"
NAMES = ("url", "client_id", "client_secret", "project_id")
