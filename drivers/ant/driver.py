"""The driver `ant`: a bike, a trainer or a sensor on ANT+, received through a USB stick."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace

from pydantic import Field, field_validator

from drivers.ant.radio import AntListener, AntRadio, shared_radio
from drivers.ant.scan import ANT_PROTOCOLS, COMPANION, scan_ant
from drivers.ant.stick import UNPLUGGED, plugged_in
from drivers.clock import MachineClock, sleep_for
from drivers.contract import (
    BikeAbsent,
    BikeLost,
    Clock,
    DriverOptions,
    FrameListener,
    FrameSource,
    ignore_frame,
)
from drivers.conversation import Conversation, first_within, resumed
from drivers.discovery import FoundBike
from drivers.protocols import PROTOCOLS
from drivers.reading import Reading
from drivers.tuning import Tuning

#: How long the driver waits for a stick and for a bike, and how often it looks for a stick, in
#: seconds.
APPEAR_S = 30.0
APPEAR_EVERY_S = 0.5
#: The longest wait for one page, in seconds, after which silence is noticed.
LISTEN_S = 0.25

log = logging.getLogger(__name__)


class AntOptions(DriverOptions, Tuning):
    """The `[bikes.options]` of a bike on ANT+."""

    #: The number that the device transmits; a neighbour's has another one.
    device_number: int = Field(ge=1, le=0xFFFF)
    #: A trainer often transmits several at once; `ant_fec` is the best.
    protocol: str = "ant_fec"
    #: The device number of a heart rate strap. A missing strap does not affect the race.
    heart_rate: int | None = Field(default=None, ge=1, le=0xFFFF)

    @field_validator("protocol")
    @classmethod
    def _is_ant(cls, protocol: str) -> str:
        if protocol not in ANT_PROTOCOLS:
            raise ValueError(f"expected one of: {', '.join(ANT_PROTOCOLS)}")
        return protocol

    @property
    def who(self) -> str:
        return f"{self.protocol} {self.device_number}"


class AntBike(FrameSource):
    """The driver `ant`. A bike is open after its first Reading, and lost when it falls silent."""

    Options = AntOptions

    def __init__(self, options: AntOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.stale_after_s = PROTOCOLS[options.protocol].stale_after_s
        #: Why `open_bike` is waiting; see WaitingDriver.
        self.waits_because = ""

    @staticmethod
    def discover(seconds: float) -> AsyncIterator[FoundBike]:
        """Scan with the stick, which no other program may use meanwhile."""
        return scan_ant(seconds, MachineClock())

    @asynccontextmanager
    async def open_bike(
        self, on_frame: FrameListener = ignore_frame
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        options = self._options
        await self._appear()
        pulse: deque[Reading] = deque(maxlen=16)
        async with (
            shared_radio(self._clock) as radio,
            radio.receive(
                self._clock, ANT_PROTOCOLS[options.protocol], options.device_number
            ) as reception,
            self._listening_to_strap(radio, pulse),
        ):
            talk = self._conversation(on_frame)
            async with aclosing(self._readings(reception, talk, pulse)) as readings:
                first = await first_within(self._clock, APPEAR_S, readings)
                if first is None:
                    raise self._absent(talk)
                yield resumed(first, readings)

    async def _appear(self) -> None:
        """Wait until a stick is plugged in. Raises BikeAbsent after APPEAR_S."""
        try:
            for _ in range(round(APPEAR_S / APPEAR_EVERY_S)):
                if plugged_in() is not None:
                    return
                self.waits_because = UNPLUGGED
                await sleep_for(self._clock, APPEAR_EVERY_S)
            raise BikeAbsent(UNPLUGGED)
        finally:
            self.waits_because = ""

    def _absent(self, talk: Conversation) -> BikeLost:
        if talk.heard_bytes:
            return BikeLost(f"{self._options.who} is received, but {talk.silence}")
        return BikeAbsent(
            f"{self._options.who} was not received within {APPEAR_S:g} s: pedal to wake it up, "
            "check its device number with `alleycat-gateway scan`, and bring the stick closer with "
            "a USB extension cable"
        )

    async def _readings(
        self, reception: AntListener, talk: Conversation, pulse: deque[Reading]
    ) -> AsyncGenerator[Reading, None]:
        taken_ns = 0
        while True:
            heard = await reception.next(LISTEN_S)
            at_ns = self._clock.monotonic_ns() if heard is None else heard[0]
            readings = [] if heard is None else talk.hear(at_ns, heard[1].page)
            if talk.was_understood:
                while pulse and pulse[0].at_ns <= at_ns:
                    beat = pulse.popleft()
                    yield replace(beat, at_ns=max(beat.at_ns, taken_ns))
                taken_ns = at_ns
                for reading in readings:
                    yield reading
                if talk.is_silent(at_ns):
                    silent_s = talk.protocol.lost_after_s
                    raise BikeLost(f"{self._options.who} was silent for {silent_s:g} s")

    def _conversation(self, on_frame: FrameListener) -> Conversation:
        options, start_ns = self._options, self._clock.monotonic_ns()
        protocol = PROTOCOLS[options.protocol]()
        return Conversation(options.protocol, protocol, options, start_ns, on_frame)

    @asynccontextmanager
    async def _listening_to_strap(
        self, radio: AntRadio, heard: deque[Reading]
    ) -> AsyncIterator[None]:
        number = self._options.heart_rate
        if number is None:
            yield
            return
        listening = asyncio.create_task(self._keep_listening(radio, number, heard))
        try:
            yield
        finally:
            listening.cancel()
            await asyncio.wait([listening])

    async def _keep_listening(self, radio: AntRadio, number: int, heard: deque[Reading]) -> None:
        """Append the strap's Readings to `heard`; without a channel for it there are none."""
        protocol = PROTOCOLS[COMPANION]()
        start_ns = self._clock.monotonic_ns()
        talk = Conversation(COMPANION, protocol, Tuning(), start_ns, ignore_frame)
        try:
            async with radio.receive(self._clock, ANT_PROTOCOLS[COMPANION], number) as reception:
                while True:
                    received = await reception.next(LISTEN_S)
                    if received is not None:
                        at_ns, page = received
                        heard.extend(talk.hear(at_ns, page.page))
        except BikeLost as error:
            log.info("heart rate strap %s is not received: %s", number, error)
