"""A capture as a bike: its real protocol, at the pace it was recorded."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from drivers import BikeLost, Frame, Reading
from drivers.captures.format import encode_capture
from drivers.captures.replay import Replay
from drivers.protocols import PROTOCOLS
from drivers.protocols.serial.peloton import PelotonOp, PelotonResponse, encode_response
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from tests.support.clock import NS_PER_MS, ManualClock

START_NS = 7_000_000_123
NS_PER_S = 1000 * NS_PER_MS


def ftms(cadence_rpm: float) -> bytes:
    return encode_indoor_bike_data(IndoorBikeData(speed_kmh=30, cadence_rpm=cadence_rpm))


def peloton(cadence_rpm: int) -> bytes:
    return encode_response(PelotonResponse(PelotonOp.CADENCE, cadence_rpm))


def record(file: Path, frames: Sequence[tuple[float, bytes]], protocol: str = "ftms") -> Path:
    """A capture of (t_s, data)."""
    timed = [Frame(round(t_s * NS_PER_S), data) for t_s, data in frames]
    file.write_text("\n".join(encode_capture(protocol, timed)), encoding="utf-8")
    return file


def replay(clock: ManualClock, **options: object) -> Replay:
    return Replay(Replay.Options.model_validate(options), clock)


async def hear(bike: Replay) -> tuple[list[Reading], str]:
    """All of it, and why it ended."""
    heard: list[Reading] = []
    try:
        async with bike.open_bike() as readings:
            async for reading in readings:
                heard.append(reading)  # noqa: PERF401 what was heard before an error counts
    except BikeLost as lost:
        return heard, str(lost)
    raise AssertionError("the readings ended without a reason")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(monotonic_ns=START_NS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ride.jsonl"


async def test_replay_keeps_the_pace_of_the_recording(file: Path, clock: ManualClock) -> None:
    record(file, [(0, ftms(60)), (1.25, ftms(61)), (1.5, ftms(62))])
    heard, _ = await hear(replay(clock, file=file))
    assert [(reading.at_ns - START_NS, reading.cadence_rpm) for reading in heard] == [
        (0, 60),
        (1_250_000_000, 61),
        (1_500_000_000, 62),
    ]
    assert clock.monotonic_ns() == START_NS + 1_500_000_000


async def test_replay_loses_the_bike_at_its_end_and_then_starts_over(
    file: Path, clock: ManualClock
) -> None:
    bike = replay(clock, file=record(file, [(0, ftms(60)), (2, ftms(61))]))
    first, reason = await hear(bike)
    assert reason == f"the capture {file} has ended"
    again, _ = await hear(bike)
    assert [reading.at_ns - 2 * NS_PER_S for reading in again] == [
        reading.at_ns for reading in first
    ]


async def test_replay_takes_the_protocol_from_the_capture(file: Path, clock: ManualClock) -> None:
    halves = peloton(80)[:4], peloton(80)[4:]
    record(file, [(0, halves[0]), (0.3, halves[1])], "peloton")
    heard, _ = await hear(replay(clock, file=file, protocol="ftms"))
    assert heard == [Reading(START_NS + 300 * NS_PER_MS, cadence_rpm=80, source="peloton")]


def test_replay_decodes_each_protocol_of_a_capture(file: Path, clock: ManualClock) -> None:
    file.write_text(
        '{"alleycat_capture": 2}\n'
        '{"t_s": 0, "hex": "0079", "protocol": "heart_rate"}\n'
        f'{{"t_s": 1, "hex": "{ftms(61).hex()}", "protocol": "ftms"}}\n'
        f'{{"t_s": 1, "hex": "{ftms(99).hex()}"}}\n'
        '{"t_s": 2, "hex": "007a", "protocol": "heart_rate"}\n'
    )
    bike = replay(clock, file=file)
    heard, _ = asyncio.run(hear(bike))
    assert [(one.source, one.heart_rate_bpm or one.cadence_rpm) for one in heard] == [
        ("heart_rate", 121),
        ("ftms", 61),
        ("heart_rate", 122),
    ]
    assert bike.stale_after_s == PROTOCOLS["ftms"].stale_after_s, "the one with more values"


async def test_raw_bytes_are_played_at_the_given_pace(tmp_path: Path, clock: ManualClock) -> None:
    file = tmp_path / "line.bin"
    file.write_bytes(b"".join(peloton(rpm) for rpm in (60, 61, 62)))
    heard, _ = await hear(replay(clock, file=file, protocol="peloton", bytes_per_s=80))
    assert [reading.cadence_rpm for reading in heard] == [60, 61, 62]
    assert [reading.at_ns - START_NS for reading in heard] == [0, 100 * NS_PER_MS, 200 * NS_PER_MS]


async def test_replay_skips_junk_frames(file: Path, clock: ManualClock) -> None:
    record(file, [(0, b"\xff" * 3), (1, ftms(61))])
    heard, _ = await hear(replay(clock, file=file))
    assert [reading.cadence_rpm for reading in heard] == [61]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "capture cannot be read: .*No such file"),
        (b"hello", r"capture cannot be read: .*ride.jsonl:1: not JSON"),
        (b"\xff\xfe", r"capture cannot be read: .*ride.jsonl"),
        (
            b'{"alleycat_capture": 1, "protocol": "ant"}',
            "protocol 'ant' is unknown; expected one of: ftms, ",
        ),
        (
            b'{"alleycat_capture": 2}\n{"t_s": 0, "hex": "00"}',
            "ride.jsonl contains no frame of a known protocol; .*decode --guess .*ride.jsonl",
        ),
    ],
    ids=["absent", "no capture", "no text", "unknown protocol", "no protocol"],
)
def test_unplayable_capture_is_a_lost_bike(
    file: Path, clock: ManualClock, content: bytes | None, reason: str
) -> None:
    if content is not None:
        file.write_bytes(content)
    heard, said = asyncio.run(hear(replay(clock, file=file)))
    assert heard == []
    assert re.search(reason, said)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "file"),
        ({"file": "ride.csv"}, r"expected a .jsonl capture or a raw .bin"),
        ({"file": "line.bin", "protocol": "ant"}, "protocol"),
        ({"file": "line.bin", "bytes_per_s": 0}, "bytes_per_s"),
        ({"file": "line.bin", "speed": 2}, "speed"),
    ],
)
def test_wrong_replay_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Replay.Options.model_validate(options)


def test_replay_options_accept_every_protocol() -> None:
    for protocol in PROTOCOLS:
        assert Replay.Options.model_validate({"file": "line.bin", "protocol": protocol})


async def test_replay_is_stale_after_the_time_of_its_protocol(
    clock: ManualClock, tmp_path: Path
) -> None:
    for protocol, made in PROTOCOLS.items():
        file = tmp_path / f"{protocol}.jsonl"
        file.write_text(f'{{"alleycat_capture": 1, "protocol": "{protocol}"}}\n')
        replay = Replay(Replay.Options(file=file), clock)
        async with replay.open_bike():
            assert replay.stale_after_s == made().stale_after_s


async def test_replay_shows_its_frames_to_a_listener(clock: ManualClock, tmp_path: Path) -> None:
    file = tmp_path / "ride.jsonl"
    file.write_text(
        '{"alleycat_capture": 1, "protocol": "ftms"}\n'
        '{"t_s": 0, "hex": "44025e0bf0007a0054"}\n'
        '{"t_s": 1, "hex": "00", "sent": true}\n'
    )
    replay = Replay(Replay.Options(file=file), clock)
    shown: list[tuple[str, Frame]] = []
    start_ns = clock.monotonic_ns()
    async with replay.open_bike(lambda *frame: shown.append(frame)) as readings:
        with pytest.raises(BikeLost):
            await asyncio.wait_for(_exhaust(readings), 10)
    assert shown == [
        ("ftms", Frame(start_ns, bytes.fromhex("44025e0bf0007a0054"))),
        ("ftms", Frame(start_ns + 1_000_000_000, b"\0", sent=True)),
    ]


async def _exhaust(readings: AsyncIterator[Reading]) -> None:
    async for _ in readings:
        pass
