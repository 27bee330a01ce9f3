"""The fake bike as the gateway sees it: the contract, the anchor, and every fault in the output."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import mean, stdev
from typing import ClassVar, get_args

import pytest
from pydantic import ValidationError

from drivers.contract import (
    BikeLost,
    Driver,
    FrameListener,
    ResistanceTableSource,
    TableOrigin,
    ignore_frame,
)
from drivers.fake import FakeBike
from drivers.fake.pot import Pot, PotOptions
from drivers.fake.scenarios import Scenario
from drivers.fake.wire import WireName
from drivers.magnetic_brake import power_w
from drivers.protocols.serial.peloton_table import resistance_percent
from drivers.reading import Frame, Reading
from drivers.registry import load_drivers
from tests.support.clock import NS_PER_MS, ManualClock

RIDE_S = 60
#: A ride starts here: a multiple of its length since the epoch.
START_MS = 1_700_000_040_000
ANCHOR_NS = 5_000_000_123

WIRES = get_args(WireName)


def fake(clock: ManualClock, **options: object) -> FakeBike:
    return FakeBike(FakeBike.Options.model_validate({"ride_s": RIDE_S, **options}), clock)


def clock_at(second: float, start_ms: int = START_MS) -> ManualClock:
    """A clock so many seconds into the ride. The ride starts at ANCHOR_NS."""
    monotonic_ns = ANCHOR_NS + round(second * 1000) * NS_PER_MS
    return ManualClock(start_ms + round(second * 1000), monotonic_ns)


async def hear(
    bike: FakeBike, until_s: float, on_frame: FrameListener = ignore_frame
) -> list[Reading]:
    """What an own connection hears up to this second of the ride, with `at_ns` from its start."""
    heard: list[Reading] = []
    async with bike.open_bike(on_frame) as readings:
        async for reading in readings:
            since_start_ns = reading.at_ns - ANCHOR_NS
            if since_start_ns >= until_s * 1000 * NS_PER_MS:
                break
            heard.append(replace(reading, at_ns=since_start_ns))
    return heard


async def hear_ride(**options: object) -> list[Reading]:
    return await hear(fake(clock_at(0), **options), RIDE_S)


async def hear_until_lost(bike: Driver) -> tuple[list[Reading], str]:
    heard: list[Reading] = []
    try:
        async with bike.open_bike() as readings:
            async for reading in readings:
                since_start_ns = reading.at_ns - ANCHOR_NS
                heard.append(replace(reading, at_ns=since_start_ns))
    except BikeLost as lost:
        return heard, str(lost)
    raise AssertionError("the readings ended without a reason")


def later_than(readings: Iterable[Reading], second: float) -> list[Reading]:
    return [reading for reading in readings if reading.at_ns >= second * 1000 * NS_PER_MS]


class TestSameRide:
    """What is said at an instant of the ride depends on the seed and on nothing else."""

    @pytest.mark.parametrize("wire", WIRES)
    async def test_fake_ride_is_the_same_for_the_same_seed(self, wire: str) -> None:
        assert await hear_ride(wire=wire) == await hear_ride(wire=wire)

    @pytest.mark.parametrize("wire", WIRES)
    async def test_fake_ride_differs_for_another_seed(self, wire: str) -> None:
        assert await hear_ride(wire=wire, seed=1) != await hear_ride(wire=wire, seed=2)

    @pytest.mark.parametrize("wire", WIRES)
    @pytest.mark.parametrize("second", [0.001, 17, 42.4])
    async def test_fake_ride_joined_late_is_the_tail_of_the_whole(
        self, wire: str, second: float
    ) -> None:
        bad_luck = {"zero_cadence_per_min": 6, "missing_per_min": 6, "duplicate_per_min": 6}
        if wire != "none":
            bad_luck |= {"split_per_min": 20, "cut_per_min": 20}
        whole = await hear_ride(wire=wire, faults=bad_luck)
        late = await hear(fake(clock_at(second), wire=wire, faults=bad_luck), RIDE_S)
        assert late == later_than(whole, second)

    async def test_fake_bike_opened_again_continues_its_ride(self) -> None:
        bike = fake(clock_at(0))
        first = await hear(bike, 20)
        second = await hear(bike, RIDE_S)
        whole = await hear_ride()
        assert first == whole[: len(first)]
        assert second == later_than(whole, second[0].at_ns / NS_PER_MS / 1000)

    @pytest.mark.parametrize("rides", [1, 7, 100_000])
    async def test_every_ride_of_the_fake_bike_is_the_same(self, rides: int) -> None:
        shifted = clock_at(0, START_MS + rides * RIDE_S * 1000)
        assert await hear(fake(shifted), RIDE_S) == await hear_ride()

    async def test_fake_rides_follow_each_other_without_a_break(self) -> None:
        whole = await hear_ride()
        two = await hear(fake(clock_at(0)), 2 * RIDE_S)
        ride_ns = RIDE_S * 1000 * NS_PER_MS
        assert two == whole + [replace(said, at_ns=said.at_ns + ride_ns) for said in whole]

    async def test_ride_offset_moves_the_start_of_the_ride(self) -> None:
        for second in (0, 55):
            bike = fake(clock_at(second, START_MS + 12_345), ride_offset_ms=12_345)
            assert await hear(bike, RIDE_S) == later_than(await hear_ride(), second)

    async def test_fault_changes_only_the_readings_it_strikes(self) -> None:
        clean = await hear_ride()
        struck = await hear_ride(faults={"zero_power_per_min": 5})
        assert sum(one != other for one, other in zip(clean, struck, strict=True)) == 5


class TestTime:
    """Readings carry the instant at which they were due, and come no earlier."""

    @pytest.mark.parametrize(
        ("wire", "period_ms"), [("none", 250), ("ftms", 250), ("peloton", 100), ("lines", 100)]
    )
    async def test_readings_are_due_at_exact_instants(self, wire: str, period_ms: int) -> None:
        instants = [reading.at_ns for reading in await hear_ride(wire=wire)]
        assert instants == [ms * NS_PER_MS for ms in range(0, RIDE_S * 1000, period_ms)]

    async def test_no_reading_comes_before_its_instant(self) -> None:
        clock = clock_at(3)
        async with fake(clock).open_bike() as readings:
            for _ in range(10):
                assert (await anext(readings)).at_ns <= clock.monotonic_ns()

    async def test_a_late_listener_gets_the_instants_that_were_due(self) -> None:
        clock = clock_at(0)
        async with fake(clock).open_bike() as readings:
            first = await anext(readings)
            clock.advance(1_700 * NS_PER_MS)
            assert (await anext(readings)).at_ns - first.at_ns == 250 * NS_PER_MS

    async def test_the_wall_clock_does_not_disturb_a_running_ride(self) -> None:
        clock = clock_at(0)
        heard = []
        async with fake(clock).open_bike() as readings:
            async for reading in readings:
                heard.append(replace(reading, at_ns=reading.at_ns - ANCHOR_NS))
                if len(heard) == 100:
                    clock.shift_wall(1_234_567 * NS_PER_MS)
                if len(heard) == RIDE_S * 4:
                    break
        assert heard == await hear_ride()

    @pytest.mark.parametrize("step_ns", [-90_000_000, -3_000, 3_000, 90_000_000])
    async def test_small_clock_step_neither_repeats_nor_skips_readings(self, step_ns: int) -> None:
        clock = clock_at(0)
        async with fake(clock).open_bike() as readings:
            said = [await anext(readings) for _ in range(RIDE_S * 4)]
            clock.shift_wall(step_ns)
            following = [await anext(readings) for _ in range(4)]
        assert [replace(one, at_ns=0) for one in following] == [
            replace(one, at_ns=0) for one in said[:4]
        ]
        due_ns = ANCHOR_NS + RIDE_S * 1000 * NS_PER_MS - step_ns
        assert following[0].at_ns == due_ns

    @pytest.mark.parametrize("step_s", [-25, 25, 3_625])
    async def test_large_clock_step_moves_the_next_ride_to_the_wall_clock(
        self, step_s: int
    ) -> None:
        clock = clock_at(0)
        async with fake(clock).open_bike() as readings:
            said = [await anext(readings) for _ in range(RIDE_S * 4)]
            clock.shift_wall(step_s * 1000 * NS_PER_MS)
            following = await anext(readings)
        assert following.at_ns - said[-1].at_ns == 250 * NS_PER_MS
        assert following.power_w == said[step_s % RIDE_S * 4].power_w


class TestContract:
    """A driver like any other."""

    def test_fake_driver_is_registered(self) -> None:
        assert load_drivers()["fake"].driver is FakeBike

    @pytest.mark.parametrize(
        ("wire", "stale_after_s"), [("none", 3), ("ftms", 3), ("peloton", 1), ("lines", 2)]
    )
    def test_fake_bike_is_stale_after_the_time_of_its_wire(
        self, wire: str, stale_after_s: float
    ) -> None:
        assert fake(clock_at(0), wire=wire).stale_after_s == stale_after_s

    @pytest.mark.parametrize("wire", WIRES)
    @pytest.mark.parametrize("scenario", get_args(Scenario))
    async def test_readings_come_in_order(self, wire: str, scenario: str) -> None:
        instants = [said.at_ns for said in await hear_ride(wire=wire, scenario=scenario)]
        assert instants
        assert instants == sorted(instants)

    async def test_readings_end_when_the_fake_bike_is_closed(self) -> None:
        async with fake(clock_at(0)).open_bike() as readings:
            await anext(readings)
        with pytest.raises(StopAsyncIteration):
            await anext(readings)

    async def test_readings_end_when_an_exception_closes_the_fake_bike(self) -> None:
        with suppress(KeyError):
            async with fake(clock_at(0)).open_bike() as readings:
                await anext(readings)
                raise KeyError
        with pytest.raises(StopAsyncIteration):
            await anext(readings)

    async def test_eight_seeds_give_clearly_different_outputs(self) -> None:
        rides = [later_than(await hear_ride(seed=seed), 30) for seed in range(1, 9)]
        outputs = sorted(mean(_output(said) for said in ride) for ride in rides)
        gaps = [after - before for before, after in pairwise(outputs)]
        assert min(gaps) > 0.05
        assert max(outputs) - min(outputs) > 10


def _output(said: Reading) -> float:
    """The leaderboard's score."""
    assert said.cadence_rpm is not None
    assert said.resistance_percent is not None
    return (said.cadence_rpm + 35) * (said.resistance_percent + 65) / 100


