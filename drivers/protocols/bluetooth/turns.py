"""Turns: what to send to a bike that answers each request, and when."""

from collections import deque
from collections.abc import Iterable

#: How long a request of a start waits for its answer, and how often it is sent before the next one
#: gets its turn: some consoles leave one out.
RETRY_NS = 700_000_000
TRIES = 3


class Turns:
    """The requests to one bike: those of a start in their order, then a poll again and again.

    A request of the start waits for the answer to the one before it. Requests are at least
    `every_ns` apart.
    """

    def __init__(self, start: Iterable[bytes], poll: bytes, every_ns: int) -> None:
        self._start = deque(start)
        self._poll = poll
        self._every_ns = every_ns
        self._tries = 0
        self._sent_ns = 0
        self._due_ns = 0

    @property
    def is_started(self) -> bool:
        """Whether only the poll is left."""
        return not self._start

    @property
    def awaited(self) -> bytes:
        """The request whose answer is awaited."""
        return self._start[0] if self._start else self._poll

    def add(self, requests: Iterable[bytes]) -> None:
        """Send more requests, in order and each after its answer, before the next poll."""
        self._start.extend(requests)

    def answered(self) -> None:
        """Let the next request of the start have its turn."""
        if self._tries:
            self._advance()
            self._due_ns = self._sent_ns + self._every_ns

    def request(self, now_ns: int) -> bytes:
        """Return the request to send now; empty if none is due."""
        if now_ns < self._due_ns:
            return b""
        if self._tries == TRIES:
            self._advance()
        self._tries += not self.is_started
        self._sent_ns = now_ns
        self._due_ns = now_ns + (self._every_ns if self.is_started else RETRY_NS)
        return self.awaited

    def _advance(self) -> None:
        self._start.popleft()
        self._tries = 0
