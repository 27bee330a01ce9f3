"""CPU of a gateway with ten connected bikes, as a share of one core, compared with ten fake ones.

Five bikes notify FTMS four times a second through the real bleak and a small org.bluez, three
Pelotons are polled over ttys, and two rigs send ten lines a second. All run in this process; only
the gateway's own process is measured. Then the same gateway is measured with ten fake bikes, which
send as much without any I/O. There is no target.

    python -m tests.bench.ten_bikes [--quick]
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from drivers.protocols.serial.lines import encode_pairs
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from tests.bench.processes import cpu_s
from tests.bench.row import Bench, Row, run_row
from tests.support.bluez import Bluez, DBusDaemon, Device, bikes
from tests.support.bluez.running import open_bluez
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.pty_bike import PtyBike
from tests.support.serial_bikes import PelotonBike
from tests.support.subscriber import Subscriber

FTMS_BIKES, PELOTONS, RIGS = 5, 3, 2
#: Seconds until all bikes are connected and the work of connecting is over.
WARM_UP_S = 10


def measure(bench: Bench) -> Row:
    """Measure the CPU of a gateway with ten connected bikes."""
    seconds = bench.scaled(20, 10)
    folder = bench.folder("ten-bikes")
    bench.progress(f"ten bikes: {seconds} s live, {seconds} s fake")
    with pytest.MonkeyPatch.context() as monkeypatch:
        live, fake = asyncio.run(_measure(folder, monkeypatch, seconds))
    return Row(
        "ten_bikes",
        "a gateway with ten bikes connected, five of them over Bluetooth, over ten fake ones",
        "–",
        f"{live / fake:.1f} ×",
        f"{live:.2f} % of a core against {fake:.2f} %",
        None,
        None,
        {
            "bikes": FTMS_BIKES + PELOTONS + RIGS,
            "live_percent_of_a_core": live,
            "fake_percent_of_a_core": fake,
            "ratio": live / fake,
            "seconds": seconds,
        },
    )


async def _measure(
    directory: Path, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> tuple[float, float]:
    """Return the percentages of a core with live bikes and with fake ones."""
    authority = Authority(directory / "authority")
    daemon = DBusDaemon()
    daemon.start()
    async with AsyncExitStack() as stack:
        broker = Mosquitto(directory / "mosquitto", authority)
        broker.start()
        stack.callback(broker.stop)
        subscriber = Subscriber(broker.port, authority.issue("subscriber"))
        stack.callback(subscriber.stop)
        bluez = await stack.enter_async_context(open_bluez(daemon, monkeypatch))
        gateway = GatewayProcess(directory, authority.issue("gateway-1"))
        stack.callback(gateway.kill)
        gateway.cloud["port"] = broker.port
        gateway.race_length_s = 300
        gateway.bikes = _plug_in(stack, bluez, directory)
        live = await _percent(gateway, subscriber, seconds)
        gateway.bikes = [
            _table(number, "fake", f"seed = {number}") for number in range(len(gateway.bikes))
        ]
        fake = await _percent(gateway, subscriber, seconds)
    return live, fake


def _plug_in(stack: AsyncExitStack, bluez: Bluez, directory: Path) -> list[str]:
    """Connect all ten bikes; return their tables of the config."""
    devices = [bikes.ftms_bike(bluez, name=f"bike {number}") for number in range(FTMS_BIKES)]
    riding = asyncio.create_task(_ride(devices))
    stack.callback(riding.cancel)
    tables = [("ble", f'address = "{device.address}"') for device in devices]
    tables += [
        ("serial", _plugged(stack, directory / f"peloton-{number}", answer=PelotonBike().answer))
        for number in range(PELOTONS)
    ]
    tables += [
        ("serial", _plugged(stack, directory / f"lines-{number}", says=_line))
        for number in range(RIGS)
    ]
    return [_table(number, *one) for number, one in enumerate(tables)]


def _plugged(stack: AsyncExitStack, port: Path, **speech: Callable[..., bytes]) -> str:
    bike = PtyBike(port, **speech).plug_in()  # type: ignore[arg-type]
    stack.callback(bike.unplug)
    return f'port = "{port}", protocol = "{port.name.partition("-")[0]}"'


def _line() -> bytes:
    return encode_pairs(rpm=70, res=417)


async def _ride(devices: list[Device]) -> None:
    data = IndoorBikeData(speed_kmh=30, cadence_rpm=80, resistance_level=40, power_w=150)
    while True:
        for device in devices:
            device.notify(bikes.INDOOR_BIKE_DATA, encode_indoor_bike_data(data))
        await asyncio.sleep(0.25)


async def _percent(gateway: GatewayProcess, subscriber: Subscriber, seconds: int) -> float:
    await asyncio.to_thread(gateway.start)
    await asyncio.sleep(WARM_UP_S)
    seen = len(subscriber.payloads)
    before_s = cpu_s(gateway.pid)
    await asyncio.sleep(seconds)
    percent = 100 * (cpu_s(gateway.pid) - before_s) / seconds
    published = len(subscriber.payloads) - seen
    expected = len(gateway.bikes) * seconds
    assert published >= 0.95 * expected, f"{published} of {expected} seconds: not all connected"
    await asyncio.to_thread(gateway.terminate)
    return percent


def _table(number: int, driver: str, options: str) -> str:
    return (
        f'[[bikes]]\nid = "bike-{number}"\nracer_id = {number}\nracer_name = "Rider{number}"\n'
        f'class_id = 1\ndriver = "{driver}"\noptions = {{ {options} }}\n'
    )


if __name__ == "__main__":
    run_row(measure)
