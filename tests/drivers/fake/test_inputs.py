"""What the fake rider is told by files: a number, a cadence to keep, a place for the knob."""

from itertools import pairwise
from pathlib import Path
from statistics import mean

import pytest

from drivers.fake.inputs import Hand, Rhythm, number_in
from drivers.fake.rider import BikeState, RiderProfile, RiderTarget
from drivers.fake.scenarios import Ride


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"25", 25.0),
        (b" 12.5\n", 12.5),
        (b"0", 0.0),
        (b"100", 100.0),
        (b"100.1", None),
        (b"-1", None),
        (b"", None),
        (b"fast", None),
        (b"nan", None),
        (b"inf", None),
        (b"\xff\xfe", None),
        (b"0" * 100 + b"7", 0.0),
    ],
)
def test_number_in_a_file_is_within_bounds_or_none(
    tmp_path: Path, content: bytes, number: float | None
) -> None:
    file = tmp_path / "number"
    file.write_bytes(content)
    assert number_in(file, most=100.0) == number


def test_missing_number_file_gives_none(tmp_path: Path) -> None:
    assert number_in(tmp_path / "number", most=100.0) is None
    assert number_in(tmp_path, most=100.0) is None


OWN = RiderTarget(80, 40)


def test_rhythm_file_without_a_cadence_leaves_the_riders_target(tmp_path: Path) -> None:
    file = tmp_path / "rpm"
    assert Rhythm(file).kept(OWN) == OWN
    file.write_text("201", encoding="ascii")
    assert Rhythm(file).kept(OWN) == OWN


def test_rhythm_file_sets_the_cadence_and_leaves_the_knob(tmp_path: Path) -> None:
    file = tmp_path / "rpm"
    file.write_text("60\n", encoding="ascii")
    assert Rhythm(file).kept(OWN) == RiderTarget(60, 40, has_beat=True)


@pytest.mark.parametrize("seed", range(4))
def test_rider_follows_each_cadence_written_to_the_rhythm_file(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "rpm"
    ride = Ride(seed, "steady", 300, Rhythm(file))
    unheard = Ride(seed, "steady", 300)
    for ms in range(0, 20_000, 100):
        assert ride.state_at(ms) == unheard.state_at(ms)
    for start_ms, rpm in ((20_000, 60), (80_000, 90)):
        file.write_text(f"{rpm}", encoding="ascii")
        settled = range(start_ms + 10_000, start_ms + 60_000, 100)
        said = mean(ride.state_at(ms).cadence_rpm for ms in settled)
        assert said == pytest.approx(rpm, abs=0.4)


STATE = BikeState(80, 40, 112, 27, 140)
SECOND_NS = 1_000_000_000
START_NS = 5_000_000_123


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "knob"


def write(file: Path, content: str) -> None:
    file.write_text(content, encoding="utf-8")


def knob_at(hand: Hand, second: float) -> float:
    return hand.hold(STATE, START_NS + round(second * SECOND_NS)).knob_percent


def test_knob_starts_at_the_percent_in_its_file(file: Path) -> None:
    write(file, "25\n")
    assert knob_at(Hand(file, seed=1), 0) == 25


def test_knob_without_a_file_starts_at_the_riders_resistance(file: Path) -> None:
    for seed in (1, 2):
        assert knob_at(Hand(file, seed), 0) == RiderProfile.from_seed(seed).resistance_percent


def test_hand_turns_by_one_to_three_percent_and_stops_exactly(file: Path) -> None:
    write(file, "25")
    hand = Hand(file, seed=1)
    assert knob_at(hand, 0) == 25
    write(file, "47.3")
    places = [knob_at(hand, step * 0.4) for step in range(1, 31)]
    moves = [after - before for before, after in pairwise([25.0, *places])]
    turning = [move for move in moves if move]
    assert all(1 <= move <= 3 for move in turning[:-1])
    assert moves[: len(turning)] == turning
    assert places[-1] == 47.3


def test_hand_rests_between_two_turns(file: Path) -> None:
    write(file, "25")
    hand = Hand(file, seed=1)
    knob_at(hand, 0)
    write(file, "80")
    places = [knob_at(hand, second) for second in (0.1, 0.2, 0.3, 0.39)]
    assert places == [25] * 4
    assert knob_at(hand, 0.4) == knob_at(hand, 0.7) > 25


def test_hand_turns_as_far_unwatched_as_watched(file: Path) -> None:
    write(file, "0")
    watched, unwatched = Hand(file, seed=1), Hand(file, seed=1)
    for hand in (watched, unwatched):
        knob_at(hand, 0)
    write(file, "100")
    for look in range(34):
        knob_at(watched, look * 0.3)
    assert knob_at(unwatched, 10) == knob_at(watched, 10) < 80
    assert knob_at(unwatched, 3600) == 100


def test_hand_asked_of_an_earlier_instant_does_not_turn_back(file: Path) -> None:
    write(file, "0")
    hand = Hand(file, seed=1)
    knob_at(hand, 0)
    write(file, "100")
    place = knob_at(hand, 10)
    assert knob_at(hand, 5) == place
    assert knob_at(hand, 10.3) == place


@pytest.mark.parametrize("content", ["", "\n", "2e", "abc", "nan", "inf", "-1", "101", "30 40"])
def test_knob_file_without_a_percent_leaves_the_knob(file: Path, content: str) -> None:
    write(file, "25")
    hand = Hand(file, seed=1)
    knob_at(hand, 0)
    write(file, content)
    assert knob_at(hand, 10) == 25
    write(file, "30")
    assert knob_at(hand, 20) == 30


def test_knob_file_of_binary_or_endless_bytes_leaves_the_knob(file: Path) -> None:
    write(file, "25")
    hand = Hand(file, seed=1)
    knob_at(hand, 0)
    file.write_bytes(b"\xff\xfe\x00")
    assert knob_at(hand, 10) == 25
    file.unlink()
    file.symlink_to("/dev/zero")
    assert knob_at(hand, 20) == 25


def test_knob_file_that_goes_or_becomes_a_folder_leaves_the_knob(file: Path) -> None:
    write(file, "25")
    hand = Hand(file, seed=1)
    knob_at(hand, 0)
    file.unlink()
    assert knob_at(hand, 10) == 25
    file.mkdir()
    assert knob_at(hand, 20) == 25


def test_hand_tells_which_way_it_last_turned(file: Path) -> None:
    write(file, "50")
    hand = Hand(file, seed=1)
    assert hand.hold(STATE, START_NS).last_turn == 1.0
    write(file, "40")
    knob_at(hand, 0)
    assert hand.hold(STATE, START_NS + 100 * SECOND_NS).last_turn == -1.0
    assert hand.hold(STATE, START_NS + 200 * SECOND_NS).last_turn == -1.0
    write(file, "45")
    assert hand.hold(STATE, START_NS + 300 * SECOND_NS).last_turn == 1.0


def test_hand_turns_alike_for_the_same_seed(file: Path) -> None:
    write(file, "0")
    hands = [Hand(file, seed) for seed in (1, 1, 2)]
    for hand in hands:
        knob_at(hand, 0)
    write(file, "100")
    one, same, other = (knob_at(hand, 5) for hand in hands)
    assert one == same != other
