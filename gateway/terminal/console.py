"""Console: rich's, without markup, that prints foreign text in a harmless form.

No other module creates one of rich: tests/test_architecture.py checks it.
"""

from collections.abc import Iterable
from typing import IO, Any

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from gateway.terminal.printable import printable


class Console(rich.console.Console):
    """A console for text from anywhere: it takes no markup from it, and no control characters.

    Styles and cursor movements come from rich alone.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    @property
    def file(self) -> IO[str]:
        """The file to write to, which leaves the control characters of rich as they are."""
        found = super().file
        styled: IO[str] = getattr(found, "styled", found)
        return styled

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as one that can be measured and broken into lines."""
        return super().render_str(printable(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a renderable, and of those inside it before they are laid out."""
        for segment in super().render(renderable, options):
            clean = segment.text if segment.control else printable(segment.text)
            is_clean = clean is segment.text
            yield segment if is_clean else Segment(clean, segment.style)