class TestFaults:
    """Each fault as it is heard."""

    @pytest.mark.parametrize(
        ("wire", "fault", "field"),
        [
            *((wire, "zero_cadence_per_min", "cadence_rpm") for wire in WIRES),
            *((wire, "zero_power_per_min", "power_w") for wire in WIRES if wire != "lines"),
        ],
    )
    async def test_zero_fault_is_heard_as_single_zeros(
        self, wire: str, fault: str, field: str
    ) -> None:
        ride = later_than(await hear_ride(wire=wire, seed=2, faults={fault: 3}), 5)
        values = [getattr(said, field) for said in ride if getattr(said, field) is not None]
        zeros = [index for index, value in enumerate(values) if value == 0]
        assert 2 <= len(zeros) <= 3
        assert all(values[index - 1] and values[index + 1] for index in zeros)

    async def test_frozen_bike_repeats_one_reading_and_then_goes_on(self) -> None:
        ride = await hear_ride(faults={"frozen_at_s": 20, "frozen_for_s": 10})
        assert len({replace(said, at_ns=0) for said in ride[80:120]}) == 1
        assert [ride[79], *ride[120:]] == [(await hear_ride())[79], *(await hear_ride())[120:]]

    async def test_missing_fault_leaves_gaps_between_readings(self) -> None:
        clean, ride = await hear_ride(), await hear_ride(faults={"missing_per_min": 6})
        assert set(ride) < set(clean)
        gaps = [
            (after.at_ns - before.at_ns) / NS_PER_MS / 1000
            for before, after in pairwise(ride)
            if after.at_ns - before.at_ns > 250 * NS_PER_MS
        ]
        assert 5 <= len(gaps) <= 6
        assert all(0.5 <= gap <= 2.25 for gap in gaps)

    @pytest.mark.parametrize("wire", WIRES)
    async def test_duplicate_fault_repeats_readings_and_alters_none(self, wire: str) -> None:
        ride = await hear_ride(wire=wire, faults={"duplicate_per_min": 6})
        twice = sum(one == other for one, other in pairwise(ride))
        assert twice == 6
        assert sorted(set(ride), key=lambda said: said.at_ns) == await hear_ride(wire=wire)

    async def test_resistance_glitch_is_heard_as_an_end_of_the_scale(self) -> None:
        ride = await hear_ride(faults={"resistance_glitch_per_min": 3})
        glitches = [said for said in ride if said.resistance_percent in (0, 100)]
        assert len(glitches) == 3

    async def test_dead_sensor_gives_zero_cadence_and_power(self) -> None:
        ride = await hear_ride(faults={"dead_sensor_at_s": 20, "dead_sensor_for_s": 10})
        assert {(said.cadence_rpm, said.power_w) for said in ride[80:120]} == {(0, 0)}
        assert all(said.resistance_percent for said in ride[80:120])
        assert ride[120].cadence_rpm

    @pytest.mark.parametrize("factor", [0.5, 2])
    async def test_cadence_factor_scales_cadence_and_leaves_power(self, factor: float) -> None:
        clean, ride = await hear_ride(), await hear_ride(faults={"cadence_factor": factor})
        for good, wrong in zip(clean, ride, strict=True):
            assert good.cadence_rpm is not None
            assert wrong.cadence_rpm == pytest.approx(good.cadence_rpm * factor, abs=0.11)
            assert wrong.power_w == good.power_w

    @pytest.mark.parametrize("wire", WIRES)
    async def test_a_dropped_link_raises_and_can_be_opened_again_later(self, wire: str) -> None:
        clock = clock_at(0)
        faults = {"disconnect_at_s": 20, "disconnect_for_s": 10}
        bike = fake(clock, wire=wire, faults=faults)
        before, reason = await hear_until_lost(bike)
        assert reason == "the fake bike dropped the link for 10 s"
        clock.advance(9_999 * NS_PER_MS)
        with pytest.raises(BikeLost, match="dropped the link"):
            await hear(bike, RIDE_S)
        clock.advance(NS_PER_MS)
        after = await hear(bike, RIDE_S)
        clean = await hear_ride(wire=wire)
        assert before + after == [*clean[: len(before)], *later_than(clean, 30)]

    async def test_a_vanished_bike_stays_away_for_the_rest_of_the_ride(self) -> None:
        clock = clock_at(0)
        bike = fake(clock, faults={"vanish_at_s": 40})
        ride, reason = await hear_until_lost(bike)
        assert len(ride) == 160
        assert "vanished" in reason
        clock.advance(19_999 * NS_PER_MS)
        with pytest.raises(BikeLost, match="vanished"):
            await hear(bike, RIDE_S)
        clock.advance(NS_PER_MS)
        async with bike.open_bike() as readings:
            assert (await anext(readings)).at_ns - ANCHOR_NS == RIDE_S * 1000 * NS_PER_MS

    async def test_walkaway_bike_falls_silent_without_an_error(self) -> None:
        bike = fake(clock_at(0), scenario="walkaway")
        two = await hear(bike, RIDE_S + 1)
        off_s = RIDE_S * 0.6 + 15
        assert [said.at_ns for said in later_than(two, off_s)] == [
            (RIDE_S * 1000 + ms) * NS_PER_MS for ms in (0, 250, 500, 750)
        ]

    async def test_a_bike_that_is_off_cannot_be_opened(self) -> None:
        with pytest.raises(BikeLost, match="switched itself off"):
            await hear(fake(clock_at(52), scenario="walkaway"), RIDE_S)


