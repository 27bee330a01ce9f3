"""What every driver promises, in simulated time. A new built-in joins by an entry in CASES."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest

from drivers import Driver, Frame, Reading
from drivers.captures.format import encode_capture
from drivers.protocols.serial.peloton import PelotonOp, PelotonResponse, encode_response
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_record
from drivers.registry import load_drivers, make_driver
from drivers.testing import BikeUnderTest, DriverContract
from tests.support.clock import NS_PER_MS, NS_PER_S, ManualClock

#: A ride of the fake starts here.
START_MS = 1_700_000_100_000
START_NS = 7_000_000_123
RIDE_NS = 300 * NS_PER_S
#: When the fake vanishes in each ride.
VANISHES_AT_S = 5
ENOUGH = 12

#: Makes a bike whose files are in a directory.
Case = Callable[[Path, ManualClock], BikeUnderTest]


def fake(wire: str) -> Case:
    """A bike that vanishes in each ride and comes back with the next one."""
    splits = {} if wire == "none" else {"split_per_min": 30, "cut_per_min": 30}
    options = {"wire": wire, "faults": {**splits, "vanish_at_s": VANISHES_AT_S}}

    def make(_: Path, clock: ManualClock) -> BikeUnderTest:
        async def come_back() -> None:
            clock.advance(RIDE_NS - (clock.monotonic_ns() - START_NS) % RIDE_NS)

        return BikeUnderTest(
            "fake",
            options,
            vanish=lambda: clock.advance(VANISHES_AT_S * NS_PER_S),
            come_back=come_back,
            clock=clock,
            fast_clock=clock,
        )

    return make


def by_hand(wire: str) -> Case:
    """The knob is where a file says."""

    def make(directory: Path, clock: ManualClock) -> BikeUnderTest:
        file = directory / "knob"
        file.write_text("25\n", encoding="utf-8")
        bike = fake(wire)(directory, clock)
        return replace(bike, options={**bike.options, "knob_file": file})

    return make


def ftms_frames() -> list[bytes]:
    """Each record in notifications of which one alone says little."""
    records = [
        IndoorBikeData(speed_kmh=20 + n, cadence_rpm=60 + n, resistance_level=n, power_w=100 + n)
        for n in range(15)
    ]
    return list(chain.from_iterable(encode_indoor_bike_record(record, 8) for record in records))


def peloton_frames() -> list[bytes]:
    """Each has the end of one answer and the beginning of the next, which is the same again."""
    answer = encode_response(PelotonResponse(PelotonOp.CADENCE, 80))
    return [answer[3:] + answer[:3]] * 20


def replay(name: str) -> Case:
    """A capture, which always ends; then its file is away until it comes back."""

    def make(directory: Path, clock: ManualClock) -> BikeUnderTest:
        file = directory / name

        async def write() -> None:
            file.write_bytes(content(name))

        file.write_bytes(content(name))
        return BikeUnderTest(
            "replay",
            {"file": file},
            vanish=file.unlink,
            come_back=write,
            clock=clock,
            fast_clock=clock,
        )

    return make


def content(name: str) -> bytes:
    """Return the bytes of a capture of that name."""
    frames = ftms_frames() if "ftms" in name else peloton_frames()
    if name.endswith(".bin"):
        return b"".join(frames)
    timed = [Frame(n * 100 * NS_PER_MS, data) for n, data in enumerate(frames)]
    return "\n".join(encode_capture(Path(name).stem, timed)).encode()


#: Their time is real: tests/contracts/test_live_driver.py.
LIVE = {"ant", "ble", "serial"}

CASES = {
    "fake": fake("none"),
    "fake ftms": fake("ftms"),
    "fake peloton": fake("peloton"),
    "fake lines": fake("lines"),
    "fake lines by hand": by_hand("lines"),
    "replay ftms": replay("ftms.jsonl"),
    "replay peloton": replay("peloton.jsonl"),
    "replay raw": replay("peloton.bin"),
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS, START_NS)


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def bike(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> BikeUnderTest:
    made: BikeUnderTest = request.param(tmp_path, clock)
    return made


def driver(bike: BikeUnderTest, clock: ManualClock) -> Driver:
    return make_driver(load_drivers()[bike.driver], bike.options, clock)


async def hear(readings: AsyncIterator[Reading], count: int = ENOUGH) -> list[Reading]:
    return [await anext(readings) for _ in range(count)]


def test_driver_contract_covers_every_built_in_driver(tmp_path: Path, clock: ManualClock) -> None:
    built_in = {
        name
        for name, status in load_drivers().items()
        if status.driver is not None and status.driver.Options.__module__.startswith("drivers.")
    }
    assert {case(tmp_path, clock).driver for case in CASES.values()} | LIVE == built_in


class TestSimulatedDriver(DriverContract):
    """The same tests as for every other driver."""


async def test_readings_end_with_a_connection_that_was_not_listened_to(
    bike: BikeUnderTest, clock: ManualClock
) -> None:
    async with driver(bike, clock).open_bike() as readings:
        pass
    with pytest.raises(StopAsyncIteration):
        await anext(readings)


@pytest.mark.parametrize("heard", range(ENOUGH))
async def test_bike_opened_again_starts_afresh(
    bike: BikeUnderTest, clock: ManualClock, heard: int
) -> None:
    """However far the connection before came: in the middle of a message, too."""
    used = driver(bike, clock)
    async with used.open_bike() as readings:
        await hear(readings, heard)
    clock.advance(50 * NS_PER_MS)
    untouched_clock = ManualClock(
        clock.wall_ms_at(clock.monotonic_ns()), monotonic_ns=clock.monotonic_ns()
    )
    untouched = driver(bike, untouched_clock)
    async with used.open_bike() as readings, untouched.open_bike() as as_new:
        assert await hear(readings, 6) == await hear(as_new, 6)
