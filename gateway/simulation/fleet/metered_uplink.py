"""An Uplink around an Uplink that tells a Meter of every message that passes."""

import re
from collections.abc import Container

from gateway.cloud.uplink import Answer, Uplink, UplinkListener, Verdict
from gateway.simulation.fleet.meter import Meter
from gateway.timing.clock import Clock

#: Fields of telemetry as it goes over the wire; to decode the whole would cost ten times as much.
_END_AND_RACE = re.compile(rb'"deviceTimestamp":(\d+),"second":\d+,"raceId":(\d+)')


class MeteredUplink:
    """Passes everything on, both ways. `race_ids`: this run's, as soon as they are known."""

    def __init__(
        self, uplink: Uplink, meter: Meter, clock: Clock, race_ids: Container[int]
    ) -> None:
        self.is_up = False
        self._uplink = uplink
        self._meter = meter
        self._clock = clock
        self._race_ids = race_ids
        #: When the second ended that an open ticket's message is about; None: of an earlier run.
        self._ended_ns: dict[int, int | None] = {}
        self._listener: UplinkListener | None = None

    def start(self, listener: UplinkListener) -> None:
        self._listener = listener
        self._uplink.start(self)

    def publish(self, ticket: int, payload: bytes) -> None:
        ended_ns = self._ended_ns[ticket] = self._end_of_second(payload)
        if ended_ns is not None:
            self._meter.on_sent(self._clock.monotonic_ns() - ended_ns)
        self._uplink.publish(ticket, payload)

    async def stop(self) -> None:
        await self._uplink.stop()

    def on_up(self) -> None:
        self._meter.connected += not self.is_up
        self.is_up = True
        self._tell().on_up()

    def on_down(self, reason: str) -> None:
        self._meter.connected -= self.is_up
        self._meter.drops += self.is_up
        self._meter.reason = reason
        self.is_up = False
        self._tell().on_down(reason)

    def on_answer(self, ticket: int, answer: Answer) -> None:
        ended_ns = self._ended_ns.pop(ticket)
        if answer.verdict is not Verdict.ACCEPTED:
            self._meter.reason = answer.reason
        elif ended_ns is None:
            self._meter.leftover += 1
        else:
            self._meter.on_acknowledged(self._clock.monotonic_ns() - ended_ns)
        self._tell().on_answer(ticket, answer)

    def _end_of_second(self, payload: bytes) -> int | None:
        found = _END_AND_RACE.search(payload)
        if found is None or int(found[2]) not in self._race_ids:
            return None
        return self._clock.monotonic_ns_at(int(found[1]))

    def _tell(self) -> UplinkListener:
        assert self._listener is not None
        return self._listener
