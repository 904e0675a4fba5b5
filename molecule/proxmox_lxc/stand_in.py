# SPDX-License-Identifier: GPL-3.0-or-later
"""A Proxmox API without machines: `python stand_in.py FOLDER` writes FOLDER/proxmox.json, until that is gone."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from ansible.plugins.loader import init_plugin_loader
from fakepve.certs import make_cert

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
init_plugin_loader([str(ROOT / "collections")])

from tests.roles.greeting import greeting
from tests.roles.proxmox import Serving


def main(folder: Path) -> None:
    note = folder / "proxmox.json"
    certificate, key = make_cert(str(folder), hosts=("127.0.0.1",))[:2]
    serving = Serving(certificate, key)
    with greeting() as ssh_port:
        where = {"api_port": serving.proxmox.port, "ca_path": certificate, "ssh_port": ssh_port}
        draft = note.with_suffix(".draft")
        draft.write_text(json.dumps(where), encoding="utf-8")
        draft.rename(note)
        while note.exists():
            time.sleep(0.2)
    serving.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
