# SPDX-License-Identifier: GPL-3.0-or-later
"""What the caches hold is made anew when its recipe changes, and only then."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import images, packages, registry, settings, template
from lab.images import Image

RECIPES = Path(images.__file__).parent / "images"


def test_another_package_makes_another_template(monkeypatch: pytest.MonkeyPatch) -> None:
    before = template.path()
    monkeypatch.setattr(template, "PACKAGES", [*template.PACKAGES, "less"])
    assert template.path() != before
    assert template.path().name == settings.TEMPLATE


def test_a_change_of_its_files_or_of_its_source_makes_another_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(images, "_RECIPES", tmp_path)
    source = tmp_path / "source"
    for folder in (tmp_path / "debian", tmp_path / "web", source):
        folder.mkdir()
    (tmp_path / "debian" / "Containerfile").write_text("FROM scratch\n")
    (tmp_path / "web" / "Containerfile").write_text("FROM localhost/omklab/debian\n")
    image = Image("web", "library/web:1", source=source)
    seen = {image.recipe()}
    (source / "server.py").write_text("1\n")
    seen.add(image.recipe())
    (tmp_path / "web" / "Containerfile").write_text("FROM localhost/omklab/debian\nUSER 1\n")
    seen.add(image.recipe())
    (tmp_path / "debian" / "Containerfile").write_text("FROM scratch\nUSER 0\n")
    seen.add(image.recipe())
    assert len(seen) == 4
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "server.pyc").write_text("x")
    assert image.recipe() in seen


def test_an_image_counts_only_when_the_registry_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    image = images.IMAGES[0]
    monkeypatch.setattr(images, "_FOLDER", tmp_path)
    monkeypatch.setattr(registry, "holds", lambda reference: False)
    (tmp_path / f"{image.name}.json").write_text(f'"{image.recipe()}"\n')
    assert not image.is_pushed()
    monkeypatch.setattr(registry, "holds", lambda reference: True)
    assert image.is_pushed()
    (tmp_path / f"{image.name}.json").write_text('"another"\n')
    assert not image.is_pushed()


@pytest.mark.parametrize("name", sorted(path.name for path in RECIPES.iterdir()))
def test_every_image_says_that_it_is_the_lab_s(name: str) -> None:
    assert 'LABEL io.omakase.lab="' in (RECIPES / name / "Containerfile").read_text()
    assert name in ["debian", *(image.name for image in images.IMAGES)]


@pytest.mark.parametrize("package", packages.DOCKER, ids=lambda package: package.name)
def test_a_rebuilt_docker_package_refuses_the_distribution_s_beside_it(package: packages.Rebuilt) -> None:
    conflicts = package.relations["Conflicts"].split(", ")
    assert set(package.parts) <= {*conflicts, "docker.io"}
    assert not any(name in package.depends.split(", ") for name in ("docker.io", "docker-cli", "containerd", "runc"))


def test_the_same_checkout_always_has_the_same_revision(tmp_path: Path) -> None:
    revisions = set()
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        packages._git(tmp_path / name)
        repository = tmp_path / name / "omakase.git"
        command = ["git", f"--git-dir={repository}", "rev-parse", "main"]
        revisions.add(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        assert (repository / "info" / "refs").exists(), "plain HTTP needs it"
    assert len(revisions) == 1


def _writing(text: str) -> Callable[[Path], None]:
    def build(place: Path) -> None:
        (place / "file").write_text(text)

    return build


def test_a_part_that_fails_leaves_the_one_that_is_served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(packages, "ROOT", tmp_path)
    packages._part("git", "1", _writing("one"))

    def fail(place: Path) -> None:
        (place / "file").write_text("two")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        packages._part("git", "2", fail)
    assert (tmp_path / "git" / "file").read_text() == "one"
    packages._part("git", "2", _writing("three"))
    assert (tmp_path / "git" / "file").read_text() == "three"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["git"]