class Rig:
    """A fake with a pot on its knob, and a file that holds the knob."""

    POT: ClassVar[dict[str, object]] = {
        "curve": "s_shaped",
        "reversed": True,
        "hysteresis_counts": 12,
        "noise_counts": 1.5,
    }

    def __init__(self, directory: Path, **options: object) -> None:
        self.file = directory / "knob"
        self.clock = clock_at(0)
        self.pot = Pot(PotOptions.model_validate(self.POT))
        self.bike = fake(
            self.clock, **{"wire": "lines", "pot": self.POT, "knob_file": self.file, **options}
        )
        self.frames: list[Frame] = []

    def hold(self, percent: float) -> None:
        self.file.write_text(f"{percent}\n", encoding="utf-8")

    async def hear(self, seconds: float) -> list[Reading]:
        """In a connection of its own, from now on."""
        now_s = (self.clock.monotonic_ns() - ANCHOR_NS) / NS_PER_MS / 1000
        return await hear(
            self.bike, now_s + seconds, lambda _name, frame: self.frames.append(frame)
        )

    def counts_at(self, percent: float) -> object:
        """What the pot says there on average, reached upwards."""
        return pytest.approx(self.pot.counts_at(percent, 1.0, 0.0), abs=1)


def mean_raw(readings: list[Reading]) -> float:
    return mean(said.resistance_raw for said in readings if said.resistance_raw is not None)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


