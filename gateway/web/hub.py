"""Hub: what the open pages receive, in the web server's loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from gateway.status.report import status_to_json
from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry
from gateway.web.feed import FeedItem

Page = Literal["rider", "gateway"]

#: How many seconds of each bike a page receives when it connects.
SECONDS_KEPT = 60
#: Limit of the events that wait for a page, in bytes; one that reads more slowly is disconnected.
UNREAD_MAX_BYTES = 256 * 1024


def event(name: str, data: bytes) -> bytes:
    """Return a server-sent event; `data` is one line of JSON."""
    return b"event: %b\ndata: %b\n\n" % (name.encode("ascii"), data.rstrip(b"\n"))


class StreamOverError(Exception):
    """A page receives no more events: it has not read them in time, or the gateway stops."""


class PageReader:
    """The events that wait for one open page. Of several states, only the newest waits."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._status = b""
        self._others: list[bytes] = []
        self._unread_bytes = 0
        self._has_events = asyncio.Event()
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
        """Wait for events, and return all that wait. Raises StreamOverError."""
        await self._has_events.wait()
        self._has_events.clear()
        if self._is_over or self._unread_bytes > UNREAD_MAX_BYTES:
            raise StreamOverError
        found = b"".join([*self._others, self._status])
        self._others, self._status, self._unread_bytes = [], b"", 0
        return found


class Hub:
    """All open pages, and what a page that connects receives first.

    `watch` is called with True when the first page connects, and with False when the last has gone.
    """

    def __init__(self, watch: Callable[[bool], None]) -> None:
        self._watch = watch
        self._readers: set[PageReader] = set()
        #: The last messages of each bike, by its id, oldest first.
        self._seconds: dict[str, deque[Telemetry]] = {}

    def take(self, item: FeedItem) -> None:
        """Send what the race has handed over to the pages that show it."""
        if isinstance(item, GatewayStatus):
            data = event("status", status_to_json(item)) if self._readers else b""
            for reader in self._readers:
                reader.put_status(data)
            return
        seconds = self._seconds.setdefault(item.bike_id, deque(maxlen=SECONDS_KEPT))
        seconds.append(item)
        self._tell("rider", "second", item.to_json)

    @contextmanager
    def reader(self, page: Page) -> Iterator[PageReader]:
        """Yield the events of a page that connects, until the context ends."""
        reader = PageReader(page)
        if page == "rider":
            reader.put(event("seconds", b"[%b]" % b",".join(self._last_minute())))
        self._readers.add(reader)
        if len(self._readers) == 1:
            self._watch(True)
        try:
            yield reader
        finally:
            self._readers.remove(reader)
            if not self._readers:
                self._watch(False)

    def end(self) -> None:
        """End all streams."""
        for reader in self._readers:
            reader.end()

    def _tell(self, page: Page, name: str, json: Callable[[], bytes]) -> None:
        readers = [reader for reader in self._readers if reader.page == page]
        if readers:
            data = event(name, json())
            for reader in readers:
                reader.put(data)

    def _last_minute(self) -> Iterator[bytes]:
        """Yield the messages of the last minute of each bike that has sent one recently."""
        latest_ms = max(
            (seconds[-1].device_timestamp for seconds in self._seconds.values()), default=0
        )
        for seconds in self._seconds.values():
            for second in seconds:
                if second.device_timestamp > latest_ms - SECONDS_KEPT * 1000:
                    yield second.to_json()
