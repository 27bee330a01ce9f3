"""Fields that follow the pedals are found from the turns that were counted at two cadences."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.captures.format import CountedTurns
from drivers.captures.movement import (
    ByteField,
    ChangingByte,
    FieldMovement,
    FrameKind,
    MovingField,
    kinds_of,
    moving_fields,
    two_cadences,
)
from drivers.reading import Frame
from tests.support import unknown_bikes
from tests.support.unknown_bikes import NS_PER_S

SLOW, FAST = CountedTurns(15, 35, 20), CountedTurns(40, 60, 30)


def moving(frames: Sequence[Frame]) -> dict[ByteField, MovingField]:
    (kind,) = kinds_of(frames, (SLOW, FAST))
    return {one.field: one for one in moving_fields(kind, SLOW, FAST)}


class TestFields:
    @pytest.mark.parametrize(
        ("field", "movement", "scale"),
        [
            (ByteField(2), FieldMovement.CADENCE, 1),
            (ByteField(3, 2, "big"), FieldMovement.CADENCE, 35.3),
            (ByteField(5, 2, "little"), FieldMovement.TURNS, 1),
            (ByteField(7, 2, "little"), FieldMovement.TIME, 1000),
            (ByteField(9, 2, "big"), FieldMovement.PERIOD, 1000),
            (ByteField(11), FieldMovement.FOLLOWS, 1),
        ],
        ids=["byte", "16 bits, big", "counter that wraps", "time that wraps", "period", "offset"],
    )
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_field_of_each_movement_is_found(
        self, field: ByteField, movement: FieldMovement, scale: float, seed: int
    ) -> None:
        found = moving(list(unknown_bikes.frames(seed)))[field]
        assert found.movement is movement
        assert found.scale == pytest.approx(scale, rel=0.05)

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_noise_and_constants_do_not_move(self, seed: int) -> None:
        fields = moving(list(unknown_bikes.frames(seed)))
        assert not {ByteField(offset) for offset in (0, 1, 12, 13)} & set(fields)

    def test_number_that_is_the_same_at_both_cadences_does_not_move(self) -> None:
        """Such as a level, which the rider changes at another time."""
        frames = [
            Frame(round(t_s * NS_PER_S), bytes((0xA5, 0x10, 5 if t_s < 65 else 9)))
            for t_s in range(80)
        ]
        assert moving(frames) == {}

    def test_most_informative_field_is_first(self) -> None:
        (kind,) = kinds_of(unknown_bikes.frames(), (SLOW, FAST))
        first, *_ = moving_fields(kind, SLOW, FAST)
        assert (first.field, first.movement) == (ByteField(2), FieldMovement.CADENCE)
        assert first.slow == pytest.approx(60, abs=1)
        assert first.fast == pytest.approx(90, abs=1)

    def test_an_error_of_one_turn_does_not_matter(self) -> None:
        (kind,) = kinds_of(unknown_bikes.frames(), ())
        miscounted = CountedTurns(15, 35, 21)
        found = {one.field: one.movement for one in moving_fields(kind, miscounted, FAST)}
        assert found[ByteField(2)] is FieldMovement.CADENCE
        assert found[ByteField(5, 2, "little")] is FieldMovement.TURNS

    def test_frames_outside_the_counted_turns_are_no_basis(self) -> None:
        (kind,) = kinds_of(unknown_bikes.frames(), ())
        assert moving_fields(kind, SLOW, CountedTurns(200, 220, 30)) == []

    @given(st.integers(0, 2**32), st.integers(1, 24))
    def test_any_frames_are_evaluated_without_an_error(self, seed: int, size: int) -> None:
        chance = Random(seed)
        frames = [
            Frame(round(t_s * NS_PER_S), chance.randbytes(chance.choice((0, 1, size))))
            for t_s in range(80)
        ]
        for kind in kinds_of(frames, (SLOW, FAST)):
            assert kind.frames
            kind.changing_bytes()
            moving_fields(kind, SLOW, FAST)

    def test_random_bytes_seldom_seem_to_move(self) -> None:
        chance = Random(7)
        frames = [Frame(tick * NS_PER_S // 4, chance.randbytes(20)) for tick in range(320)]
        assert moving(frames) == {}


class TestKinds:
    def test_frames_are_told_apart_by_length_and_first_bytes(self) -> None:
        """Otherwise the resistance in one kind would look like noise in the cadence of another."""
        frames = [
            Frame(second * NS_PER_S, data)
            for second in range(80)
            for data in (b"\xf0\xd1\x05" + bytes((second,)), b"\xf0\xd2\x01\x07", b"\xf0")
        ]
        kinds = [(kind.size_bytes, kind.begins) for kind in kinds_of(frames, (SLOW, FAST))]
        assert sorted(kinds) == [(1, b"\xf0"), (4, b"\xf0\xd1"), (4, b"\xf0\xd2")]

    def test_number_at_the_beginning_is_not_taken_for_the_name_of_a_kind(self) -> None:
        frames = [
            Frame(round(t_s * NS_PER_S), bytes((60 if t_s < 38 else 90, 7))) for t_s in range(80)
        ]
        assert moving(frames)[ByteField(0)].movement is FieldMovement.CADENCE

    def test_changing_bytes_have_their_range(self) -> None:
        kind = FrameKind(3, b"", (Frame(0, b"\1\5\1"), Frame(1, b"\1\3\2"), Frame(2, b"\1\7\2")))
        assert kind.changing_bytes() == [ChangingByte(1, 3, 7), ChangingByte(2, 1, 2)]


class TestCadences:
    def test_slowest_and_fastest_are_compared(self) -> None:
        between = CountedTurns(70, 80, 12)
        assert two_cadences((FAST, between, SLOW)) == (SLOW, FAST)

    @pytest.mark.parametrize(
        "counted",
        [(), (SLOW,), (SLOW, CountedTurns(40, 60, 21)), (CountedTurns(0, 10, 0), FAST)],
        ids=["none", "one", "about the same", "pedals at rest"],
    )
    def test_two_different_cadences_are_needed(self, counted: Sequence[CountedTurns]) -> None:
        assert two_cadences(counted) is None
