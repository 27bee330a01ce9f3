"""The words that the terminal and the owner's page share."""

from dataclasses import replace

from gateway.race.results import Place
from gateway.sampling.series import FieldState
from gateway.status.concerns import Concern
from gateway.status.words import (
    BIKE_TITLES,
    PLACE_TITLES,
    Level,
    about,
    bike_cells,
    facts,
    level_of,
    place_cells,
    remarks,
    verdict,
)
from tests.support.statuses import bike_status, buffer_status, gateway_status, lost_bike, offline


def test_verdict_counts_what_needs_attention() -> None:
    assert verdict([]) == "all well"
    assert verdict([Concern("a", "do")]) == "1 thing needs attention:"
    assert verdict([Concern("a", "do"), Concern("b", "do")]) == "2 things need attention:"


def test_only_urgent_concern_is_bad() -> None:
    assert level_of(Concern("a", "do", is_urgent=True)) is Level.BAD
    assert level_of(Concern("a", "do")) is Level.ODD


def test_facts_have_the_level_of_their_part() -> None:
    assert about(gateway_status()).startswith("alleycat-gateway 0.1.0, up ")
    well = {fact.name: fact.words.level for fact in facts(gateway_status())}
    assert well["cloud"] is Level.WELL
    assert well["buffer"] is Level.PLAIN
    status = gateway_status(cloud=offline(), buffer=buffer_status(problem="no space"))
    levels = {fact.name: fact.words.level for fact in facts(status)}
    assert (levels["cloud"], levels["buffer"]) == (Level.ODD, Level.BAD)


def test_bike_has_a_cell_for_each_title() -> None:
    for bike in (bike_status(), lost_bike()):
        assert len(list(bike_cells(bike))) == len(BIKE_TITLES)
    assert len(list(place_cells(Place(1, 2, 3.0, 0.1, 1, 3.0, 0.2)))) == len(PLACE_TITLES)
    assert list(place_cells(None)) == []


def test_stale_cadence_and_lost_bike_are_odd() -> None:
    bike = bike_status()
    assert bike.sample is not None
    stale = replace(bike, sample=replace(bike.sample, cadence=FieldState.STALE))
    assert list(bike_cells(stale))[5].level is Level.ODD
    assert list(bike_cells(lost_bike()))[2].level is Level.ODD


def test_losses_are_remarked() -> None:
    bike = bike_status(losses_per_hour=2)
    assert list(remarks(bike)) == ["bike-001 was lost 2 times in the last hour"]
