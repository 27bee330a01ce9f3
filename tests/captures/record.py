"""Makes the captures in this folder: `python -m tests.captures.record`.

Frames of real bikes as published by other projects (named in each note), and a fake bike's line.
"""

from collections.abc import Iterator
from pathlib import Path

from drivers.captures.format import encode_capture
from drivers.fake.scenarios import Ride
from drivers.protocols.serial.peloton import (
    PelotonOp,
    PelotonResponse,
    encode_request,
    encode_response,
)
from drivers.protocols.serial.peloton_table import resistance_raw
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_data
from drivers.reading import Frame

HERE = Path(__file__).parent
RIDE_S = 30
NS_PER_MS = 1_000_000

#: Notifications of Indoor Bike Data, one a second.
REAL_FTMS = {
    "schwinn-ic4": (
        "Schwinn IC4: speed, cadence, power, heart rate, never resistance. TrackMyIndoorWorkout, "
        "test/schwinn_ic4_test.dart; the last one SmartSpin2k, unit test",
        "44025e0bf0007a0054 44029a0bfa00800065 44020410fa002b0173 4402a0146a00750275 "
        "440236157200b4025a 4402f208b000400000",
    ),
    "stages-sb20": (
        "Stages SB20: records split over notifications, in free order. TrackMyIndoorWorkout, "
        "test/stages_sb20_test.dart",
        "00008306 1100040100 c500b6005d020000 0000e90d 1100b50300 c500e00023030000",
    ),
    "life-fitness": (
        "Life Fitness: cadence is there although its flag is not. TrackMyIndoorWorkout, "
        "test/life_fitness_indoor_bike_test.dart",
        "fa092d09f208740077006500000d00660061000200ffffff1100 "
        "fa0b320c8909c6007c00c401000d00ce0070000a00ffffff534400 "
        "fa0bf704c10924007800f002000700190078001200ffffff646d00",
    ),
    "bowflex-ic7": (
        "Bowflex IC7: 26 bytes, averages always 0. TrackMyIndoorWorkout, "
        "test/bowflex_ic7_test.dart",
        "fe09ee080000720000006302001a004000000008001201045900",
    ),
}


def main() -> None:
    for name, (note, frames) in REAL_FTMS.items():
        _write(
            f"ftms/{name}",
            encode_capture("ftms", _spaced(frames.split(), 1000), note),
        )
    note = f"fake bike, seed 1, sprint, the first {RIDE_S} s"
    _write("ftms/fake-sprint", encode_capture("ftms", _fake_ftms(), note))
    note = f"fake bike, seed 2, sprint, the first {RIDE_S} s; both directions"
    _write("peloton/fake-sprint", encode_capture("peloton", _fake_peloton(), note))
    raw = b"".join(frame.data for frame in _fake_peloton())
    (HERE / "peloton/fake-sprint.bin").write_bytes(raw)


def _write(name: str, lines: Iterator[str]) -> None:
    (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _spaced(frames: list[str], period_ms: int) -> Iterator[Frame]:
    for number, text in enumerate(frames):
        yield Frame(number * period_ms * NS_PER_MS, bytes.fromhex(text))


def _fake_ftms() -> Iterator[Frame]:
    ride = Ride(1, "sprint", RIDE_S)
    for ms in range(0, RIDE_S * 1000, 500):
        state = ride.state_at(ms)
        data = IndoorBikeData(
            speed_kmh=state.speed_kmh,
            cadence_rpm=state.cadence_rpm,
            resistance_level=round(state.resistance_percent),
            power_w=round(state.power_w),
        )
        yield Frame(ms * NS_PER_MS, encode_indoor_bike_data(data))


def _fake_peloton() -> Iterator[Frame]:
    """One question and its answer every 0.1 s, by turns, as the bike's tablet asks."""
    ride = Ride(2, "sprint", RIDE_S)
    for ms in range(0, RIDE_S * 1000, 100):
        state = ride.state_at(ms)
        answers = (
            PelotonResponse(PelotonOp.CADENCE, round(state.cadence_rpm)),
            PelotonResponse(PelotonOp.POWER, round(state.power_w * 10)),
            PelotonResponse(
                PelotonOp.RESISTANCE_RAW, round(resistance_raw(state.resistance_percent))
            ),
        )
        answer = answers[ms // 100 % 3]
        yield Frame(ms * NS_PER_MS, encode_request(answer.op) + encode_response(answer))


if __name__ == "__main__":
    main()
