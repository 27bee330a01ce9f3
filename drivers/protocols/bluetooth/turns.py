"""Turns: what to send to a bike that answers each request, and when; and its later starts."""

from collections import deque
from collections.abc import Iterable

#: How long a request of a start waits for its answer, and how often it is sent before the next one
#: gets its turn: some consoles leave one out.
RETRY_NS = 700_000_000
TRIES = 3
#: The longest time before a console is started again: a rider who comes back waits for it.
LONGEST_REST_NS = 60_000_000_000


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


class Restarts:
    """The starts of a console that has stopped.

    Each one waits for twice as long as the one before it, until the pedals have turned: a start may
    reset what the console has counted, and keeps its display awake.
    """

    def __init__(self, first_ns: int) -> None:
        self._first_ns = first_ns
        self._wait_ns = first_ns
        self._stopped_ns: int | None = None

    def turned(self) -> None:
        """Take note that the pedals turn."""
        self._wait_ns = self._first_ns

    def is_due(self, at_ns: int, is_stopped: bool) -> bool:
        """Return whether to start the console now."""
        if not is_stopped:
            self._stopped_ns = None
            return False
        if self._stopped_ns is None:
            self._stopped_ns = at_ns
        if at_ns - self._stopped_ns < self._wait_ns:
            return False
        self._stopped_ns = None
        self._wait_ns = min(2 * self._wait_ns, LONGEST_REST_NS)
        return True
