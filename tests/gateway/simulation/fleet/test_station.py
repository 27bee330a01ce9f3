"""A thing of the fleet, without and with a file for its buffer."""

from pathlib import Path
from random import Random

import pytest

from gateway.buffer.buffer import Buffer
from gateway.cloud.uplink import Answer, Verdict
from gateway.simulation.fleet.meter import Meter, MeteredUplink
from gateway.simulation.fleet.station import Station, memory_buffer, open_file_buffer
from gateway.timing.clock import GatewayClock, SystemClock
from tests.support.fake_uplink import FakeUplink
from tests.support.telemetry import message, seconds_of
from tests.support.virtual_clock import VirtualClock

#: More than the order keeps at hand, so that a real buffer would turn to its disk.
MANY = 1200
LENGTH_S = 5000


def station(buffer: Buffer, uplink: FakeUplink, clock: GatewayClock, *, with_file: bool) -> Station:
    metered = MeteredUplink(uplink, Meter(), clock, {1})
    return Station(buffer, metered, clock, Random(1), 80.0, with_file=with_file)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


async def test_station_sends_a_second_at_once_and_forgets_it_when_acknowledged(
    clock: VirtualClock,
) -> None:
    uplink = FakeUplink()
    one = station(memory_buffer(clock), uplink, clock, with_file=False)
    one.start()
    await clock.settle()
    uplink.connect()
    one.send(message(1))
    assert one.waiting == 1
    await clock.settle()
    assert seconds_of(uplink.delivered) == [(1, 1)]
    assert one.waiting == 0
    await one.stop()


@pytest.mark.slow
async def test_station_without_a_file_keeps_an_outage_in_memory_in_order(
    clock: VirtualClock,
) -> None:
    uplink = FakeUplink()
    one = station(memory_buffer(clock), uplink, clock, with_file=False)
    one.start()
    await clock.settle()
    for second in range(1, MANY + 1):
        one.send(message(second, length_s=LENGTH_S))
        await clock.run_for(0.01)
    assert one.waiting == MANY
    uplink.connect()
    await clock.run_for(MANY / 80 + 5)
    assert seconds_of(uplink.delivered) == [(1, second) for second in range(1, MANY + 1)]
    assert one.waiting == 0
    await one.stop()


async def test_station_sets_aside_what_is_refused_for_good_in_the_next_race(
    clock: VirtualClock,
) -> None:
    """Until then it blocks its own race, whose seconds are to arrive in order."""
    uplink = FakeUplink(
        lambda payload: (
            Answer(Verdict.REFUSED, "no") if b'"second":2,' in payload else Answer(Verdict.ACCEPTED)
        )
    )
    one = station(memory_buffer(clock), uplink, clock, with_file=False)
    one.start()
    await clock.settle()
    uplink.connect()
    for second in range(1, 7):
        one.send(message(second, race_id=1))
        await clock.run_for(20)
    assert (one.waiting, one.set_aside) == (5, 0)
    for second in range(11, 17):
        one.send(message(second, race_id=2))
        await clock.run_for(20)
    assert (one.waiting, one.set_aside) == (0, 1)
    arrived = seconds_of(uplink.delivered)
    assert [second for race, second in arrived if race == 1] == [1, 3, 4, 5, 6]
    await one.stop()


async def test_station_with_a_file_keeps_unsent_seconds_for_the_next_run(tmp_path: Path) -> None:
    clock = SystemClock()
    first = station(
        await open_file_buffer(tmp_path, "thing:fleet-1", clock),
        FakeUplink(),
        clock,
        with_file=True,
    )
    first.start()
    for second in (1, 2, 3):
        first.send(message(second))
    await first.stop()
    buffer = await open_file_buffer(tmp_path, "thing:fleet-1", clock)
    assert buffer.status.depth == 3
    await buffer.close()