class TestKnobFile:
    """A hand holds the knob where the file says, while the rider rides."""

    async def test_raw_resistance_follows_the_knob_file(self, rig: Rig) -> None:
        for percent in (0, 25, 50, 100):
            rig.hold(percent)
            await rig.hear(60)
            held = await rig.hear(10)
            assert len(held) == 100
            assert mean_raw(held) == rig.counts_at(percent)
            assert 1.2 < stdev(said.resistance_raw or 0 for said in held) < 1.8

    async def test_raw_resistance_differs_by_the_hysteresis_between_directions(
        self, rig: Rig
    ) -> None:
        plateaus = []
        for percent in (40, 50, 60, 50):
            rig.hold(percent)
            await rig.hear(60)
            plateaus.append(mean_raw(await rig.hear(10)))
        up, down = plateaus[1], plateaus[3]
        assert up - down == pytest.approx(12, abs=1)

    async def test_the_knob_stays_from_ride_to_ride_and_from_connection_to_connection(
        self, rig: Rig
    ) -> None:
        rig.hold(30)
        await rig.hear(RIDE_S)
        rig.file.unlink()
        for _ in range(3):
            assert mean_raw(await rig.hear(RIDE_S)) == rig.counts_at(30)

    async def test_knob_file_changes_resistance_and_power_but_not_cadence(
        self, tmp_path: Path
    ) -> None:
        rig = Rig(tmp_path, wire="none", pot={})
        rig.hold(70)
        clean, held = await hear_ride(), await rig.hear(RIDE_S)
        assert [said.cadence_rpm for said in held] == [said.cadence_rpm for said in clean]
        for said in held:
            assert said.cadence_rpm is not None
            assert said.resistance_percent == pytest.approx(70, abs=0.6)
            assert said.power_w == pytest.approx(power_w(said.cadence_rpm, 70), abs=2)

    async def test_rig_at_rest_reports_its_knob(self, tmp_path: Path) -> None:
        rig = Rig(tmp_path, scenario="idle")
        rig.hold(60)
        said = await rig.hear(10)
        assert {one.cadence_rpm for one in said} == {0}
        assert mean_raw(said) == rig.counts_at(60)

    async def test_same_seed_and_knob_file_give_the_same_frames(self, tmp_path: Path) -> None:
        shown: list[list[Frame]] = []
        for _ in range(2):
            rig = Rig(tmp_path)
            for percent in (20, 80, 35):
                rig.hold(percent)
                await rig.hear(17)
            shown.append(rig.frames)
        assert shown[0] == shown[1]
        assert len(shown[0]) > 500

    async def test_frozen_rig_repeats_its_last_line_and_then_follows_the_knob(
        self, tmp_path: Path
    ) -> None:
        rig = Rig(tmp_path, faults={"frozen_at_s": 20, "frozen_for_s": 10})
        rig.hold(20)
        await rig.hear(15)
        rig.hold(30)
        before = await rig.hear(5.05)
        rig.hold(90)
        frozen, after = await rig.hear(9.9), await rig.hear(20)
        assert {replace(said, at_ns=0) for said in frozen} == {replace(before[-1], at_ns=0)}
        assert rig.pot.percent_at(after[0].resistance_raw or 0) > 40
        assert mean_raw(after[-50:]) == rig.counts_at(90)

    async def test_a_glitch_is_the_far_end_of_the_raw_scale(self, tmp_path: Path) -> None:
        rig = Rig(tmp_path, faults={"resistance_glitch_per_min": 6})
        rig.hold(30)
        raws = [said.resistance_raw for said in await rig.hear(RIDE_S)]
        far = 60  # of a reversed pot
        assert sum(raw == far for raw in raws) == 6
        assert all(raw == far or raw > 700 for raw in raws if raw is not None)

    async def test_rig_has_missing_readings_and_lost_links(self, tmp_path: Path) -> None:
        faults = {"missing_per_min": 6, "disconnect_at_s": 30, "disconnect_for_s": 10}
        rig = Rig(tmp_path, faults=faults)
        rig.hold(30)
        before, reason = await hear_until_lost(rig.bike)
        assert "dropped the link" in reason
        assert 0 < len(before) < 300
        rig.hold(50)
        rig.clock.advance(10_000 * NS_PER_MS)
        assert mean_raw(await rig.hear(20)) == rig.counts_at(50)


