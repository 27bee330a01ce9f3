"""A browser's only tab, for tests that each browser must pass."""

import json
import re
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

#: How long a browser may take for a step, in seconds, and how often a page is asked, in seconds.
TIMEOUT_S = 60
ASK_EVERY_S = 0.1


@dataclass
class Tab(ABC):
    """A tab. `complaints`: errors of its scripts, and of its console."""

    complaints: list[str] = field(default_factory=list, kw_only=True)

    @abstractmethod
    def open(self, url: str) -> None:
        """Open a page; return when it is loaded."""

    @abstractmethod
    def run(self, expression: str) -> str:
        """Return the text that an expression of JavaScript results in."""

    def text(self, selector: str) -> str:
        """Return the text of the first element; empty if there is none."""
        return self.run(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_for(self, selector: str, pattern: str) -> str:
        """Wait until the text of an element matches; return it."""
        late_s = time.monotonic() + TIMEOUT_S
        while True:
            text = self.text(selector)
            if re.search(pattern, text):
                return text
            assert time.monotonic() < late_s, f"{selector}: expected {pattern!r}, found {text!r}"
            time.sleep(ASK_EVERY_S)
