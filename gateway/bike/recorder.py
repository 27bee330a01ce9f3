"""Recorder: puts every second of every bike into the buffer, dated or not."""

from collections.abc import Callable
from dataclasses import replace

import structlog

from gateway.bike.bikes import Bikes
from gateway.buffer.buffer import Buffer
from gateway.host.boots import Boots
from gateway.telemetry.message import Telemetry, is_simulated, telemetry_from_json
from gateway.telemetry.undated import NotDatable, UndatedSample, undated_from_json
from gateway.timing.clock import GatewayClock
from gateway.timing.rate import Rate
from gateway.timing.units import NS_PER_S

log = structlog.get_logger()


class Recorder:
    """A writer of seconds to the buffer, which keeps undated ones there until they can be dated.

    Seconds that a fake bike made are discarded once it is not in the config any more: they are not
    those of the bike in its place.

    A second ridden before the clock was set has no race yet. It becomes a message once the clock
    is set, before any message that must come after it.
    """

    def __init__(self, bikes: Bikes, buffer: Buffer, clock: GatewayClock, boots: Boots) -> None:
        self._bikes = bikes
        self._buffer = buffer
        self._clock = clock
        self._boots = boots
        #: Each is called with each new message.
        self.on_telemetry: list[Callable[[Telemetry], None]] = []
        self._is_dating = False
        buffer.discard(self._is_leftover)
        #: The number of messages produced since the start, and their rate.
        self.produced = 0
        self.productions = Rate(clock.monotonic_ns())

    def record(self, second: Telemetry | UndatedSample) -> None:
        """Put one second into the buffer."""
        if isinstance(second, UndatedSample):
            self._buffer.append_undated(second.to_json())
            return
        self._date_kept_seconds()  # they must precede this message
        self._buffer.append(second)
        self.produced += 1
        self.productions.add(self._clock.monotonic_ns())
        for listener in self.on_telemetry:
            listener(second)

    async def date_when_the_clock_is_set(self) -> None:
        """Wait until the clock is set, then date the seconds kept so far."""
        if not self._clock.is_trustworthy():
            log.warning("the clock is not set; until it is, seconds are kept without a race")
            while not self._clock.is_trustworthy():
                await self._clock.sleep_until(self._clock.monotonic_ns() + NS_PER_S)
            log.info(
                "clock set; the kept seconds are now assigned to races",
                source=self._clock.source,
                unnamed=self._buffer.status.unnamed,
            )
        self._date_kept_seconds()

    def _date_kept_seconds(self) -> None:
        if not self._is_dating:
            self._is_dating = True
            self._clock.reanchor()
            self._buffer.date_seconds(self._date)

    def _is_leftover(self, payload: bytes) -> bool:
        """Return whether a fake bike made the message, and a real one has taken its place."""
        return is_simulated(payload) and not self._is_simulated(
            telemetry_from_json(payload).bike_id
        )

    def _is_simulated(self, bike_id: str) -> bool:
        bike = self._bikes.get(bike_id)
        return bike is not None and bike.config.is_simulated

    def _date(self, payload: bytes) -> Telemetry | None:
        """Return the message of a kept second; None if it was in no race. Raises NotDatable."""
        undated = undated_from_json(payload)
        if undated.is_simulated and not self._is_simulated(undated.bike_id):
            return None
        bike = self._bikes.get(undated.bike_id)
        if bike is None:
            raise NotDatable(f"bike {undated.bike_id} is no longer in the config")
        return bike.date(self._in_this_boot(undated))

    def _in_this_boot(self, undated: UndatedSample) -> UndatedSample:
        """Return a second with its end on this boot's monotonic clock. Raises NotDatable."""
        if undated.boot_id == self._clock.boot_id:
            return undated
        began_ms = self._boots.began_ms(undated.boot_id)
        if began_ms is None:
            raise NotDatable(
                "it was ridden before the last reboot, and the clock had not been set by then"
            )
        # An earlier boot began before this one, so its end here is usually negative.
        end_ns = self._clock.monotonic_ns_at(began_ms) + undated.end_ns
        return replace(undated, boot_id=self._clock.boot_id, end_ns=end_ns)
