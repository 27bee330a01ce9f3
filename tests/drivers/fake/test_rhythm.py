"""A fake rider who keeps to the cadence in a file."""

from pathlib import Path
from statistics import mean

import pytest

from drivers.fake.rhythm import Rhythm
from drivers.fake.ride import Ride
from drivers.fake.rider import Target

OWN = Target(80, 40)


def test_without_a_cadence_in_it_it_is_left_to_the_rider(tmp_path: Path) -> None:
    file = tmp_path / "rpm"
    assert Rhythm(file).kept(OWN) == OWN
    file.write_text("201", encoding="ascii")
    assert Rhythm(file).kept(OWN) == OWN


def test_the_knob_stays_the_riders(tmp_path: Path) -> None:
    file = tmp_path / "rpm"
    file.write_text("60\n", encoding="ascii")
    assert Rhythm(file).kept(OWN) == Target(60, 40, has_beat=True)


@pytest.mark.parametrize("seed", range(4))
def test_the_rider_keeps_to_it_from_when_it_is_written_and_to_another_later(
    tmp_path: Path, seed: int
) -> None:
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
