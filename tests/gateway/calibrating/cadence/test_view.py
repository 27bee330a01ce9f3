"""The screen of a cadence check: its words and numbers."""

from gateway.bike.link import LinkState
from gateway.calibrating.cadence.view import CadenceScreen
from gateway.calibrating.state import LinkStatus


def screen(said_rpm: float | None, scale: float = 1.0, other: str = "") -> CadenceScreen:
    link = LinkStatus(LinkState.CONNECTED)
    return CadenceScreen("bike-1", link, said_rpm, scale, "Pedal.", other=other, other_rpm=80)


def test_cadence_screen_shows_the_cadence_that_counts() -> None:
    assert screen(160, 0.5).values == ["the bike reports 160 rpm", "counted as 80 rpm (× 0.5)"]
    assert screen(None, 0.5).values == ["the bike reports nothing"]
    assert screen(80, other="C0:FF").values[-1] == "C0:FF reports 80 rpm"


def test_cadence_screen_has_both_cadences_as_numbers() -> None:
    assert screen(160.5).numbers == {"said_rpm": 160.5, "other_rpm": 80}
