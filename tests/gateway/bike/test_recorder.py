"""What becomes of each second; with a clock that is set late: tests/gateway/bike/test_bike.py."""

import asyncio
from pathlib import Path

from drivers.registry import load_drivers
from gateway.bike.bikes import Bikes
from gateway.bike.drivers import BikeDrivers
from gateway.bike.recorder import Recorder
from gateway.bike.riders import Riders
from gateway.buffer.inspect import BufferView
from gateway.config.schema import Config
from gateway.host.boots import Boots
from gateway.host.state_file import StateFiles
from gateway.race.races import ContinuousRaces
from gateway.sampling.calibration_store import CalibrationStore
from gateway.sampling.sampler import Sample
from gateway.telemetry.message import Telemetry, is_simulated
from gateway.telemetry.undated import UndatedSample
from gateway.timing.units import NS_PER_S
from tests.support.buffers import BufferBench
from tests.support.gateways import VirtualGateway, config
from tests.support.virtual_clock import VirtualClock

#: `real` is a bike that is no fake to the gateway.
DRIVERS = {**load_drivers(), "real": load_drivers()["fake"]}
RACE_START_MS = 1_620_228_900_000
SAMPLE = Sample(present=True, cadence_rpm=80.0, resistance_percent=50.0, power_w=None)


async def test_recorder_reports_each_message_it_puts_into_the_buffer(tmp_path: Path) -> None:
    produced: list[Telemetry] = []
    virtual = VirtualGateway(config(tmp_path, [{}]), RACE_START_MS, on_telemetry=produced.append)
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(5)
    await virtual.stop()
    assert [message.second for message in produced] == [1, 2, 3, 4, 5, 6]
    assert produced == virtual.delivered
    assert virtual.gateway.status.produced == 6
    assert virtual.gateway.status.produced_per_s > 0


async def test_second_of_an_earlier_boot_is_set_aside_with_the_reason(tmp_path: Path) -> None:
    assert await reason_of(tmp_path, boot_id="another", bike_id="bike-1") == (
        "it was ridden before the last reboot, and the clock had not been set by then"
    )


async def test_second_of_a_bike_that_is_gone_is_set_aside_with_the_reason(tmp_path: Path) -> None:
    assert await reason_of(tmp_path, boot_id=None, bike_id="bike-9") == (
        "bike bike-9 is no longer in the config"
    )


async def test_undated_second_of_a_fake_bike_is_discarded_once_the_bike_is_real(
    tmp_path: Path,
) -> None:
    bench = BufferBench(tmp_path / "buffer", VirtualClock(RACE_START_MS))
    await bench.start()
    settings = config(tmp_path, [{}])
    real = settings.bikes[0].model_copy(update={"driver": "real"})
    recorder = recorder_of(bench, settings.model_copy(update={"bikes": [real]}))
    for simulated in (True, False):
        boot_id = bench.clock.boot_id
        recorder.record(UndatedSample(boot_id, 5 * NS_PER_S, "bike-1", SAMPLE, simulated))
    await recorder.date_when_the_clock_is_set()
    await bench.buffer.commit(everything=True)
    assert bench.buffer.status.depth == 1, "the other one did not even become a message"
    [kept] = await bench.take_all()
    assert not is_simulated(kept.payload)
    assert bench.buffer.status.quarantined == 0
    await bench.stop()


async def test_kept_seconds_are_dated_within_a_second_after_the_clock_is_set(
    tmp_path: Path,
) -> None:
    bench = BufferBench(tmp_path / "buffer", VirtualClock(RACE_START_MS))
    await bench.start()
    bench.clock.is_set = False
    recorder = recorder_of(bench, config(tmp_path, [{}]))
    recorder.record(UndatedSample(bench.clock.boot_id, 5 * NS_PER_S, "bike-1", SAMPLE, True))
    dating = asyncio.create_task(recorder.date_when_the_clock_is_set())
    await bench.clock.run_for(3)
    assert not dating.done()
    bench.clock.is_set = True
    await bench.clock.run_for(0.9)
    assert not dating.done(), "it looks once a second"
    await bench.clock.run_for(0.2)
    assert dating.done()
    assert bench.buffer.status.unnamed == 0
    await bench.stop()


async def reason_of(state_dir: Path, *, boot_id: str | None, bike_id: str) -> str:
    """Return why a second, kept while the clock was not set, is in quarantine."""
    bench = BufferBench(state_dir / "buffer", VirtualClock(RACE_START_MS))
    await bench.start()
    recorder, clock = recorder_of(bench, config(state_dir, [{}])), bench.clock
    recorder.record(UndatedSample(boot_id or clock.boot_id, 1, bike_id, SAMPLE))
    await recorder.date_when_the_clock_is_set()
    await bench.buffer.commit(everything=True)
    await bench.stop()
    [quarantined] = BufferView(bench.path).quarantine()
    return quarantined.reason


def recorder_of(bench: BufferBench, settings: Config) -> Recorder:
    races, store = ContinuousRaces(), CalibrationStore(settings.state_dir)
    drivers = BikeDrivers(DRIVERS, StateFiles(settings.state_dir), bench.clock)
    riders = Riders(settings.bikes, [], StateFiles(settings.state_dir))
    bikes = Bikes("gateway-1", settings.bikes, drivers, riders, lambda _: races, store, bench.clock)
    return Recorder(bikes, bench.buffer, bench.clock, Boots(StateFiles(settings.state_dir)))
