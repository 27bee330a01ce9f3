"""Where a knob was held: all places are found, and none is invented."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from drivers.captures.format import load_raw_capture
from drivers.protocols import PROTOCOLS
from drivers.protocols.serial.peloton import (
    PelotonOp,
    PelotonResponse,
    encode_request,
    encode_response,
)
from gateway.calibrating.measuring.plateaus import find_plateaus
from gateway.calibrating.measuring.signal import Hold

#: Medians of the recording of ihaque/pelomon, in which a Peloton's knob was stepped up and down.
STEPPED = (
    *(156, 223, 437, 608, 726, 802, 861, 901, 930, 952, 967),
    *(960, 941, 916, 882, 835, 770, 668, 524, 333, 191, 161),
)
WITHIN = 2
HELD_FOR_S = 5.0
#: Ten questions a second, of which every third is that for the resistance.
SAMPLES_PER_S = 10 / 3
BYTES_PER_S = 130.0


def stepped(positions: tuple[int, ...], seed: int = 0) -> list[int]:
    """As a Peloton says it: held for about 12 s, turned on in 4 … 7 s with rests of up to 3 s.

    Its noise is a count or two, and one sample's is like that before it.
    """
    random = Random(seed)
    said: list[int] = []
    wander = 0
    for index, position in enumerate(positions):
        if index:
            said += turn(positions[index - 1], position, random)
        for _ in range(random.randint(36, 45)):
            if random.random() < 0.3:
                wander = max(-1, min(1, wander + random.choice((-1, 1))))
            said.append(position + wander)
    return said


def turn(start: int, end: int, random: Random) -> Iterator[int]:
    """In three strokes of the hand, with a rest after each; the last goes a little too far."""
    for fraction in (0.4, 0.75, 1.02):
        stroke = [start + (end - start) * fraction * part for part in (0.6, 0.85, 0.97)]
        yield from map(round, stroke)
        yield from [round(start + (end - start) * fraction)] * random.randint(1, 7)


def series_of(file: Path) -> list[tuple[int, float | None]]:
    decoder = PROTOCOLS["peloton"]()
    frames = load_raw_capture(file, "peloton", BYTES_PER_S).frames
    readings = [reading for _, frame in frames for reading in decoder.feed(frame)]
    return [(reading.at_ns, reading.resistance_raw) for reading in readings]


def write_line(file: Path, resistances: list[int]) -> None:
    """Both directions of a Peloton's line: three questions and answers in turn."""
    answers = [
        PelotonResponse(op, value)
        for raw in resistances
        for op, value in (
            (PelotonOp.POWER, 920),
            (PelotonOp.RESISTANCE_RAW, raw),
            (PelotonOp.CADENCE, 80),
        )
    ]
    file.write_bytes(b"".join(encode_request(one.op) + encode_response(one) for one in answers))


def assert_found(found: list[Hold], expected: tuple[int, ...]) -> None:
    assert [round(hold.raw) for hold in found] == pytest.approx(list(expected), abs=WITHIN)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_plateaus_22_both_ways_on_a_pelotons_line(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "stepped.bin"
    write_line(file, stepped(STEPPED, seed))
    found = find_plateaus(series_of(file), HELD_FOR_S)
    assert_found(found, STEPPED)
    assert all(30 <= hold.samples <= 80 and hold.noise < 5 for hold in found)


def test_plateaus_22_of_a_real_bike(request: pytest.FixtureRequest) -> None:
    named = request.config.getoption("--stepped-capture")
    if named is None:
        pytest.skip("no recording was given: --stepped-capture=<file>")
    assert_found(find_plateaus(series_of(Path(named)), HELD_FOR_S), STEPPED)


def test_plateau_begins_and_ends_with_the_hold() -> None:
    numbers = [*range(100, 400, 10), *[400] * 100, *range(400, 100, -10)]
    (hold,) = find_plateaus([(index * 100_000_000, raw) for index, raw in enumerate(numbers)], 5)
    assert 2.7 <= hold.start_ns / 1e9 <= 3.3
    assert 12.6 <= hold.end_ns / 1e9 <= 13.2
    assert 95 <= hold.samples <= 105


def test_plateau_may_be_a_rest_of_the_hand_only_if_asked_for() -> None:
    numbers = [*[200] * 60, *range(200, 300, 5), *[300] * 30, *range(300, 400, 5), *[400] * 60]
    series = [(index * 100_000_000, raw) for index, raw in enumerate(numbers)]
    assert [hold.raw for hold in find_plateaus(series, 5)] == [200, 400]
    assert [hold.raw for hold in find_plateaus(series, 2)] == [200, 300, 400]


def test_plateaus_next_to_each_other_are_two() -> None:
    """Levels of a bike that says them once a second."""
    numbers = [*[7] * 15, *[8] * 15, *[7] * 15]
    series = [(index * 1_000_000_000, raw) for index, raw in enumerate(numbers)]
    assert [hold.raw for hold in find_plateaus(series, 5)] == [7, 8, 7]


def test_plateau_that_the_knob_comes_back_to_later_is_two() -> None:
    there = list(range(437, 637, 5))
    numbers = [*[437] * 60, *there, *reversed(there), *[437] * 60]
    series = [(index * 100_000_000, raw) for index, raw in enumerate(numbers)]
    assert [hold.raw for hold in find_plateaus(series, 5)] == [437, 437]


def test_plateau_with_a_glitch_in_the_middle_is_one() -> None:
    numbers = [*[437, 438] * 30, 4095, *[438, 437] * 30]
    series = [(index * 100_000_000, raw) for index, raw in enumerate(numbers)]
    (hold,) = find_plateaus(series, 5)
    assert hold.samples == 120
    assert hold.noise == pytest.approx(0.5)


def test_plateaus_are_none_where_nothing_was_held() -> None:
    assert find_plateaus([], 5) == []
    assert find_plateaus([(index * 100_000_000, index * 5) for index in range(200)], 2) == []
