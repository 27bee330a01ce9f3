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
        asked_ns = clock.monotonic_ns()
        for request in talk.requests(asked_ns):
            port.write(request)
        try:
            async with clock.timeout(ASK_EVERY_S):
                data = await port.read()
        except TimeoutError:
            if port.heard_ns > asked_ns:
                # The process was stopped for a while, and finds both time and data at once.
                continue
            at_ns = clock.monotonic_ns()
        else:
            at_ns = port.heard_ns
            for reading in talk.hear(at_ns, data):
                yield reading
        if talk.is_silent(at_ns):
            raise BikeLost(f"{port.name} was silent for {talk.protocol.lost_after_s:g} s")
