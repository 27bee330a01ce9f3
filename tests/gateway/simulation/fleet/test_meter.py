"""What it measures; that MeteredUplink is an Uplink is in tests/contracts/test_uplink.py."""

import asyncio

from gateway.cloud.uplink import Answer, Ending, Verdict
from gateway.simulation.fleet.meter import Meter, MeteredUplink
from gateway.simulation.scene import Percentiles
from gateway.timing.units import NS_PER_MS
from tests.support.fake_uplink import ACCEPTED, FakeUplink
from tests.support.telemetry import message
from tests.support.virtual_clock import VirtualClock

RACE_ID = 3
RACE_START_MS = RACE_ID * 300_000


class DeafListener:
    """Listens, and does nothing about it."""

    def on_up(self) -> None: ...
    def on_down(self, reason: str, ending: Ending) -> None: ...
    def on_answer(self, ticket: int, answer: Answer) -> None: ...


class Rig:
    def __init__(self) -> None:
        self.clock = VirtualClock(RACE_START_MS)
        self.meter = Meter()
        self.fake = FakeUplink()
        self.uplink = MeteredUplink(self.fake, self.meter, self.clock, {RACE_ID})
        self.uplink.start(DeafListener())
        self.fake.connect()


async def test_metered_uplink_times_from_the_end_of_the_second() -> None:
    rig = Rig()
    rig.fake.answer = lambda _: None
    await rig.clock.run_for(7.030)
    rig.uplink.publish(1, message(7, RACE_ID).to_json())
    await rig.clock.run_for(0.040)
    rig.fake.answer_all(ACCEPTED)
    assert (rig.meter.to_publish().max_ms, rig.meter.to_puback().max_ms) == (30.0, 70.0)
    assert (rig.meter.sent, rig.meter.acknowledged) == (1, 1)


async def test_metered_uplink_counts_a_resent_message_again_but_acknowledges_it_once() -> None:
    rig = Rig()
    rig.fake.answer = lambda _: Answer(Verdict.SLOW_DOWN, "too fast")
    rig.uplink.publish(1, message(7, RACE_ID).to_json())
    await asyncio.sleep(0)
    assert (rig.meter.acknowledged, rig.meter.reason) == (0, "too fast")
    rig.fake.answer = lambda _: ACCEPTED
    rig.uplink.publish(2, message(7, RACE_ID).to_json())
    await asyncio.sleep(0)
    assert (rig.meter.sent, rig.meter.acknowledged) == (2, 1)


async def test_metered_uplink_counts_what_an_earlier_run_left_apart() -> None:
    rig = Rig()
    rig.uplink.publish(1, message(7, RACE_ID - 1).to_json())
    await asyncio.sleep(0)
    assert (rig.meter.sent, rig.meter.acknowledged, rig.meter.leftover) == (0, 0, 1)


async def test_metered_uplink_counts_connections_that_are_up_and_those_that_end() -> None:
    rig = Rig()
    assert (rig.meter.connected, rig.uplink.is_up) == (1, True)
    rig.fake.cut("gone")
    rig.fake.cut("still gone")
    assert (rig.meter.connected, rig.meter.drops, rig.meter.reason) == (0, 1, "still gone")
    rig.fake.connect()
    assert (rig.meter.connected, rig.meter.drops) == (1, 1)


def test_meter_lately_is_since_the_last_look_and_to_puback_over_all() -> None:
    meter = Meter()
    for ms in (10, 20):
        meter.on_acknowledged(ms * NS_PER_MS)
    assert meter.lately().max_ms == 20
    meter.on_acknowledged(5 * NS_PER_MS)
    assert meter.lately() == Percentiles(5.0, 5.0, 5.0)
    assert meter.lately().max_ms == 0
    assert meter.to_puback() == Percentiles(10.0, 20.0, 20.0)
    assert (meter.acknowledged, meter.to_publish().max_ms) == (3, 0)
