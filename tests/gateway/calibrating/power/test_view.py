"""The screen of a power check: its words and numbers."""

from gateway.bike.link import LinkState
from gateway.calibrating.power.view import PowerScreen
from gateway.calibrating.state import LinkStatus
from gateway.sampling.calibration import AS_SAID, Calibration


def screen(said_w: float | None, in_use: Calibration = AS_SAID, other: str = "") -> PowerScreen:
    link = LinkStatus(LinkState.CONNECTED)
    return PowerScreen("bike-1", link, said_w, in_use, "Pedal.", other=other, other_w=151.4)


def test_power_screen_shows_the_power_that_counts() -> None:
    corrected = Calibration(power_scale=2, power_offset_w=5)
    assert screen(60, corrected).values == ["the bike reports 60 W", "counted as 125 W (× 2 + 5 W)"]
    assert screen(60).values == ["the bike reports 60 W"]
    assert screen(None, corrected).values == ["the bike reports nothing"]
    assert screen(60, other="C0:FF").values[-1] == "C0:FF reports 151 W"


def test_power_screen_has_both_powers_as_numbers() -> None:
    assert screen(60).numbers == {"said_w": 60, "other_w": 151.4}
    assert screen(60).picture is None
