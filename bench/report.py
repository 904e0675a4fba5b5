# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, a plot and a file of sections from what was measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 360, 60, 40
COLOURS = ("#d1495b", "#00798c", "#edae49", "#30638e")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def record(file: Path, preamble: str, titles: Sequence[str], title: str, section: str) -> None:
    """Write what a case has found into the file, in place of what it found before."""
    found = {}
    if file.exists():
        found = dict(part.split("\n\n", 1) for part in file.read_text().split("\n## ")[1:])
    found[title] = section
    parts = [f"## {name}\n\n{found[name].strip()}\n" for name in titles if name in found]
    file.write_text("\n".join([preamble, *parts]))


def machine() -> str:
    """What was measured on, and with."""
    from ansible.release import __version__

    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    hardware = f"{os.cpu_count()} x {model}, {platform.system()} {platform.release()}"
    return f"{hardware}, Python {platform.python_version()}, ansible-core {__version__}"


def plot(title: str, lines: dict[str, list[tuple[float, float]]]) -> str:
    """An SVG with both axes logarithmic: hosts to the right, seconds up. lines: points by name."""
    points = [point for line in lines.values() for point in line]
    right, top = max(x for x, _y in points), max(y for _x, y in points)
    low = min(y for _x, y in points)

    def place(x: float, y: float) -> str:
        across = LEFT + (WIDTH - LEFT - 150) * _share(x, 1, right)
        return f"{across:.1f},{HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 40) * _share(y, low, top):.1f}"

    parts = [f'<text x="{LEFT}" y="20" font-weight="bold">{title}</text>']
    for mark in sorted({x for x, _y in points}):
        across = place(mark, low).split(",")[0]
        parts.append(f'<text x="{across}" y="{HEIGHT - 15}" text-anchor="middle">{mark:g}</text>')
    for mark in (low, top):
        height = place(1, mark).split(",")[1]
        parts.append(f'<text x="{LEFT - 8}" y="{height}" text-anchor="end">{mark:.1f} s</text>')
    for (name, line), colour in zip(lines.items(), COLOURS, strict=False):
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        across, height = place(*line[-1]).split(",")
        parts.append(f'<text x="{float(across) + 6:.1f}" y="{height}" fill="{colour}">{name}</text>')
    body = "\n".join(parts)
    style = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {style}>\n{body}\n</svg>\n'


def _share(value: float, low: float, high: float) -> float:
    """Where the value lies between both, on a logarithmic scale."""
    from math import log

    return log(value / low) / log(high / low) if high > low else 0.0
