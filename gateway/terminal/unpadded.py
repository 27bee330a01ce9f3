"""Tables without the blanks at the end of their lines, which only disturb in a file."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment


class Unpadded:
    """A renderable whose lines end with their last visible character."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        for line in console.render_lines(self._renderable, options, pad=False):
            yield from _stripped(line)
            yield Segment.line()


def _stripped(line: Sequence[Segment]) -> list[Segment]:
    kept = list(line)
    while kept:
        text, style, control = kept.pop()
        if text.rstrip():
            return [*kept, Segment(text.rstrip(), style, control)]
    return []
