"""A bike that a daemon races on is compared with another of its bikes; from then on it is right."""

import asyncio
import json
from itertools import pairwise

from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber


def bike(number: int, power_factor: float) -> str:
    """Return the config's table of a bike; all have the same rider."""
    return (
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nracer_name = "Rider{number}"\n'
        'class_id = 1\ndriver = "fake"\noptions = { wire = "ftms", ride_s = 3600, '
        f"faults = {{ power_factor = {power_factor} }} }}\n"
    )


async def test_power_is_compared_with_another_bike_of_the_daemon_and_no_second_is_lost(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.race_length_s = 300
    gateway.bikes = [bike(1, power_factor=0.5), bike(2, power_factor=1)]
    await asyncio.to_thread(gateway.start)
    await asyncio.to_thread(subscriber.wait_for, lambda messages: len(messages) >= 4)
    command = (
        *("calibrate", "power", "bike-1", "--config", str(gateway.config_file)),
        *("--against", "bike-2", "--seconds", "60", "--yes"),
    )
    done = await asyncio.to_thread(alleycat_gateway, *command, timeout_s=170)
    assert done.returncode == 0, done.stdout + done.stderr
    saved = json.loads((gateway.config_file.parent / "state/calibration/bike-1.json").read_text())
    assert 1.94 < saved["calibration"]["power_scale"] < 2.06
    seen = len(subscriber.messages)
    messages = await asyncio.to_thread(subscriber.wait_for, lambda some: len(some) >= seen + 4)
    for racer_id in (1, 2):
        stamps = [one.device_timestamp for one in messages if one.racer_id == racer_id]
        assert {later - at for at, later in pairwise(stamps)} == {1000}
