"""What drivers know of their bikes outlives the process, and a bad driver harms nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, cast

import pytest
from structlog.testing import capture_logs

from drivers import BikeLost, Clock, DriverOptions, DriverType, Reading
from drivers.registry import DriverStatus
from drivers.serial_line.driver import SerialBike
from gateway.bike.drivers import EVERY_S, BikeDrivers
from gateway.config.schema import BikeConfig
from gateway.host.state_file import StateFiles
from tests.support.files import written
from tests.support.gateways import VirtualGateway, config
from tests.support.serial_bikes import PelotonBike
from tests.support.virtual_clock import VirtualClock


class PortOptions(DriverOptions):
    port: str
    protocol: str = ""

    @property
    def who(self) -> str:
        return self.port


class Forgetful:
    """A driver without a memory."""

    Options: ClassVar[type[DriverOptions]] = PortOptions
    stale_after_s = 1.0

    def __init__(self, options: DriverOptions, clock: Clock) -> None:
        del options, clock

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        raise BikeLost("absent")
        yield


class Remembering(Forgetful):
    memory: Mapping[str, object] = {"table": "not set by the gateway"}


class Choosy(Forgetful):
    """A driver that remembers with one protocol alone."""

    memory: Mapping[str, object]

    def __init__(self, options: DriverOptions, clock: Clock) -> None:
        super().__init__(options, clock)
        if cast(PortOptions, options).protocol == "peloton":
            self.memory = {}


class Learning(Remembering):
    """A driver that knows its bike as soon as it looks for it."""

    @asynccontextmanager
    async def open_bike(self) -> AsyncIterator[AsyncIterator[Reading]]:
        self.memory = {"table": [1, 2]}
        raise BikeLost("absent")
        yield


class Rude(Forgetful):
    """A driver whose memory is a bug."""

    @property
    def memory(self) -> Mapping[str, object]:
        raise KeyError("table")

    @memory.setter
    def memory(self, memory: Mapping[str, object]) -> None:
        raise KeyError("table")


class Rig:
    """The drivers of one process."""

    def __init__(self, state_dir: Path) -> None:
        self.clock = VirtualClock()
        registered = {
            made.__name__: DriverStatus(made.__name__, made)
            for made in (Forgetful, Remembering, Choosy, Rude)
        }
        self.drivers = BikeDrivers(registered, StateFiles(state_dir), self.clock)

    def remembering(self, port: str) -> Remembering:
        made = self.drivers.make(bike("Remembering", port))
        assert isinstance(made, Remembering)
        return made

    async def look(self) -> None:
        """Let the drivers be asked once, and save what they know."""
        running = asyncio.create_task(self.drivers.run())
        await self.clock.run_for(EVERY_S + 1)
        running.cancel()
        await asyncio.wait([running])


def bike(driver: str, port: str, protocol: str = "") -> BikeConfig:
    return BikeConfig(
        id="bike-1",
        racer_id=1,
        racer_name="Rider",
        class_id=1,
        driver=driver,
        options={"port": port, "protocol": protocol},
    )


async def test_next_process_gives_a_driver_what_the_last_one_knew(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    first, second = rig.remembering("/dev/one"), rig.remembering("/dev/two")
    assert first.memory == second.memory == {}
    first.memory, second.memory = {"table": [1, 2]}, {"table": [3]}
    await rig.look()
    after = Rig(tmp_path)
    assert after.remembering("/dev/one").memory == {"table": [1, 2]}
    assert after.remembering("/dev/three").memory == {}


async def test_driver_that_a_new_config_replaces_passes_its_memory_on(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.remembering("/dev/one").memory = {"table": [1, 2]}
    await rig.look()
    assert rig.remembering("/dev/one").memory == {"table": [1, 2]}


async def test_replaced_driver_is_not_asked_again_though_the_next_one_forgets(
    tmp_path: Path,
) -> None:
    rig = Rig(tmp_path)
    replaced = rig.drivers.make(bike("Choosy", "/dev/one", "peloton"))
    rig.drivers.make(bike("Choosy", "/dev/one"))
    cast(Choosy, replaced).memory = {"table": [1, 2]}
    await rig.look()
    assert not (tmp_path / "drivers.json").exists()


async def test_nothing_is_written_while_the_drivers_know_nothing_new(tmp_path: Path) -> None:
    rig, file = Rig(tmp_path), tmp_path / "drivers.json"
    rig.drivers.make(bike("Forgetful", "/dev/one"))
    await rig.look()
    assert not file.exists()
    known = rig.remembering("/dev/one")
    known.memory = {"table": [1]}
    await rig.look()
    file.unlink()
    await rig.look()
    assert not file.exists()


async def test_memory_of_a_device_without_a_driver_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "drivers.json"
    file.write_text('{"Remembering /dev/one": {"table": [1]}}')
    rig = Rig(tmp_path)
    rig.remembering("/dev/two").memory = {"table": [2]}
    await rig.look()
    assert json.loads(file.read_text()) == {
        "Remembering /dev/one": {"table": [1]},
        "Remembering /dev/two": {"table": [2]},
    }


@pytest.mark.parametrize(
    "memory",
    [{"table": object()}, {1: "x"}, None, 7, {"name": "caf\udce9"}],
    ids=["object", "key", "none", "number", "no Unicode"],
)
async def test_memory_that_json_cannot_represent_is_not_kept(
    tmp_path: Path, memory: Mapping[str, object]
) -> None:
    rig = Rig(tmp_path)
    rig.remembering("/dev/rude").memory = memory
    rig.remembering("/dev/good").memory = {"table": [1]}
    with capture_logs() as logs:
        await rig.look()
        await rig.look()
    assert [(log["event"], log["device"]) for log in logs] == [
        ("memory of the driver not saved", "Remembering /dev/rude")
    ]
    saved = json.loads((tmp_path / "drivers.json").read_text())
    assert saved == {"Remembering /dev/good": {"table": [1]}}


async def test_driver_whose_memory_raises_is_made_all_the_same(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with capture_logs() as logs:
        assert isinstance(rig.drivers.make(bike("Rude", "/dev/rude")), Rude)
        await rig.look()
    (log,) = logs
    assert log["reason"].startswith("driver failed: KeyError")


@pytest.mark.parametrize("content", ["[]", "{", '{"Remembering /dev/one": 7}'])
def test_damaged_file_is_logged_and_means_no_memories(tmp_path: Path, content: str) -> None:
    (tmp_path / "drivers.json").write_text(content)
    with capture_logs() as logs:
        rig = Rig(tmp_path)
    assert [log["event"] for log in logs] == ["memories of the drivers not restored"]
    assert rig.remembering("/dev/one").memory == {}


def gateway_with(state_dir: Path, driver: str, made: DriverType, port: str) -> VirtualGateway:
    """Return a gateway with one bike."""
    fake = config(state_dir, [{}])
    changed = {"driver": driver, "options": {"port": port, "protocol": "peloton"}}
    settings = fake.model_copy(update={"bikes": [fake.bikes[0].model_copy(update=changed)]})
    return VirtualGateway(settings, 0, drivers={driver: DriverStatus(driver, made)})


async def test_gateway_knows_the_table_that_an_earlier_one_saved(tmp_path: Path) -> None:
    """Runs the whole way: from the state directory into the driver of a configured bike."""
    port, table = str(tmp_path / "ttyUSB0"), PelotonBike().table
    saved = {f"serial {port}": {"resistance_table": table}}
    (tmp_path / "drivers.json").write_text(json.dumps(saved))
    virtual = gateway_with(tmp_path, "serial", cast(DriverType, SerialBike), port)
    await virtual.start()
    lease = await virtual.gateway.leases.take("bike-1", None)
    known = lease.state.resistance_table
    lease.leave()
    assert known is not None
    assert [raw for raw, _ in known.points] == table
    await virtual.stop()


async def test_gateway_saves_what_the_drivers_of_its_bikes_know(tmp_path: Path) -> None:
    virtual = gateway_with(tmp_path, "serial", Learning, "/dev/one")
    await virtual.start()
    await virtual.run_for(EVERY_S + 1)
    saved = json.loads(await written(tmp_path / "drivers.json"))
    assert saved == {"serial /dev/one": {"table": [1, 2]}}
    await virtual.stop()
