"""The status in the words of `status`, as the owner's page receives it."""

from dataclasses import asdict, dataclass, replace

from gateway.bike.status import BikeStatus
from gateway.status.concerns import Concern, concerns
from gateway.status.snapshot import GatewayStatus
from gateway.status.words import (
    BIKE_TITLES,
    PLACE_TITLES,
    Fact,
    Level,
    Words,
    about,
    bike_cells,
    facts,
    level_of,
    place_cells,
    remarks,
    verdict,
)
from gateway.terminal.json_line import json_line
from gateway.terminal.printable import one_line


@dataclass(frozen=True, slots=True)
class ConcernWords:
    """One concern: the problem with its level, and the remedy; empty if the problem contains it."""

    problem: Words
    remedy: str


@dataclass(frozen=True, slots=True)
class BikeWords:
    """One bike: the cells of its row with their titles, and sentences below it."""

    id: str
    cells: list[Fact]
    remarks: list[str]


@dataclass(frozen=True, slots=True)
class StatusWords:
    """The whole status, with all concerns and all bikes."""

    thing_name: str
    about: str
    verdict: Words
    concerns: list[ConcernWords]
    facts: list[Fact]
    bikes: list[BikeWords]


def status_words(status: GatewayStatus) -> StatusWords:
    """Return the words that `status` prints for the installed service."""
    found = concerns(status)
    return StatusWords(
        thing_name=one_line(status.thing_name),
        about=one_line(about(status)),
        verdict=Words(verdict(found), Level.PLAIN if found else Level.WELL),
        concerns=[_concern_words(one) for one in found],
        facts=[_printable(one) for one in facts(status)] if status.is_set_up else [],
        bikes=[_bike_words(one) for one in status.bikes] if status.is_set_up else [],
    )


def status_words_json(status: GatewayStatus) -> bytes:
    """Return the words as one line of JSON."""
    return json_line(asdict(status_words(status)))


def _concern_words(concern: Concern) -> ConcernWords:
    problem = Words(one_line(concern.problem), level_of(concern))
    return ConcernWords(problem, one_line(concern.remedy))


def _bike_words(bike: BikeStatus) -> BikeWords:
    titles, cells = [*BIKE_TITLES, *PLACE_TITLES], [*bike_cells(bike), *place_cells(bike.place)]
    named = [_printable(Fact(*one)) for one in zip(titles, cells, strict=False)]
    return BikeWords(bike.bike_id, named, [one_line(remark) for remark in remarks(bike)])


def _printable(fact: Fact) -> Fact:
    return replace(fact, words=replace(fact.words, text=one_line(fact.words.text)))
