"""One connection in one protocol: turns Frames into Readings and detects silence."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from drivers.contract import Clock, FrameListener
from drivers.protocols.base import WireProtocol
from drivers.reading import Frame, Reading
from drivers.tuning import Tuning, level_of

_NS_PER_S = 1_000_000_000


class Conversation:
    """The exchange with a bike in one protocol, from connecting to losing it.

    `start_ns` is the monotonic time of the connection.
    """

    def __init__(
        self,
        name: str,
        protocol: WireProtocol,
        tuning: Tuning,
        start_ns: int,
        on_frame: FrameListener,
    ) -> None:
        self.name = name
        self.protocol = protocol
        #: The number of bytes that the bike has sent, decodable or not.
        self.heard_bytes = 0
        self.was_understood = False
        self._tuning = tuning
        self._last_level: float | None = None
        self._understood_ns = start_ns
        #: When the last power came, if it was 0.
        self._at_0_w_ns: int | None = None
        self._on_frame = on_frame

    def hear(self, at_ns: int, data: bytes, characteristic: str = "") -> list[Reading]:
        """Return the Readings that end within `data`, tuned and with their source."""
        self.heard_bytes += len(data)
        frame = Frame(at_ns, data, characteristic=characteristic)
        self._on_frame(self.name, frame)
        readings = self.protocol.feed(frame)
        if readings:
            self.was_understood = True
            self._understood_ns = at_ns
        for reading in readings:
            if reading.power_w is not None:
                self._at_0_w_ns = None if reading.power_w else at_ns
        return [self._signed(self._tuned(reading)) for reading in readings]

    def learn(self, at_ns: int, data: bytes, characteristic: str) -> None:
        """Feed the protocol what is no measurement: the answer to a command, or a value read."""
        self.protocol.feed(Frame(at_ns, data, characteristic=characteristic))

    def requests(self, now_ns: int, characteristic: str = "") -> Iterator[bytes]:
        """Yield what to send now, in parts, each of which the caller sends at once."""
        while data := self.protocol.request(now_ns):
            frame = Frame(now_ns, data, sent=True, characteristic=characteristic)
            self._on_frame(self.name, frame)
            self.protocol.feed(frame)
            yield data

    def is_silent(self, now_ns: int) -> bool:
        """Return whether the last Reading is so old that the bike is lost."""
        return now_ns - self._understood_ns >= self.protocol.lost_after_s * _NS_PER_S

    def is_at_rest(self, now_ns: int) -> bool:
        """Return whether the last power shows that the rider does not pedal, unless it is stale."""
        if self._at_0_w_ns is None or not self.protocol.rests_at_0_w:
            return False
        return now_ns - self._at_0_w_ns <= self.protocol.stale_after_s * _NS_PER_S

    @property
    def silence(self) -> str:
        """A description of what was received instead of Readings, for an error message."""
        if self.heard_bytes == 0:
            return "no data was received"
        return (
            f"no reading was received: {self.protocol.unusable_bytes} of {self.heard_bytes} bytes "
            f"could not be decoded as {self.name}"
        )

    def _tuned(self, reading: Reading) -> Reading:
        tuned = self._tuning.tune(reading, self._last_level)
        level = level_of(reading)
        self._last_level = self._last_level if level is None else level
        return tuned

    def _signed(self, reading: Reading) -> Reading:
        source = f"{self.name} ({reading.source})" if reading.source else self.name
        return replace(reading, source=source)


async def first_within(
    clock: Clock, seconds: float, readings: AsyncIterator[Reading]
) -> Reading | None:
    """Return the first of `readings`, or None if there is none within `seconds`."""
    try:
        async with clock.timeout(seconds):
            return await anext(readings)
    except TimeoutError:
        return None


async def resumed(first: Reading, rest: AsyncIterator[Reading]) -> AsyncIterator[Reading]:
    """Yield `first`, which was already taken from the iterator, then the rest of it."""
    yield first
    async for reading in rest:
        yield reading
