"""Draw docs/demo.svg: `make demo` just before its network comes back.

    python -m docs.picture

`make picture` runs it. The demo runs in a pseudo-terminal, pyte interprets what it prints, and
rich draws one of its frames: the last one of the outage.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from itertools import dropwhile, groupby
from pathlib import Path

import pyte
import pyte.screens
from rich.console import Console
from rich.style import Style
from rich.text import Text

FILE = Path(__file__).with_name("demo.svg")
TITLE = "make demo"
#: Size of the terminal, in characters.
COLUMNS, LINES = 78, 24
#: The frames of the demo contain this word while the network is cut.
OUTAGE = "network DOWN"
#: The first line of a frame, below what the demo explains before, begins with this word.
HEADING = "Alleycat"

#: Without the web font of rich's own template: the picture needs no network.
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<title>make demo: eight riders race, and the network is cut</title>
<style>
.{unique_id}-matrix {{
    font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Run the demo and write the picture."""
    frame = last_frame_of_the_outage(record_demo())
    FILE.write_text(draw(frame), encoding="utf-8")


def record_demo() -> list[list[Text]]:
    """Run the demo and return the frames that it drew, each as lines of styled text."""
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    command = Path(sys.executable).with_name("alleycat-gateway")
    demo = subprocess.Popen(
        [command, "demo"],
        stdin=writer,
        stdout=writer,
        stderr=writer,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        close_fds=True,
    )
    os.close(writer)
    frames = []
    try:
        while _has_more(reader, stream):
            frames.append([_line(screen, row) for row in range(LINES)])
    finally:
        os.close(reader)
        demo.terminate()
        demo.wait()
    if demo.returncode:
        raise SystemExit(f"the demo failed with exit code {demo.returncode}")
    return frames


def _has_more(reader: int, stream: pyte.ByteStream) -> bool:
    """Feed what the program prints until it pauses; return False at its end."""
    pause_s = None
    while select.select([reader], [], [], pause_s)[0]:
        try:
            data = os.read(reader, 65536)
        except OSError:  # Linux reports the end of a pseudo-terminal as an error
            return False
        if not data:
            return False
        stream.feed(data)
        pause_s = 0.05
    return True


def _line(screen: pyte.Screen, row: int) -> Text:
    line = Text(end="")
    chars = [screen.buffer[row][column] for column in range(screen.columns)]
    for style, run in groupby(chars, _style):
        line.append("".join(char.data for char in run), style)
    line.rstrip()
    return line


def _style(char: pyte.screens.Char) -> Style:
    return Style(
        color=_colour(char.fg),
        bgcolor=_colour(char.bg),
        bold=char.bold or None,
        italic=char.italics or None,
        underline=char.underscore or None,
        reverse=char.reverse or None,
    )


def _colour(name: str) -> str | None:
    """Return rich's name for a colour of pyte."""
    if name == "default":
        return None
    if len(name) == 6 and all(digit in "0123456789abcdef" for digit in name):
        return f"#{name}"
    name = {"brown": "yellow", "brightbrown": "brightyellow"}.get(name, name)
    return name.replace("bright", "bright_", 1)


def last_frame_of_the_outage(frames: list[list[Text]]) -> list[Text]:
    """Return the last frame in which the network is cut, from its heading to its last line."""
    found = [frame for frame in frames if any(OUTAGE in line.plain for line in frame)]
    if not found:
        raise SystemExit(f"no frame of the demo contains {OUTAGE!r}")
    frame = list(dropwhile(lambda line: not line.plain.startswith(HEADING), found[-1]))
    while frame and not frame[-1].plain.strip():
        frame.pop()
    return frame


def draw(frame: list[Text]) -> str:
    """Return the frame as an SVG."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True)
        for line in frame:
            console.print(line, no_wrap=True, overflow="crop")
        return console.export_svg(title=TITLE, code_format=SVG, unique_id="demo")


if __name__ == "__main__":
    main()
