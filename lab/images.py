# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of the registry, under their production names: built here from Debian packages, without an engine."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab import registry, settings, template
from lab.shell import CommandError, mounts_below, remove_tree, run, say, write

_HERE = Path(__file__).parent
_RECIPES = _HERE / "images"
_FOLDER = settings.CACHE / "images"
_STORE = settings.CACHE / "buildah"
_RUN = Path("/run") / f"{settings.PREFIX}-buildah"
_CAP = 32768  # the limits that older versions of buildah begin with; only a privileged root may raise them again
_AT_ONCE = 2  # builds; each keeps about one core busy


@dataclass(frozen=True)
class Image:
    """A recipe (folder lab/images/NAME), the name it is pulled by, the source that its Containerfile copies, and the
    tags of other versions, which differ in the last layer alone.
    """

    name: str
    reference: str
    source: Path | None = None
    other_tags: tuple[str, ...] = ()

    @property
    def local(self) -> str:
        """Its name in buildah's own store."""
        return f"localhost/{settings.PREFIX}/{self.name}"

    @property
    def references(self) -> list[str]:
        """Every name that it is pulled by."""
        return [self.reference, *(f"{self.reference.partition(':')[0]}:{tag}" for tag in self.other_tags)]

    def recipe(self) -> str:
        """A name for all that the image is made of."""
        start = " ".join([_base_recipe(), *self.other_tags])
        return _digest(start, _RECIPES / self.name, *([self.source] if self.source else []))

    def is_pushed(self) -> bool:
        """True if the registry has the image of the present recipe."""
        note = _FOLDER / f"{self.name}.json"
        if not note.exists() or not all(map(registry.holds, self.references)):
            return False
        return bool(json.loads(note.read_text()) == self.recipe())


# What takes longest comes first.
IMAGES = [
    Image("postgres", "library/postgres:16-alpine"),
    Image(
        "infisical",
        "infisical/infisical:v0.165.16",
        source=_HERE / "stand_ins" / "infisical",
        # One release before, one after with a migration, and two that spoil the database; the second starts even so.
        other_tags=("v0.165.15", "v0.166.2", "v0.167.0-broken", "v0.167.0-blind"),
    ),
    Image("mariadb", "library/mariadb:11"),
    Image("nginx", "library/nginx:1.28-alpine"),
    Image("systemd", "omakase-molecule/debian:13-systemd"),
    Image("redis", "library/redis:7-alpine"),
    Image("hello-world", "library/hello-world:linux"),
]
_BASE = "debian"


def missing() -> list[Image]:
    """The images that must be built."""
    return [image for image in IMAGES if not image.is_pushed()]


def up() -> None:
    """Build and push what the registry does not have in the present recipe."""
    todo = missing()
    if not todo:
        return
    _build_base()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in [pool.submit(_deliver, image) for image in todo]:
            done.result()


def clear() -> None:
    """Remove what an interrupted build left mounted or half made; keeps finished layers."""
    if _STORE.exists() and (_RUN.exists() or mounts_below(_STORE)):
        run([*_buildah(), "rm", "--all"])
    remove_tree(_RUN)
    for mounted in mounts_below(_STORE):
        run(["umount", "--lazy", mounted])


def _deliver(image: Image) -> None:
    for reference in image.references:
        say(f"images: building {reference}")
        options = [f"--build-context=source={image.source}"] if image.source else []
        if image.other_tags:
            options.append(f"--build-arg=VERSION={reference.partition(':')[2]}")
        _build(image.local, _RECIPES / image.name, image.name, options)
        target = f"docker://{registry.ADDRESS}/{reference}"
        run([*_buildah(), "push", "--tls-verify=false", image.local, target], log=_log(f"{image.name}-push"))
        say(f"images: {reference} is in the registry")
    write(_FOLDER / f"{image.name}.json", json.dumps(image.recipe()) + "\n")


def _build(tag: str, context: Path, name: str, options: list[str]) -> None:
    how = ["--isolation=chroot", "--layers", "--pull-never", *_limits(), *options, f"--tag={tag}", str(context)]
    run([*_buildah(), "build", *how], log=_log(name))


def _limits() -> list[str]:
    """Limits that every root may set: no more than ours, nor than what older versions of buildah begin with."""
    ours = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    return [f"--ulimit={name}={':'.join(map(_capped, resource.getrlimit(limit)))}" for name, limit in ours.items()]


def _capped(value: int) -> str:
    return str(_CAP if value == resource.RLIM_INFINITY else min(value, _CAP))


def _base_recipe() -> str:
    """The base follows the template's rules, so that both change together."""
    return _digest(template.recipe(), _RECIPES / _BASE)


def _digest(start: str, *folders: Path) -> str:
    """A name for a text and all files in the folders."""
    digest = hashlib.sha256(start.encode())
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(folder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _build_base() -> None:
    note = _FOLDER / f"{_BASE}.json"
    tag = f"localhost/{settings.PREFIX}/{_BASE}"
    if note.exists() and json.loads(note.read_text()) == _base_recipe() and _has(tag):
        return
    say("images: building the Debian 13 base")
    draft = _FOLDER / "draft"
    remove_tree(draft)
    shutil.copytree(_RECIPES / _BASE, draft)
    template.debootstrap(draft / "root.tar", [], [])
    try:
        _build(tag, draft, _BASE, [])
    except CommandError:
        if not _STORE.exists():
            raise
        # A run killed in the middle can leave a store that buildah itself cannot read.
        clear()
        remove_tree(_STORE)
        _build(tag, draft, _BASE, [])
    remove_tree(draft)
    write(note, json.dumps(_base_recipe()) + "\n")


def _has(tag: str) -> bool:
    try:
        run([*_buildah(), "inspect", "--type", "image", tag])
    except CommandError:
        return False
    return True


def _buildah() -> list[str]:
    return ["buildah", "--root", str(_STORE), "--runroot", str(_RUN), "--storage-driver", _driver()]


def _driver() -> str:
    """overlay, except where the cache itself is on one: overlays do not nest."""
    settings.CACHE.mkdir(parents=True, exist_ok=True)
    kind = run(["stat", "--file-system", "--format=%T", str(settings.CACHE)]).strip()
    return "vfs" if kind == "overlayfs" else "overlay"


def _log(name: str) -> Path:
    return settings.LOGS / "images" / f"{name}.log"
