"""Text files that reach a terminal: standard output and stderr of every command."""

import io
from typing import Any

from gateway.terminal.printable import printable


class PrintableText(io.TextIOWrapper):
    """A text file that writes text from outside in a harmless form."""

    def write(self, text: str, /) -> int:
        return super().write(printable(text))

    @property
    def styled(self) -> "StyledText":
        """The same file for writers that have made their text harmless and then styled it."""
        return StyledText(self)


class StyledText:
    """A PrintableText that writes control characters as they are."""

    def __init__(self, file: PrintableText) -> None:
        self._file = file

    def write(self, text: str, /) -> int:
        return io.TextIOWrapper.write(self._file, text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
