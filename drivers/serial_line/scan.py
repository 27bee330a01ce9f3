"""The serial scan: tries every protocol on every USB port in turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from drivers.contract import BikeLost, Clock, ignore_frame
from drivers.conversation import Conversation
from drivers.discovery import FoundBike
from drivers.protocols import PROTOCOLS
from drivers.reading import Reading
from drivers.serial_line.port import PortInfo, list_usb_ports, open_port
from drivers.serial_line.session import converse
from drivers.tuning import Tuning

#: The attempts in order, as (protocol, baud rate). `lines` comes first: its boards may reset
#: whenever the port is opened.
TRIES = tuple(
    (name, baud_rate)
    for name in sorted(PROTOCOLS, key=lambda name: name != "lines")
    if (line := PROTOCOLS[name].line) is not None
    for baud_rate in line.baud_rates
)
#: The least time per attempt, in seconds: the driver listens to a Peloton before it polls, and a
#: board has to start.
TRY_S = 2.5


async def scan_ports(
    seconds: float, clock: Clock, ports: list[PortInfo] | None = None
) -> AsyncIterator[FoundBike]:
    """Yield the bikes on all ports as they are found; `seconds` may be exceeded a little.

    Raises BikeLost at the end if some ports could not be opened, with the reason of each.
    """
    ports = list_usb_ports() if ports is None else ports
    problems: dict[str, None] = {}
    looking = [
        asyncio.create_task(_look(port, clock, max(TRY_S, seconds / len(TRIES)), problems))
        for port in ports
    ]
    try:
        for done in asyncio.as_completed(looking):
            found = await done
            if found is not None:
                yield found
    finally:
        for task in looking:
            task.cancel()
    if problems:
        raise BikeLost("; ".join(problems))


async def _look(
    port: PortInfo, clock: Clock, seconds_each: float, problems: dict[str, None]
) -> FoundBike | None:
    for protocol, baud_rate in TRIES:
        try:
            reading = await _try(port.port, clock, protocol, baud_rate, seconds_each)
        except BikeLost as error:
            problems[str(error)] = None
            return None
        if reading is not None:
            return FoundBike(
                port.product,
                port.port,
                f"speaks {protocol} at {baud_rate} baud",
                {"port": port.port, "protocol": protocol},
                reading=reading,
            )
    return None


async def _try(
    port: str, clock: Clock, protocol: str, baud_rate: int, seconds: float
) -> Reading | None:
    """Return the first Reading, or None after `seconds`. Raises BikeLost."""
    line = PROTOCOLS[protocol].line
    assert line is not None
    made = PROTOCOLS[protocol]()
    talk = Conversation(protocol, made, Tuning(), clock.monotonic_ns(), ignore_frame)
    with suppress(TimeoutError):
        async with (
            clock.timeout(seconds),
            open_port(port, baud_rate, line, clock) as opened,
            aclosing(converse(opened, talk, clock)) as readings,
        ):
            return await anext(readings)
    return None
