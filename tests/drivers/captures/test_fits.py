"""Protocols that fit the frames of a capture, with how much of them and with which values."""

from pathlib import Path

import pytest

from drivers.captures.fits import ProtocolFit, fits_of
from drivers.captures.format import CountedTurns, load_capture
from drivers.reading import Frame
from tests.support import unknown_bikes

CAPTURES = sorted((Path(__file__).parents[2] / "captures").rglob("*.jsonl"))
SECOND = 1_000_000_000
SLOW, FAST = CountedTurns(15, 35, 20), CountedTurns(40, 60, 30)


def echelon(cadence_rpm: int) -> bytes:
    """Return a status as the bike sends it, from cagnulein/qdomyos-zwift."""
    body = bytes((0xF0, 0xD1, 0x09, 0, 0, 0, 0, 0, 1, 0, cadence_rpm, 0))
    return body + bytes((sum(body) & 0xFF,))


def ride(*extra: Frame) -> list[Frame]:
    frames = [Frame(second * SECOND, echelon(60 if second < 38 else 91)) for second in range(80)]
    return sorted([*frames, *extra], key=lambda frame: frame.at_ns)


def fit(frames: list[Frame], name: str, *counted: CountedTurns) -> ProtocolFit:
    return next(one for one in fits_of(frames, counted) if one.protocol == name)


def test_protocol_of_the_bike_fits_best() -> None:
    best, *_ = fits_of(ride(), ())
    assert (best.protocol, best.understood, best.frames) == ("echelon", 80, 80)
    assert best.values == {"cadence_rpm": (60, 91)}


def test_fit_counts_the_frames_that_are_not_understood() -> None:
    found = fit(ride(Frame(0, b"\1\2\3"), Frame(0, b"\4\5")), "echelon")
    assert (found.understood, found.frames) == (80, 82)


def test_messages_that_are_cut_into_frames_are_understood_whole() -> None:
    message = bytes.fromhex("ff1f0c0122000000000000005a00000000000000000000000000000a000000016155")
    frames = [
        Frame(second * SECOND, part)
        for second in range(10)
        for part in (message[:20], message[20:])
    ]
    found = fit(frames, "flywheel")
    assert (found.understood, found.frames) == (20, 20)


def test_frames_that_were_sent_help_to_decode_but_are_not_counted() -> None:
    """The example of GoldenCheetah, whose answer is only decoded after its request."""
    ride = bytes.fromhex("40000000c0130000f903282e0329000007e432")
    found = fit([Frame(0, b"\x40\x00", sent=True), Frame(0, ride)], "daum")
    assert (found.understood, found.frames) == (1, 1)


def test_counted_turns_confirm_the_cadence_of_a_protocol() -> None:
    found = fit(ride(), "echelon", SLOW, FAST)
    assert found.is_confirmed
    assert found.cadences_rpm == (60, 91)


@pytest.mark.parametrize(
    "counted",
    [(), (SLOW, CountedTurns(40, 60, 40)), (SLOW, FAST, CountedTurns(90, 99, 10))],
    ids=["nothing counted", "another cadence", "nothing heard"],
)
def test_fit_without_the_counted_cadence_is_not_confirmed(
    counted: tuple[CountedTurns, ...],
) -> None:
    assert not fit(ride(), "echelon", *counted).is_confirmed


def test_no_protocol_is_confirmed_by_an_unknown_bike() -> None:
    fits = fits_of(list(unknown_bikes.frames()), (SLOW, FAST))
    assert not any(one.is_confirmed for one in fits)


@pytest.mark.parametrize("file", CAPTURES, ids=lambda file: file.stem)
def test_protocol_of_each_kept_capture_fits_it_whole(file: Path) -> None:
    capture = load_capture(file)
    found = fit([frame for _, frame in capture.frames], capture.protocols[0])
    assert found.understood == found.frames == len(capture.frames)
