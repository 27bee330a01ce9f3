"""A person counts turns on a bike that a daemon races on; from then on the race is right."""

import asyncio
from itertools import pairwise

from gateway.telemetry.message import Telemetry
from tests.support.counting import CountedRide
from tests.support.dialogue import Dialogue
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber


async def test_cadence_scale_is_in_use_once_saved_and_no_second_is_lost(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    ride = CountedRide()
    gateway.cloud["port"] = broker.port
    gateway.race_length_s = 300
    gateway.bikes = [ride.bike(factor=2)]
    await asyncio.to_thread(gateway.start)
    await asyncio.to_thread(subscriber.wait_for, lambda messages: len(messages) >= 2)

    def count() -> None:
        with Dialogue(
            *("calibrate", "cadence", "bike-1", "--config", str(gateway.config_file)),
            *("--count", "16"),
        ) as dialogue:
            dialogue.expect("press Enter: that is stroke 0.")
            ride.press_twice(dialogue, turns=16)
            dialogue.expect("Save the cadence scale 0.5")
            dialogue.press("y")
            dialogue.expect("in use")
            assert dialogue.exit_code() == 0

    await asyncio.to_thread(count)
    saved_at = len(subscriber.messages)

    def enough(messages: list[Telemetry]) -> bool:
        return len(messages) >= saved_at + 3

    messages = await asyncio.to_thread(subscriber.wait_for, enough)
    assert all(140 < one.cadence < 190 for one in messages[: saved_at - 2])
    assert all(70 < one.cadence < 95 for one in messages[saved_at + 1 :])
    assert (gateway.config_file.parent / "state/calibration/bike-1.json").is_file()
    stamps = [one.device_timestamp for one in messages]
    assert {later - at for at, later in pairwise(stamps)} == {1000}
