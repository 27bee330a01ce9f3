"""Hub: what the open pages receive, in the web server's loop."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager
from logging import LogRecord
from typing import Literal

from gateway.status.report import status_to_json
from gateway.status.snapshot import GatewayStatus
from gateway.tail.events import message_line
from gateway.telemetry.message import Telemetry
from gateway.web.feed import Acknowledged, FeedItem
from gateway.web.owner.log_lines import LogLines
from gateway.web.owner.status_words import status_words_json

Page = Literal["rider", "gateway", "tail"]

#: How many seconds of each bike a page receives when it connects.
SECONDS_KEPT = 60
#: Limit of the events that wait for a page, in bytes; one that reads more slowly is disconnected.
UNREAD_MAX_BYTES = 256 * 1024


def event(name: str, data: bytes) -> bytes:
    """Return a server-sent event; `data` is one line of JSON."""
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), data.rstrip(b"\n"))


class StreamOver(ConnectionError):
    """A page receives no more events: it has not read them in time, or the gateway stops."""


class PageReader:
    """The events that wait for one open page. Of several states, only the newest waits.

    `first`: what the page receives first; it grows with the bikes, and is not counted as unread.
    """

    def __init__(self, page: Page, first: bytes) -> None:
        self.page = page
        self._status = b""
        self._others = [first]
        self._unread_bytes = 0
        self._has_events = asyncio.Event()
        if first:
            self._has_events.set()
        self._is_over = False

    def end(self) -> None:
        self._is_over = True
        self._has_events.set()

    def put(self, data: bytes) -> None:
        self._others.append(data)
        self._unread_bytes += len(data)
        self._has_events.set()

    def put_status(self, data: bytes) -> None:
        self._status = data
        self._has_events.set()

    async def take(self) -> bytes:
        """Wait for events, and return all that wait. Raises StreamOver."""
        await self._has_events.wait()
        self._has_events.clear()
        if self._is_over or self._unread_bytes > UNREAD_MAX_BYTES:
            raise StreamOver
        found = b"".join([*self._others, self._status])
        self._others, self._status, self._unread_bytes = [], b"", 0
        return found


class Hub:
    """All open pages and readers of the tail, and what a page that connects receives first.

    `watch` is called whenever one comes or goes: with True if a page is open, and if there is a
    reader of the tail.
    """

    def __init__(self, watch: Callable[[bool, bool], object]) -> None:
        self._watch = watch
        self._readers: set[PageReader] = set()
        #: The last messages of each bike, by its id, oldest first.
        self._seconds: dict[str, deque[Telemetry]] = {}
        #: The time of the last message: the clock may have been set back since an earlier one.
        self._latest_ms = 0
        self.log = LogLines()
        #: The event of the last check, if there was one.
        self._check = b""

    def take(self, item: FeedItem) -> None:
        """Send what the race has handed over to the pages that show it."""
        match item:
            case GatewayStatus():
                data = event("status", status_to_json(item))
                for reader in self._of("rider"):
                    reader.put_status(data)
                if owners := self._of("gateway"):
                    data += event("words", status_words_json(item))
                    for reader in owners:
                        reader.put_status(data)
            case Telemetry():
                seconds = self._seconds.setdefault(item.bike_id, deque(maxlen=SECONDS_KEPT))
                seconds.append(item)
                self._latest_ms = item.device_timestamp
                self._tell("rider", lambda: event("second", item.to_json()))
                self._tell("tail", lambda: message_line("produced", item.to_json()))
            case Acknowledged(payload):
                self._tell("tail", lambda: message_line("acknowledged", payload))
            case LogRecord():
                line = self.log.add(item)
                self._tell("gateway", lambda: event("log", line))

    def take_check(self, state: bytes) -> None:
        """Send the state of a check to the owner's pages, also to those that connect later."""
        self._check = event("check", state)
        self._tell("gateway", lambda: self._check)

    async def follow(self, page: Page, first: bytes = b"") -> AsyncGenerator[bytes, None]:
        """Yield `first`, then the events of a page that connects. Raises StreamOver."""
        with self.reader(page) as reader:
            yield first
            while True:
                yield await reader.take()

    @contextmanager
    def reader(self, page: Page) -> Iterator[PageReader]:
        """Yield the events of a page that connects, until the context ends."""
        reader = PageReader(page, self._first(page))
        self._readers.add(reader)
        self._note_readers()
        try:
            yield reader
        finally:
            self._readers.remove(reader)
            self._note_readers()

    def _first(self, page: Page) -> bytes:
        """Return what a page receives when it connects."""
        match page:
            case "rider":
                return event("seconds", b"[%b]" % b",".join(self._last_minute()))
            case "gateway":
                return event("logs", self.log.as_json()) + self._check
            case "tail":
                return b""

    def end(self) -> None:
        """End all streams."""
        for reader in self._readers:
            reader.end()

    def _of(self, *pages: Page) -> list[PageReader]:
        return [reader for reader in self._readers if reader.page in pages]

    def _note_readers(self) -> None:
        self._watch(bool(self._of("rider", "gateway")), bool(self._of("tail")))

    def _tell(self, page: Page, make: Callable[[], bytes]) -> None:
        if readers := self._of(page):
            data = make()
            for reader in readers:
                reader.put(data)

    def _last_minute(self) -> Iterator[bytes]:
        """Yield the messages of the last minute of each bike that has sent one recently."""
        for seconds in self._seconds.values():
            for second in seconds:
                if abs(self._latest_ms - second.device_timestamp) < SECONDS_KEPT * 1000:
                    yield second.to_json()
