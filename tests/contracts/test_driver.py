"""What every driver promises. A new built-in joins by a case of its own in CASES."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers import BikeLost, Driver, DriverOptions, Frame, Reading
from drivers.captures.format import encode_capture
from drivers.protocols.ftms import IndoorBikeData, encode_indoor_bike_record
from drivers.protocols.peloton import PelotonOp, PelotonResponse, encode_response
from drivers.registry import load_drivers, make_driver
from tests.support.clock import NS_PER_MS, ManualClock

#: A ride of the fake starts here.
START_MS = 1_700_000_100_000
START_NS = 7_000_000_123
#: Later than where a ride broke off, and earlier than there in the next one.
RIDE_NS = 298_000 * NS_PER_MS
ENOUGH = 12

Options = dict[str, object]


@dataclass(frozen=True)
class Case:
    """A driver and options with which its bike answers, does not, and goes away."""

    driver: str
    reachable: Callable[[Path], Options]
    unreachable: Callable[[Path], Options]
    leaving: Callable[[Path], Options]


def fake(wire: str) -> Case:
    splits: Options = {} if wire == "none" else {"split_per_min": 30, "cut_per_min": 30}

    def options(**faults: object) -> Callable[[Path], Options]:
        return lambda _: {"wire": wire, "faults": {**splits, **faults}}

    return Case("fake", options(), options(vanish_at_s=0), options(vanish_at_s=5))


def by_hand(wire: str) -> Case:
    """The knob is where a file says."""
    case = fake(wire)

    def held(options: Callable[[Path], Options]) -> Callable[[Path], Options]:
        def write_and_name_it(directory: Path) -> Options:
            file = directory / "knob"
            file.write_text("25\n", encoding="utf-8")
            return {**options(directory), "knob_file": file}

        return write_and_name_it

    return Case("fake", held(case.reachable), held(case.unreachable), held(case.leaving))


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
    def capture(directory: Path) -> Options:
        file = directory / name
        frames = ftms_frames() if "ftms" in name else peloton_frames()
        if file.suffix == ".bin":
            file.write_bytes(b"".join(frames))
        else:
            timed = [Frame(n * 100 * NS_PER_MS, data) for n, data in enumerate(frames)]
            file.write_text("\n".join(encode_capture(file.stem, timed)), encoding="utf-8")
        return {"file": file}

    return Case("replay", capture, lambda directory: {"file": directory / "none.jsonl"}, capture)


#: Their time is real: tests/contracts/test_live_driver.py.
LIVE = {"ble", "serial"}

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


@pytest.fixture(params=CASES.values(), ids=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    made: Case = request.param
    return made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS, START_NS)


def make(case: Case, options: Options, clock: ManualClock) -> Driver:
    return make_driver(load_drivers()[case.driver], options, clock)


@pytest.fixture
def bike(case: Case, clock: ManualClock, tmp_path: Path) -> Driver:
    return make(case, case.reachable(tmp_path), clock)


async def hear(readings: AsyncIterator[Reading], count: int = ENOUGH) -> list[Reading]:
    return [await anext(readings) for _ in range(count)]


async def hear_to_the_end(bike: Driver, heard: list[Reading]) -> None:
    async with bike.open_bike() as readings:
        async for reading in readings:
            heard.append(reading)  # noqa: PERF401 what was heard before an error counts


def test_driver_contract_covers_every_built_in_driver() -> None:
    built_in = {
        name
        for name, status in load_drivers().items()
        if status.driver is not None and status.driver.Options.__module__.startswith("drivers.")
    }
    assert {case.driver for case in CASES.values()} | LIVE == built_in


class TestReadings:
    async def test_readings_come_in_order_and_none_before_its_instant(
        self, bike: Driver, clock: ManualClock
    ) -> None:
        instants_ns = []
        async with bike.open_bike() as readings:
            for _ in range(ENOUGH):
                reading = await anext(readings)
                assert isinstance(reading, Reading)
                assert START_NS <= reading.at_ns <= clock.monotonic_ns()
                instants_ns.append(reading.at_ns)
        assert instants_ns == sorted(instants_ns)
        assert instants_ns[-1] > instants_ns[0]

    async def test_readings_all_have_a_value(self, bike: Driver) -> None:
        async with bike.open_bike() as readings:
            for reading in await hear(readings):
                assert reading != Reading(reading.at_ns)

    async def test_driver_has_a_staleness_limit(self, bike: Driver) -> None:
        assert 0 < bike.stale_after_s <= 60


class TestLoss:
    async def test_unreachable_bike_raises_bike_lost_on_opening(
        self, case: Case, clock: ManualClock, tmp_path: Path
    ) -> None:
        bike = make(case, case.unreachable(tmp_path), clock)
        with pytest.raises(BikeLost) as lost:
            async with bike.open_bike():
                raise AssertionError("entered")
        assert str(lost.value)

    async def test_bike_that_vanishes_raises_bike_lost_from_the_readings(
        self, case: Case, clock: ManualClock, tmp_path: Path
    ) -> None:
        bike = make(case, case.leaving(tmp_path), clock)
        heard: list[Reading] = []
        with pytest.raises(BikeLost) as lost:
            await hear_to_the_end(bike, heard)
        assert heard
        assert str(lost.value)


class TestLeaving:
    @pytest.mark.parametrize("error", [None, KeyError()], ids=["normally", "by an exception"])
    async def test_bike_is_released_on_leaving(self, bike: Driver, error: Exception | None) -> None:
        with suppress(KeyError):
            async with bike.open_bike() as readings:
                await anext(readings)
                if error:
                    raise error
        with pytest.raises(StopAsyncIteration):
            await anext(readings)

    async def test_bike_opened_without_listening_is_released(self, bike: Driver) -> None:
        async with bike.open_bike() as readings:
            pass
        with pytest.raises(StopAsyncIteration):
            await anext(readings)

    @pytest.mark.parametrize("heard", range(ENOUGH))
    async def test_bike_opened_again_starts_afresh(
        self, case: Case, bike: Driver, clock: ManualClock, tmp_path: Path, heard: int
    ) -> None:
        """However far the connection before came: in the middle of a message, too."""
        async with bike.open_bike() as readings:
            await hear(readings, heard)
        clock.advance(50 * NS_PER_MS)
        untouched_clock = ManualClock(
            clock.wall_ms_at(clock.monotonic_ns()), monotonic_ns=clock.monotonic_ns()
        )
        untouched = make(case, case.reachable(tmp_path), untouched_clock)
        async with bike.open_bike() as readings, untouched.open_bike() as as_new:
            assert await hear(readings) == await hear(as_new)

    async def test_bike_can_be_opened_again_after_a_loss(
        self, case: Case, clock: ManualClock, tmp_path: Path
    ) -> None:
        bike = make(case, case.leaving(tmp_path), clock)
        with suppress(BikeLost):
            await hear_to_the_end(bike, [])
        clock.advance(RIDE_NS)
        async with bike.open_bike() as readings:
            assert await anext(readings)


class TestOptions:
    def test_driver_options_are_a_driver_options_class(self, case: Case) -> None:
        driver = load_drivers()[case.driver].driver
        assert driver is not None
        assert issubclass(driver.Options, DriverOptions)

    def test_driver_option_that_is_unknown_is_refused(
        self, case: Case, clock: ManualClock, tmp_path: Path
    ) -> None:
        with pytest.raises(ValidationError, match="no_such_option"):
            make(case, case.reachable(tmp_path) | {"no_such_option": 1}, clock)
