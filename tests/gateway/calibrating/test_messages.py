"""Every message survives its way; whatever else comes is refused in words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import Reading
from drivers.contract import ResistanceTable, TableOrigin
from gateway.bike.link import LinkState
from gateway.calibrating.messages import (
    ASK_MAX_BYTES,
    TELL_MAX_BYTES,
    Ask,
    Done,
    Ended,
    Heard,
    Here,
    MessageError,
    Open,
    Ping,
    Refused,
    Reset,
    Rollback,
    Save,
    Tell,
    TryOut,
    Undo,
    ask_from_line,
    ask_to_line,
    tell_from_line,
    tell_to_line,
)
from gateway.calibrating.state import CalibrationState, LinkStatus, Origin
from gateway.sampling.calibration import AS_SAID, Calibration, CalibrationTable
from gateway.sampling.calibration_record import CalibrationRecord, CapturedPoint
from tests.support.calibrations import record

numbers = st.floats(-1e9, 1e9)
texts = st.text(max_size=30)
origins = st.sampled_from(TableOrigin)


@st.composite
def records(draw: st.DrawFn) -> CalibrationRecord:
    raws = draw(st.lists(st.integers(0, 4095), unique=True, min_size=2, max_size=12))
    raws.sort(reverse=draw(st.booleans()))
    step = 100 / len(raws)
    points = tuple(CapturedPoint(at * step, raw, 1.5, 20) for at, raw in enumerate(raws))
    return record(
        bike_id=draw(st.text(min_size=1, max_size=20)),
        device=draw(texts),
        points=points,
        quantity=draw(st.sampled_from(["raw", "percent"])),
        cadence_scale=draw(st.floats(0.01, 20)),
        power_scale=draw(st.just(1.0) | st.floats(0.01, 100)),
        power_offset_w=draw(st.just(0.0) | st.floats(-500, 500)),
        rate_hz=draw(st.none() | st.floats(0, 100)),
        made_at=datetime.fromtimestamp(draw(st.integers(0, 2**32)), UTC),
    )


asks: st.SearchStrategy[Ask] = st.one_of(
    st.builds(Open, texts, st.booleans(), st.integers(0, 2**31)),
    st.builds(TryOut, st.none() | records()),
    st.just(Undo()),
    st.builds(Save, records()),
    st.builds(Rollback, st.integers(-9, 99)),
    st.just(Reset()),
    st.builds(Here, st.integers(0, 2**53)),
)

maybe = st.none() | numbers
readings = st.builds(
    Reading, st.integers(0, 2**62), maybe, maybe, maybe, maybe, maybe, maybe, maybe, texts
)
tells: st.SearchStrategy[Tell] = st.one_of(
    st.builds(LinkStatus, st.sampled_from(LinkState), texts),
    st.builds(Heard, readings),
    st.builds(Ping, st.integers(0, 2**53)),
    st.builds(Done, st.none() | texts, st.none() | records()),
    st.builds(Refused, texts),
    st.builds(Ended, texts),
)


PROTOCOL = Path(__file__).with_name("protocol_1.jsonl").read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("line", PROTOCOL)
def test_lines_of_protocol_version_1_are_read_and_written_byte_for_byte(line: bytes) -> None:
    """Captured from the first release: clients and daemons of it are still about."""
    if b'"ask":' in line:
        assert ask_to_line(ask_from_line(line)) == line
    else:
        assert tell_to_line(tell_from_line(line)) == line


def test_calibration_in_use_is_told_by_its_points_in_order_of_raw_value() -> None:
    """Also whole numbers, which are floats on the wire."""
    used = Calibration(CalibrationTable([(967.5, 100), (164, 0)]), "percent", 0.5)
    told = CalibrationState("bike-1", "ble C0:FF", used, Origin.CONFIG)
    expected = b'"in_use":{"points":[[164.0,0.0],[967.5,100.0]],"quantity":"percent",'
    assert expected in tell_to_line(told)


@given(asks)
def test_ask_arrives_as_it_was_and_on_one_line(ask: Ask) -> None:
    line = ask_to_line(ask)
    assert ask_from_line(line) == ask
    assert line.index(b"\n") == len(line) - 1


@given(tells)
def test_tell_arrives_as_it_was_and_on_one_line(tell: Tell) -> None:
    line = tell_to_line(tell)
    assert tell_from_line(line) == tell
    assert line.index(b"\n") == len(line) - 1


@given(
    records(),
    st.none() | records(),
    st.dictionaries(st.integers(1, 9), records(), max_size=3),
    st.sampled_from(Origin),
    st.none() | st.builds(ResistanceTable, st.just(((164, 0), (967.5, 100))), origins),
    texts,
)
def test_a_state_arrives_as_it_was(
    used: CalibrationRecord,
    kept: CalibrationRecord | None,
    backups: Mapping[int, CalibrationRecord],
    origin: Origin,
    table: ResistanceTable | None,
    problem: str,
) -> None:
    state = CalibrationState(
        bike_id="bike-1",
        device="fake seed 1",
        in_use=used.calibration,
        origin=origin,
        record=kept,
        problem=problem,
        backups=backups,
        resistance_table=table,
    )
    arrived = tell_from_line(tell_to_line(state))
    assert isinstance(arrived, CalibrationState)
    assert points_of(arrived.in_use) == points_of(state.in_use)
    assert replaced(arrived) == replaced(state)


def points_of(calibration: Calibration) -> object:
    table = calibration.table
    return (
        None if table is None else table.points,
        calibration.quantity,
        calibration.cadence_scale,
        calibration.power_scale,
        calibration.power_offset_w,
    )


def replaced(state: CalibrationState) -> Mapping[str, Any]:
    """What can be compared: a CalibrationTable is itself alone."""
    return {name: getattr(state, name) for name in CalibrationState.__slots__ if name != "in_use"}


def test_reading_from_a_source_that_is_no_unicode_arrives_all_the_same() -> None:
    # An error would reach the driver's connection, and the bike would be lost.
    arrived = tell_from_line(tell_to_line(Heard(Reading(1, cadence_rpm=80, source="caf\udce9"))))
    assert arrived == Heard(Reading(1, cadence_rpm=80, source="caf?"))


def test_state_without_a_calibration_arrives_without_one() -> None:
    state = CalibrationState("bike-1", "fake seed 1", AS_SAID, Origin.BIKE)
    assert tell_from_line(tell_to_line(state)) == state


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    for read in (ask_from_line, tell_from_line):
        with pytest.raises(MessageError):
            read(data)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"", "Invalid JSON: EOF"),
        (b'{"ask":"rollback","number":1.5}', "rollback.number: Input should be a valid integer"),
        (b'{"ask":"rollback"}', "rollback.number: Field required"),
        (b'{"ask":"undo","at":1}', "undo.at: Unexpected keyword argument"),
        (b'{"ask":"dance"}', "Input tag 'dance' found using 'ask' does not match"),
        (
            ask_to_line(Save(record(points=(record().points[0],) * 2))),
            r"save.record: Value error, 1 point\(s\): a table needs at least 2",
        ),
    ],
)
def test_wrong_ask_is_refused_with_its_place(line: bytes, why: str) -> None:
    with pytest.raises(MessageError, match=why):
        ask_from_line(line)


def test_a_state_with_points_that_make_no_table_is_refused() -> None:
    table = CalibrationTable([(0, 0), (1, 100)])
    state = CalibrationState("bike-1", "fake", Calibration(table), Origin.TRIAL)
    line = tell_to_line(state).replace(b"[1.0,100.0]", b"[0.0,100.0]")
    with pytest.raises(MessageError, match=r"state\.in_use\.points: "):
        tell_from_line(line)


def test_open_of_another_version_is_understood() -> None:
    """So what they say first is understood, whatever they add to it."""
    assert ask_from_line(
        b'{"ask":"open","bike_id":"bike-1","live":true,"version":9,"new":[1]}'
    ) == Open("bike-1", live=True, version=9)


def test_a_hundred_points_fit_and_so_do_their_backups() -> None:
    points = (CapturedPoint(at / 2, 1000.123456 + at, 1.234567, 25, "down") for at in range(200))
    large = record(points=tuple(points))
    backups = dict.fromkeys(range(1, 10), large)
    assert len(ask_to_line(Save(large))) < ASK_MAX_BYTES
    state = CalibrationState("bike-1", "fake", large.calibration, Origin.SAVED, large, "", backups)
    assert len(tell_to_line(state)) < TELL_MAX_BYTES
