"""Companions: a heart rate strap and a second power meter, whose loss never affects the bike."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from drivers.clock import sleep_for
from drivers.contract import BikeLost, Clock, FrameSource
from drivers.power import POWER_MAX_W, POWER_MIN_W
from drivers.protocols.standard.cycling_power import CyclingPower
from drivers.reading import Reading

#: Seconds between two searches for a missing heart rate strap.
STRAP_EVERY_S = 60.0
#: Seconds between two searches for a missing power meter: it matters more.
METER_EVERY_S = 10.0
#: A power of the second meter is valid for this long, in nanoseconds.
METER_VALID_NS = round(CyclingPower.stale_after_s * 1_000_000_000)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Companion:
    name: str
    device: FrameSource
    search_every_s: float
    hear: Callable[[Reading], None]


class Companions:
    """The companions of one connected bike, connected while `listening`.

    The power of `second_meter` is added to the bike's. While it sends none, the bike's is doubled:
    the two pedals of a rider differ by a few percent, but the power of one is half. An implausible
    power is never added, as the sum might be plausible: of the second meter it is left out, and of
    the bike it is doubled, and so refused and counted like that of any bike.
    """

    def __init__(
        self, strap: FrameSource | None, second_meter: FrameSource | None, clock: Clock
    ) -> None:
        self._clock = clock
        self._beats: deque[Reading] = deque(maxlen=16)
        self._taken_ns = 0
        self._has_meter = second_meter is not None
        #: The last power of the second meter, W, and when it came.
        self._second: tuple[float, int] | None = None
        self._all: list[_Companion] = []
        if strap is not None:
            self._all.append(
                _Companion("heart rate strap", strap, STRAP_EVERY_S, self._beats.append)
            )
        if second_meter is not None:
            self._all.append(
                _Companion("second power meter", second_meter, METER_EVERY_S, self._hear_meter)
            )

    def take_beats(self, until_ns: int) -> Iterator[Reading]:
        """Yield the Readings of the strap that came until then, and have not been taken yet.

        None is older than `until_ns` of the last call: Readings of the bike have that time.
        """
        while self._beats and self._beats[0].at_ns <= until_ns:
            beat = self._beats.popleft()
            yield replace(beat, at_ns=max(beat.at_ns, self._taken_ns))
        self._taken_ns = until_ns

    def completed(self, reading: Reading) -> Reading:
        """Return the bike's `reading` with the power of both meters."""
        if not self._has_meter or reading.power_w is None:
            return reading
        power_w, how = reading.power_w * 2, "× 2"
        if self._second is not None and _is_half(reading.power_w):
            second_w, at_ns = self._second
            if reading.at_ns - at_ns <= METER_VALID_NS:
                power_w, how = reading.power_w + second_w, "+ second meter"
        return replace(reading, power_w=power_w, source=f"{reading.source} {how}")

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keep the companions connected until the context ends."""
        tasks = [asyncio.create_task(_keep_listening(one, self._clock)) for one in self._all]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    def _hear_meter(self, reading: Reading) -> None:
        if reading.power_w is not None and _is_half(reading.power_w):
            self._second = reading.power_w, reading.at_ns


def _is_half(power_w: float) -> bool:
    """Return whether twice this power is plausible."""
    return POWER_MIN_W <= power_w * 2 <= POWER_MAX_W


async def _keep_listening(companion: _Companion, clock: Clock) -> None:
    """Pass on the companion's Readings, and reconnect forever.

    A failure of the companion is logged here and never reaches the bike.
    """
    reason = ""
    while True:
        try:
            async with companion.device.open_bike() as readings:
                reason = ""
                async for reading in readings:
                    companion.hear(reading)
        except BikeLost as error:
            if str(error) != reason:
                log.info("%s lost: %s", companion.name, error)
            reason = str(error)
        except Exception:
            log.exception("the driver of the %s failed; reconnecting", companion.name)
        await sleep_for(clock, companion.search_every_s)
