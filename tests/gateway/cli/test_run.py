"""`run` itself is shown in tests/e2e; here what it does before the daemon begins."""

from pathlib import Path

from gateway.cli.run import _with_fake_bikes
from tests.support.gateways import config


def test_fake_bikes_take_the_places_and_ride_as_the_races_do(tmp_path: Path) -> None:
    real = config(tmp_path, [{"scenario": "climb"}, {}], race={"length_s": 60, "offset_ms": 7})
    fakes = _with_fake_bikes(real).bikes
    assert [(bike.id, bike.racer) for bike in fakes] == [
        (bike.id, bike.racer) for bike in real.bikes
    ]
    assert [bike.options for bike in fakes] == [
        {"seed": number, "ride_s": 60, "ride_offset_ms": 7} for number in (1, 2)
    ]
