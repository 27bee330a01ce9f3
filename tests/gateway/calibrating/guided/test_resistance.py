"""The guided calibration, from the first point to the saved file, in virtual time."""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from drivers.fake.pot import Pot, PotOptions
from gateway.calibrating.fake import AWKWARD
from gateway.calibrating.guided.capture import Quit
from gateway.calibrating.guided.resistance import UnsavedError, calibrate_resistance
from gateway.calibrating.measuring.guide import targets
from gateway.calibrating.prompt import AnswerError
from gateway.calibrating.state import CalibrationError
from gateway.calibrating.view.screen import Screen
from gateway.calibrating.view.script import Shown
from gateway.config.schema import BikeConfig
from gateway.sampling.calibration import AS_PERCENT, CalibrationTable
from gateway.sampling.calibration_record import CalibrationRecord
from tests.gateway.calibrating.measuring.test_plateaus import STEPPED, write_line
from tests.support.calibration_sitting import Sitting
from tests.support.calibrations import record
from tests.support.files import full_disk

pytestmark = pytest.mark.slow

RIDER = {"id": "bike-1", "racer_id": 1, "racer_name": "Ada", "class_id": 1}
#: Of a Peloton's number while its knob is held: slow, by a count or so.
WANDER = [0] * 9 + [1] * 14 + [0] * 5 + [-1] * 12
FIVE = ["hold"] * 5


def five() -> Any:
    return partial(calibrate_resistance, asked=targets())


async def test_calibration_of_five_held_points_is_saved(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [*FIVE, "accept", "save"])
    saved = await sitting.run(five())
    assert sitting.store.load("bike-1") == saved.record
    assert saved.file == tmp_path / "calibration" / "bike-1.json"
    assert saved.old == AS_PERCENT
    one = saved.record
    assert (one.bike_id, one.device, one.quantity) == ("bike-1", "fake seed 1", "raw")
    assert [point.percent for point in one.points] == [0, 25, 50, 75, 100]
    assert all(point.samples >= 10 and 0.5 < point.noise < 5 for point in one.points)
    assert one.rate_hz == pytest.approx(10, abs=1)
    assert sitting.said[-1] == f"saved in {saved.file} and in use now"


def worst_error(table: CalibrationTable, pot: Pot) -> float:
    """In points, of the middle between both ways to a place."""
    return max(
        abs(fmean(table.percent_at(pot.counts_at(percent, way, 0)) for way in (1, -1)) - percent)
        for percent in range(101)
    )


@pytest.mark.parametrize(
    "options",
    [
        {"pot": {"curve": "s_shaped"}},
        {"pot": {"curve": "s_shaped", "reversed": True}},
        {"pot": {"curve": "s_shaped", "hysteresis_counts": 12.0}},
        {
            "pot": {"curve": "s_shaped", "noise_counts": 2.0},
            "faults": {
                "resistance_glitch_per_min": 6,
                "missing_per_min": 4,
                "disconnect_at_s": 40,
                "disconnect_for_s": 7,
            },
        },
        AWKWARD,
    ],
    ids=["S-shaped", "reversed", "hysteresis", "outliers and drop-outs", "all of it"],
)
async def test_eleven_points_both_ways_are_within_a_point(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    sitting = Sitting(tmp_path, ["hold"] * 21 + ["accept", "save"], options)
    saved = await sitting.run(partial(calibrate_resistance, asked=targets(11, both_ways=True)))
    pot, table = Pot(PotOptions(**options["pot"])), saved.record.calibration.table
    assert table is not None
    line = CalibrationTable([table.points[0], table.points[-1]])
    error, line_error = (worst_error(one, pot) for one in (table, line))
    print(f"worst error: {error:.2f} points with 11 points, {line_error:.2f} with a line")
    assert error <= 1
    assert line_error > 8


@pytest.fixture(params=["synthetic", "real"])
def stepped_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A Peloton's line while its knob was stepped: see calibrating/test_plateaus.py."""
    if request.param == "real":
        named = request.config.getoption("--stepped-capture")
        if named is None:
            pytest.skip("no recording was given: --stepped-capture=<file>")
        return Path(named).absolute()
    file = tmp_path / "stepped.bin"
    write_line(file, [raw + wander for raw in STEPPED for wander in WANDER])
    return file


async def test_recorded_steps_are_captured_one_after_the_other(
    tmp_path: Path, stepped_file: Path
) -> None:
    """Eleven positions upwards, of which only the first was not turned to."""
    sitting = Sitting(tmp_path, ["capture", *["hold"] * 10, "accept", "save"])
    bike = BikeConfig.model_validate(
        {**RIDER, "driver": "replay", "options": {"file": stepped_file}}
    )
    sitting.sit_on(bike, tmp_path)
    saved = await sitting.run(partial(calibrate_resistance, asked=targets(11)))
    raws = [round(point.raw) for point in saved.record.points]
    assert raws == pytest.approx(list(STEPPED[:11]), abs=2)


async def test_old_calibration_is_shown_and_kept_as_a_backup(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [*FIVE, "accept", "save"])
    before = record(cadence_scale=0.5, power_scale=2.0, power_offset_w=-5.0)
    sitting.store.save(before)
    sitting = Sitting(tmp_path, [*FIVE, "accept", "save"])
    saved = await sitting.run(five())
    (review,) = sitting.data("review")[:1]
    assert review["old_from"] == "the calibration of 2026-11-21"
    table = before.calibration.table
    assert table is not None
    was = [(one["was"], table.percent_at(one["raw"])) for one in review["compared"]]
    assert [shown for shown, _ in was] == [pytest.approx(old) for _, old in was]
    assert saved.record.cadence_scale == 0.5
    assert (saved.record.power_scale, saved.record.power_offset_w) == (2, -5)
    assert review["power_scale"] == {"was": 2, "will_be": 2}
    assert sitting.store.backups("bike-1") == {1: before}
    assert "calibrate rollback bike-1" in sitting.said[-1]


async def test_skipped_and_redone_points_are_recorded_as_such(tmp_path: Path) -> None:
    sitting = Sitting(
        tmp_path, ["hold", "skip", "hold", "redo", "capture", "hold", "hold", "accept", "save"]
    )
    saved = await sitting.run(five())
    assert [point.percent for point in saved.record.points] == [0, 50, 75, 100]
    assert "skipped 25 %" in sitting.said
    assert "capture 50 % again" in sitting.said


async def test_a_point_can_be_taken_back_at_the_end(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [*FIVE, "redo", "capture", "accept", "save"])
    saved = await sitting.run(five())
    assert [point.percent for point in saved.record.points] == [0, 25, 50, 75, 100]
    assert "capture 100 % again" in sitting.said


async def test_points_that_make_no_table_cannot_be_accepted(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, ["hold", "skip", "skip", "skip", "skip", "accept"])
    with pytest.raises(
        AnswerError, match="'accept' is not an answer to 'these points cannot be used'"
    ):
        await sitting.run(five())
    assert sitting.store.load("bike-1") is None


@pytest.mark.parametrize(
    "answers", [["quit"], ["hold", "quit"], [*FIVE, "quit"], [*FIVE, "accept", "quit"]]
)
async def test_quit_leaves_everything_as_it_was(tmp_path: Path, answers: list[str]) -> None:
    sitting = Sitting(tmp_path, answers)
    sitting.store.save(record())
    with pytest.raises(Quit):
        await sitting.run(five())
    assert sitting.store.load("bike-1") == record()
    assert sitting.store.backups("bike-1") == {}


async def test_accepted_calibration_is_live_until_undone(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [*FIVE, "accept", "undo", "accept", "undo", "quit"])
    tried: list[bool] = []
    session = sitting.rig.session
    undo = session.undo

    async def watched_undo() -> None:
        tried.append(session.state.in_use.table is not None)
        await undo()
        tried.append(session.state.in_use.table is not None)

    session.undo = watched_undo  # type: ignore[method-assign]
    with pytest.raises(Quit):
        await sitting.run(five())
    assert tried == [True, False, True, False]


async def test_a_save_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [*FIVE, "accept", "save", "save"])
    disk = ExitStack()
    disk.enter_context(full_disk())
    say = sitting.context.view.show

    def show(screen: Shown, now_ns: int) -> None:
        if isinstance(screen, Screen) and screen.last.startswith("not saved"):
            disk.close()
        say(screen, now_ns)

    sitting.context.view.show = show  # type: ignore[method-assign]
    saved = await sitting.run(five())
    assert sitting.store.load("bike-1") == saved.record
    assert any("nothing was changed; try again" in words for words in sitting.said)


