"""One session on an open serial port: sends requests and yields Readings until it is lost."""

from collections.abc import AsyncGenerator

from drivers.contract import BikeLost, Clock
from drivers.conversation import Conversation
from drivers.reading import Reading
from drivers.serial_line.port import SerialPort

#: Seconds between polls, in which a protocol may send its bike a request.
ASK_EVERY_S = 0.05


async def converse(
    port: SerialPort, talk: Conversation, clock: Clock
) -> AsyncGenerator[Reading, None]:
    """Yield Readings until the port is lost or the bike falls silent. Raises BikeLost then."""
    while True:
        now_ns = clock.monotonic_ns()
        if talk.is_silent(now_ns):
            raise BikeLost(f"{port.name} was silent for {talk.protocol.lost_after_s:g} s")
        for request in talk.requests(now_ns):
            port.write(request)
        try:
            async with clock.timeout(ASK_EVERY_S):
                data = await port.read()
        except TimeoutError:
            continue
        for reading in talk.hear(clock.monotonic_ns(), data):
            yield reading
