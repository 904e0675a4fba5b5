# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws docs/demo.svg, the end of what `make demo` prints, from the lines of a real run on standard input.

`make demo-image` runs the demo and this. The picture is text, without a script and without a font from elsewhere, light
or dark as the reader's system is.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

Colour = tuple[int, int, int]

TARGET = Path(__file__).with_name("demo.svg")
# What the picture begins with: how long each stage took.
FIRST = "How long each stage took"
HEADING = re.compile(r"^\S.*$")
TIME = re.compile(r"\d+\.\d s")
COMMAND = re.compile(r"(ssh .*|-o .*|… .*|\S*ansible-playbook \S+|make [\w-]+)(?=  |$)")
# For each scheme: background, text, times, commands.
LIGHT = ((246, 248, 250), (31, 35, 40), (9, 105, 218), (17, 99, 41))
DARK = ((22, 27, 34), (230, 237, 243), (88, 166, 255), (86, 211, 100))
PICTURE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{unique_id}">
<title id="{unique_id}">The end of make demo: how long each stage took, what runs now, and what to look at</title>
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }}
{styles}
@media (prefers-color-scheme: dark) {{
@dark@
}}
</style>
<defs>
{lines}
</defs>
<rect class="back" width="{width}" height="{height}" rx="8"/>
<g class="{unique_id}-matrix" transform="translate(9, 24)">
{matrix}
</g>
</svg>
"""


def main() -> None:
    """Read the run, write the picture."""
    TARGET.write_text(drawn(sys.stdin), encoding="utf-8")


def drawn(said: Iterable[str]) -> str:
    """The picture of a run."""
    lines = [line.rstrip() for line in said]
    shown = ["$ make demo", "…", "", *lines[lines.index(FIRST) :]]
    console = Console(record=True, width=max(map(len, shown)), file=io.StringIO(), color_system="truecolor")
    for line in shown:
        console.print(_coloured(line), soft_wrap=True)
    styles = "\n".join(["{styles}", f".back {{{{ fill: {_hex(DARK[0])} }}}}"])
    dark = console.export_svg(theme=_theme(DARK), clear=False, code_format=styles, unique_id="demo")
    light = PICTURE.replace("{styles}", f"{{styles}}\n.back {{{{ fill: {_hex(LIGHT[0])} }}}}")
    return console.export_svg(theme=_theme(LIGHT), code_format=light, unique_id="demo").replace("@dark@", dark)


def _coloured(line: str) -> Text:
    text = Text(line)
    text.highlight_regex(HEADING, "bold")
    text.highlight_regex(TIME, "blue")
    text.highlight_regex(COMMAND, "green")
    return text


def _theme(colours: Sequence[Colour]) -> TerminalTheme:
    back, front, blue, green = colours
    return TerminalTheme(back, front, [front, front, green, front, blue, front, front, front])


def _hex(colour: Colour) -> str:
    return "#" + "".join(f"{part:02x}" for part in colour)


if __name__ == "__main__":
    main()