async def test_session_that_fails_after_the_capture_returns_the_points(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [*FIVE, "accept"])
    session = sitting.rig.session

    async def gone(record: CalibrationRecord | None) -> None:
        raise CalibrationError("the gateway has hung up")

    session.try_out = gone  # type: ignore[method-assign]
    with pytest.raises(UnsavedError, match="the gateway has hung up") as raised:
        await sitting.run(five())
    assert [point.percent for point in raised.value.record.points] == [0, 25, 50, 75, 100]


async def test_a_peloton_is_compared_with_its_own_table(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, [*FIVE, "quit"], {"wire": "peloton", "pot": {}, "faults": {}})
    with pytest.raises(Quit):
        await sitting.run(five())
    (review,) = sitting.data("review")[:1]
    assert review["old_from"] == "the bike's own table"
    assert [one["was"] for one in review["compared"]] == [
        pytest.approx(percent, abs=1.5) for percent in (0, 25, 50, 75, 100)
    ]


async def test_saved_points_are_those_that_were_accepted(tmp_path: Path) -> None:
    """The knob is held on while it is looked at; its point is not captured anew."""
    sitting = Sitting(tmp_path, [*FIVE, "accept", "undo", "accept", "save"])
    saved = await sitting.run(five())
    reviews = sitting.data("review")
    assert reviews[0]["points"] == reviews[-1]["points"]
    assert reviews[0]["points"][-1]["samples"] == saved.record.points[-1].samples


async def test_a_knob_that_is_there_already_is_captured_as_soon_as_it_holds(
    tmp_path: Path,
) -> None:
    """Nobody turns it: only Enter can tell that it is right."""
    sitting = Sitting(tmp_path, ["capture", "quit"])
    sitting.context = replace(sitting.context, hand=lambda _: None)
    with pytest.raises(Quit):
        await sitting.run(five())
    assert "not yet: the bike has not sent its resistance yet" in sitting.said
    assert [point["percent"] for point in sitting.data("captured")] == [0]


async def test_knob_that_nobody_turns_is_not_captured_unasked(
    tmp_path: Path,
) -> None:
    sitting = Sitting(tmp_path, ["hold"])
    sitting.context = replace(sitting.context, hand=lambda _: None, patience_s=20)
    with pytest.raises(CalibrationError, match=r"nothing happened for .*turn to 0 %"):
        await sitting.run(five())
    assert sitting.data("captured") == []


async def test_calibration_ends_when_a_question_is_not_answered(tmp_path: Path) -> None:
    sitting = Sitting(tmp_path, FIVE, {"faults": {"vanish_at_s": 0}})
    with pytest.raises(CalibrationError, match=r"nothing happened for .*turn to 0 %"):
        await sitting.run(five())
