# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m docs.sbom ARTIFACT`: what a built collection consists of and brings to a homelab, as CycloneDX beside it.

Written by us: what there is lists the Python packages of an environment, and the artifact has none. It reads the
archive alone, so that the list is of what was built; the same archive gives the same list.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile
import uuid
from pathlib import Path
from typing import Any

import yaml

Component = dict[str, Any]
# Names that stand for one image in two variables.
_VERSION_OF = {"infisical_image": ("infisical_version", "infisical_image_digest")}


def bill(artifact: Path) -> dict[str, Any]:
    """A CycloneDX 1.6 document. The parts that a user chooses have the version that the roles take by themselves."""
    checksum = hashlib.sha256(artifact.read_bytes()).hexdigest()
    with tarfile.open(artifact) as archive:
        about = json.loads(_member(archive, "MANIFEST.json"))["collection_info"]
        needs = yaml.safe_load(_member(archive, "meta/runtime.yml"))["requires_ansible"]
        defaults = [
            yaml.safe_load(_member(archive, name)) or {}
            for name in archive.getnames()
            if name.startswith("roles/") and name.endswith("/defaults/main.yml")
        ]
    itself = {
        "type": "library",
        "bom-ref": "itself",
        "group": about["namespace"],
        "name": about["name"],
        "version": about["version"],
        "licenses": [{"license": {"id": licence}} for licence in about["license"]],
        "hashes": [{"alg": "SHA-256", "content": checksum}],
    }
    parts = [_range("pypi", "ansible-core", needs)]
    parts += [_range("ansible", name, wanted) for name, wanted in sorted(about["dependencies"].items())]
    parts += [image for role in defaults for image in _images(role)]
    components = list({part["bom-ref"]: part for part in parts}.values())  # several roles take the same images
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, checksum).urn,
        "version": 1,
        "metadata": {"component": itself},
        "components": components,
        "dependencies": [{"ref": "itself", "dependsOn": [part["bom-ref"] for part in components]}],
    }


def _range(kind: str, name: str, wanted: str) -> Component:
    """Something that any of several versions will do of."""
    found: Component = {"type": "library", "bom-ref": f"{kind}:{name}", "name": name}
    if kind == "pypi":
        found["purl"] = f"pkg:pypi/{name}"
    return {**found, "properties": [{"name": "omakase:versions", "value": wanted}]}


def _images(defaults: dict[str, Any]) -> list[Component]:
    found = []
    for variable, value in defaults.items():
        if not variable.endswith("_image") or not value:
            continue
        version, digest = (str(defaults.get(name) or "") for name in _VERSION_OF.get(variable, ("", "")))
        name, _colon, tag = value.partition(":")
        tag, _at, pinned = (tag or version).partition("@")
        image: Component = {
            "type": "container",
            "bom-ref": f"image:{name}:{tag}",
            "name": name,
            "version": tag,
            "purl": f"pkg:docker/{name}@{tag}",
        }
        if digest or pinned:
            content = (digest or pinned).removeprefix("sha256:")
            image["hashes"] = [{"alg": "SHA-256", "content": content}]
        found.append(image)
    return found


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise FileNotFoundError(name)
    return file.read()


def main() -> None:
    for artifact in map(Path, sys.argv[1:]):
        place = artifact.with_name(artifact.name.removesuffix(".tar.gz") + ".cdx.json")
        place.write_text(json.dumps(bill(artifact), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
