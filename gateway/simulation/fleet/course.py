"""Runs all races of a fleet, second by second, on one tick."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from gateway.race.clock import RaceClock, RaceSecond
from gateway.race.commanded import BikeRaces
from gateway.simulation.fleet.racer import FleetRacer
from gateway.telemetry.message import Telemetry
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_MS

#: How many racers' seconds are closed before the connections get a turn to send the messages.
CLOSED_AT_ONCE = 25
#: The Readings of a second are computed in this many portions while it runs, between these times
#: after its start. Before that, the messages of the previous second are sent.
PORTIONS = 20
RIDE_FROM_NS, RIDE_UNTIL_NS = 200 * NS_PER_MS, 900 * NS_PER_MS


class Course:
    """The races of a fleet, which start together and are equally long.

    `send` is called with each new message.
    """

    def __init__(
        self,
        racers: Sequence[FleetRacer],
        clock: GatewayClock,
        send: Callable[[FleetRacer, Telemetry], None],
    ) -> None:
        self._racers = racers
        self._clock = clock
        self._send = send
        self._race_clock = RaceClock(BikeRaces([racers[0].race]), clock)

    async def run(self) -> None:
        """Run the races, from before the start to the last `final`. The clock must be set."""
        async with asyncio.TaskGroup() as tasks:
            riding = tasks.create_task(self._ride())
            is_over = False
            while not is_over:
                ended = await self._race_clock.tick()
                assert isinstance(ended, RaceSecond)
                await self._close(ended)
                is_over = ended.is_final
            riding.cancel()

    async def _ride(self) -> None:
        while isinstance(running := self._race_clock.running, RaceSecond):
            for number, portion in enumerate(self._portions(-(-len(self._racers) // PORTIONS))):
                share_ns = (RIDE_UNTIL_NS - RIDE_FROM_NS) * number // PORTIONS
                await self._clock.sleep_until(running.start_ns + RIDE_FROM_NS + share_ns)
                for racer in portion:
                    racer.ride(running)
            await self._clock.sleep_until(running.end_ns + RIDE_FROM_NS)

    async def _close(self, ended: RaceSecond) -> None:
        of_race = {racer.race.race_id: replace(ended, race=racer.race) for racer in self._racers}
        for portion in self._portions(CLOSED_AT_ONCE):
            for racer in portion:
                self._send(racer, racer.close_second(of_race[racer.race.race_id]))
            await asyncio.sleep(0)

    def _portions(self, size: int) -> Iterator[Sequence[FleetRacer]]:
        for first in range(0, len(self._racers), size):
            yield self._racers[first : first + size]