class TestOptions:
    """Wrong options stop the start with the key's name."""

    def test_fake_options_default_to_a_steady_ride_without_a_wire(self) -> None:
        options = FakeBike.Options()
        assert (options.seed, options.scenario, options.wire, options.ride_s) == (
            1,
            "steady",
            "none",
            300,
        )

    @pytest.mark.parametrize(
        ("options", "complaint"),
        [
            ({"scenario": "stedy"}, "scenario"),
            ({"wire": "ant"}, "wire"),
            ({"ride_s": 0}, "ride_s"),
            ({"ride_offset_ms": -1}, "ride_offset_ms"),
            ({"faults": {"zero_power_per_min": 100}}, "faults.zero_power_per_min"),
            ({"faults": {"split_per_min": 1}}, "need a wire"),
            ({"faults": {"cut_per_min": 1}}, "need a wire"),
            ({"wire": "ftms", "faults": {"corrupt_per_min": 1}}, "checksum: peloton or lines"),
            (
                {"wire": "lines", "faults": {"power_factor": 0.5}},
                "fault power_factor needs a wire that reports power",
            ),
            (
                {"wire": "lines", "faults": {"zero_power_per_min": 1}},
                "needs a wire that reports power",
            ),
            ({"wire": "none", "pot": {"noise_counts": 3}}, 'pot needs wire = "lines"'),
            ({"wire": "lines", "pot": {"raw_min": 960}}, "raw_min 960: expected a number below"),
            ({"wire": "lines", "knob_file": 25}, "knob_file"),
            ({"sede": 1}, "sede"),
        ],
    )
    def test_wrong_fake_options_are_refused(
        self, options: dict[str, object], complaint: str
    ) -> None:
        with pytest.raises(ValidationError, match=complaint):
            FakeBike.Options.model_validate(options)


async def test_peloton_table_turns_the_fakes_raw_resistance_into_its_percent() -> None:
    bike = fake(clock_at(0), wire="peloton")
    assert isinstance(bike, ResistanceTableSource)
    assert bike.resistance_table is not None
    assert bike.resistance_table.origin is TableOrigin.BIKE
    table = [int(raw) for raw, _ in bike.resistance_table.points]
    said = [one for one in await hear(bike, 9) if one.resistance_raw is not None]
    assert len(said) > 20
    for one in said:
        assert one.resistance_raw is not None
        assert one.resistance_percent == resistance_percent(one.resistance_raw, table)


def test_ftms_wire_has_no_resistance_table() -> None:
    assert fake(clock_at(0), wire="ftms").resistance_table is None
