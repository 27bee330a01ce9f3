"""The ANT+ scan: lists what transmits, each device once."""

from collections.abc import AsyncIterator

from drivers.ant.radio import shared_radio
from drivers.ant.stick import plugged_in
from drivers.contract import Clock
from drivers.discovery import FoundBike
from drivers.protocols import PROTOCOLS
from drivers.protocols.ant.messages import ReceivedPage
from drivers.protocols.base import WireProtocol
from drivers.reading import Frame, Reading

#: The protocols of ANT+, best first.
ANT_PROTOCOLS = {name: made.ant for name, made in PROTOCOLS.items() if made.ant is not None}
#: The protocol that is useful only in addition to a bike's own.
COMPANION = "ant_heart_rate"

_NAMES = {channel.device_type: name for name, channel in ANT_PROTOCOLS.items()}


class _Transmitter:
    """A device number under one of its protocols, and what it sends."""

    def __init__(self, name: str, number: int) -> None:
        self.name = name
        self.number = number
        self.reading: Reading | None = None
        self._protocol: WireProtocol = PROTOCOLS[name]()

    def hear(self, at_ns: int, received: ReceivedPage) -> None:
        for reading in self._protocol.feed(Frame(at_ns, received.page)):
            if self.reading is None or reading.cadence_rpm is not None:
                self.reading = reading

    def found(self) -> FoundBike:
        is_companion = self.name == COMPANION
        also = "; use it together with a bike" if is_companion else ""
        return FoundBike(
            f"ANT+ {self.number}",
            f"ant:{self.number}",
            f"transmits {self.name}{also}",
            {"heart_rate": self.number}
            if is_companion
            else {"device_number": self.number, "protocol": self.name},
            reading=self.reading,
            is_companion=is_companion,
        )


async def scan_ant(seconds: float, clock: Clock) -> AsyncIterator[FoundBike]:
    """Yield each device once, under its best protocol. Raises BikeLost, not without a stick."""
    if plugged_in() is None:
        return
    # By device number; a strap may have the number of a bike.
    heard: dict[tuple[int, bool], dict[str, _Transmitter]] = {}
    until_ns = clock.monotonic_ns() + round(seconds * 1e9)
    async with shared_radio(clock) as radio, radio.scan(clock) as reception:
        while (now_ns := clock.monotonic_ns()) < until_ns:
            heard_page = await reception.next((until_ns - now_ns) / 1e9)
            if heard_page is None:
                continue
            at_ns, received = heard_page
            if name := _NAMES.get(received.device_type):
                device = heard.setdefault((received.device_number, name == COMPANION), {})
                one = device.setdefault(name, _Transmitter(name, received.device_number))
                one.hear(at_ns, received)
    # Only at the end is it known that a trainer does not transmit a better protocol as well.
    for device in heard.values():
        yield device[min(device, key=list(ANT_PROTOCOLS).index)].found()
