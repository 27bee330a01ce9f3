"""The bar of a race with and without an outage, before, during and after it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.simulation.race_bar import LEGEND, race_bar
from gateway.simulation.scene import OutageSpan, RaceMoment, RaceStage
from tests.gateway.simulation.test_view import DEMO, racing

CUT = replace(DEMO, race_s=20, outage=OutageSpan(5, 10))
WIDTH = 20 + len(LEGEND)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (RaceMoment(RaceStage.COUNTDOWN, 3), "─────╳╳╳╳╳──────────"),
        (racing(3), "━━━──╳╳╳╳╳──────────"),
        (racing(20), "━━━━━╳╳╳╳╳━━━━━━━━━━"),
        (RaceMoment(RaceStage.ARRIVING, 20), "━━━━━╳╳╳╳╳━━━━━━━━━━"),
    ],
)
def test_race_bar_shows_what_was_ridden_and_the_outage(moment: RaceMoment, expected: str) -> None:
    assert race_bar(replace(CUT, moment=moment), WIDTH).plain == expected + LEGEND


def test_race_bar_shows_by_colour_how_much_of_the_outage_is_over() -> None:
    bar = race_bar(replace(CUT, moment=racing(7)), WIDTH)
    assert [(bar.plain[span.start : span.end], span.style) for span in bar.spans] == [
        ("━━━━━", "cyan"),
        ("╳╳", "bold red"),
        ("╳╳╳", "dim"),
        ("──────────", "dim"),
        (LEGEND, "dim"),
    ]


def test_race_bar_without_an_outage_has_no_legend() -> None:
    assert race_bar(replace(CUT, outage=None, moment=racing(10)), 20).plain == "━" * 10 + "─" * 10


def test_race_bar_ends_an_outage_that_is_longer_than_the_race_with_the_race() -> None:
    assert race_bar(replace(CUT, outage=OutageSpan(15, 99)), 20).plain.endswith("╳╳╳╳╳")


@given(st.integers(1, 200))
def test_race_bar_is_as_wide_as_the_terminal(columns: int) -> None:
    assert race_bar(replace(CUT, moment=racing(9)), columns).cell_len == columns
