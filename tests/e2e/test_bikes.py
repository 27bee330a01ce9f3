"""Three bikes on one gateway, over Bluetooth and two serial ports; each loses its link once."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from drivers.protocols.serial.lines import encode_pairs
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from gateway.telemetry.message import Telemetry
from tests.support.bluez import Bluez, Device, bikes
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.pty_bike import PtyBike
from tests.support.serial_bikes import PelotonBike
from tests.support.subscriber import Subscriber

RACE_S = 36
#: How long the gateway and its links may take to start on a busy machine.
START_S = 20
AWAY_S = 10.0
#: A second that has begun within this time of the return may still be lost.
RETURN_S = 2.0


@dataclass
class Outage:
    """When a bike was away, on the wall clock."""

    bike_id: str
    left_ms: float = 0
    back_ms: float = 0

    def may_lose(self, second: Telemetry | int, start_ms: int) -> bool:
        number = second if isinstance(second, int) else second.second
        begins_ms = start_ms + (number - 1) * 1000
        return self.left_ms - 1000 < begins_ms < self.back_ms + RETURN_S * 1000


async def take_away(
    outage: Outage, at_s: float, leave: Callable[[], object], back: Callable[[], object]
) -> None:
    await asyncio.sleep(at_s - time.time())
    outage.left_ms = time.time() * 1000
    leave()
    await asyncio.sleep(AWAY_S)
    outage.back_ms = time.time() * 1000
    back()


async def ride(bike: Device) -> None:
    """80 rpm, said twice a second to whoever listens."""
    said = IndoorBikeData(speed_kmh=30, cadence_rpm=80, resistance_level=40, power_w=150)
    while True:
        bike.notify(bikes.INDOOR_BIKE_DATA, encode_indoor_bike_data(said))
        await asyncio.sleep(0.5)


def table(number: int, driver: str, options: str) -> str:
    return (
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nracer_name = "Rider{number}"\n'
        f'class_id = 1\ndriver = "{driver}"\noptions = {{ {options} }}\n'
    )


async def test_bike_that_loses_its_link_loses_only_the_seconds_away(
    gateway: GatewayProcess,
    broker: Mosquitto,
    subscriber: Subscriber,
    bluez: Bluez,
    tmp_path: Path,
) -> None:
    ftms = bikes.ftms_bike(bluez)
    peloton = PtyBike(tmp_path / "usb-peloton", PelotonBike(cadence_rpm=90).answer).plug_in()
    rig = PtyBike(tmp_path / "usb-rig", says=lambda: encode_pairs(rpm=70, res=40)).plug_in()
    gateway.cloud["port"] = broker.port
    gateway.bikes = [
        table(1, "ble", f'address = "{ftms.address}"'),
        table(2, "serial", f'port = "{peloton.port}", protocol = "peloton"'),
        table(3, "serial", f'port = "{rig.port}", protocol = "lines"'),
    ]
    start_s = round(time.time()) + START_S
    gateway.race_length_s = RACE_S
    gateway.race_offset_ms = start_s * 1000 % (RACE_S * 1000)

    def out_of_range() -> None:
        ftms.leave()
        ftms.drop_link()

    riding = asyncio.create_task(ride(ftms))
    await asyncio.to_thread(gateway.start)
    outages = [Outage(f"bike-{number}") for number in (1, 2, 3)]
    await asyncio.gather(
        take_away(outages[0], start_s + 8.4, out_of_range, ftms.come_back),
        take_away(outages[1], start_s + 11.7, peloton.unplug, peloton.plug_in),
        take_away(outages[2], start_s + 15.1, rig.unplug, rig.plug_in),
    )
    race_id = (start_s * 1000 - gateway.race_offset_ms) // (RACE_S * 1000) * 10 + 1

    def finals(messages: list[Telemetry]) -> int:
        return sum(one.race_id == race_id and one.is_final for one in messages)

    messages = await asyncio.to_thread(subscriber.wait_for, lambda them: finals(them) >= 3, 40)
    riding.cancel()
    with suppress(asyncio.CancelledError):
        await riding
    for outage, cadence_rpm in zip(outages, (80, 90, 70), strict=True):
        ridden = {
            one.second: one
            for one in messages
            if one.race_id == race_id and one.bike_id == outage.bike_id
        }
        lost = [second for second in range(1, RACE_S + 1) if second not in ridden]
        assert all(outage.may_lose(second, start_s * 1000) for second in lost), (outage, lost)
        assert AWAY_S - 1 <= len(lost) <= AWAY_S + RETURN_S, (outage, lost)
        assert {one.cadence for one in ridden.values()} == {cadence_rpm}, outage
    await asyncio.to_thread(gateway.terminate)
    assert "Traceback" not in gateway.log
    peloton.unplug()
    rig.unplug()
