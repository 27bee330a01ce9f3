"""Counts the fleet's messages and measures their delays. Pure.

Times are in nanoseconds from the end of the second that a message is about.
"""

import re
from array import array
from collections.abc import Container

from gateway.cloud.uplink import Answer, Ending, Uplink, UplinkListener, Verdict
from gateway.simulation.scene import Percentiles
from gateway.timing.clock import GatewayClock

#: Two fields of telemetry on the wire; decoding the whole message would take ten times as long.
_END_AND_RACE = re.compile(rb'"deviceTimestamp":(\d+),"second":\d+,"raceId":(\d+)')


class Meter:
    """The counts and times of a whole run; the fleet's connections report to it."""

    def __init__(self) -> None:
        self.produced = 0
        #: Messages passed to a connection; a message that is sent again counts again.
        self.sent = 0
        self.acknowledged = 0
        #: Acknowledged messages that an earlier run had left.
        self.leftover = 0
        self.connected = 0
        #: Connections that ended, and the reason for the latest failure.
        self.drops = 0
        self.reason = ""
        self._sent_ns = array("q")
        self._acknowledged_ns = array("q")
        self._looked_at = 0

    def on_sent(self, late_ns: int) -> None:
        self.sent += 1
        self._sent_ns.append(late_ns)

    def on_acknowledged(self, late_ns: int) -> None:
        self.acknowledged += 1
        self._acknowledged_ns.append(late_ns)

    @property
    def unacknowledged(self) -> int:
        return self.produced - self.acknowledged

    def lately(self) -> Percentiles:
        """Return the times to PUBACK of the messages acknowledged since the last call."""
        times_ns = self._acknowledged_ns[self._looked_at :]
        self._looked_at = len(self._acknowledged_ns)
        return Percentiles.of(times_ns)

    def to_publish(self) -> Percentiles:
        """Return the times until messages were passed to their connection, over the whole run."""
        return Percentiles.of(self._sent_ns)

    def to_puback(self) -> Percentiles:
        """Return the times until messages were acknowledged, over the whole run."""
        return Percentiles.of(self._acknowledged_ns)


class MeteredUplink:
    """An Uplink that wraps another: it passes everything on, both ways, and reports to the meter.

    `race_ids`: the ids of this run's races, filled when they are known.
    """

    def __init__(
        self, uplink: Uplink, meter: Meter, clock: GatewayClock, race_ids: Container[int]
    ) -> None:
        self.is_up = False
        self._uplink = uplink
        self._meter = meter
        self._clock = clock
        self._race_ids = race_ids
        #: The end of the second that an open ticket's message is about; None for an earlier run's.
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
        self._wrapped_listener().on_up()

    def on_down(self, reason: str, ending: Ending) -> None:
        self._meter.connected -= self.is_up
        self._meter.drops += self.is_up
        self._meter.reason = reason
        self.is_up = False
        self._wrapped_listener().on_down(reason, ending)

    def on_answer(self, ticket: int, answer: Answer) -> None:
        ended_ns = self._ended_ns.pop(ticket)
        if answer.verdict is not Verdict.ACCEPTED:
            self._meter.reason = answer.reason
        elif ended_ns is None:
            self._meter.leftover += 1
        else:
            self._meter.on_acknowledged(self._clock.monotonic_ns() - ended_ns)
        self._wrapped_listener().on_answer(ticket, answer)

    def _end_of_second(self, payload: bytes) -> int | None:
        found = _END_AND_RACE.search(payload)
        if found is None or int(found[2]) not in self._race_ids:
            return None
        return self._clock.monotonic_ns_at(int(found[1]))

    def _wrapped_listener(self) -> UplinkListener:
        assert self._listener is not None
        return self._listener
