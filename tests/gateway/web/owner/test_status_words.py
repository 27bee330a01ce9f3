"""The owner's page has the words of `status`."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from gateway.race.results import Place
from gateway.status.report import status_to_json
from gateway.status.snapshot import GatewayStatus
from gateway.status.view import status_view
from gateway.web.owner.status_words import status_words, status_words_json
from tests.support.hostile import HOSTILE, complaint
from tests.support.statuses import bike_status, buffer_status, gateway_status, lost_bike, offline

PLACE = Place(1, 2, 3.0, 0.1, 1, 3.0, 0.2)
STATUSES = {
    "well": gateway_status(bike_status(1, place=PLACE), bike_status(2, losses_per_hour=3)),
    "bad": gateway_status(
        lost_bike(), cloud=offline(), buffer=buffer_status(problem="no space left on the device")
    ),
    "not set up": replace(gateway_status(is_set_up=False), bikes=()),
}


def printed(status: GatewayStatus) -> str:
    console = Console(file=io.StringIO(), width=500, highlight=False, color_system=None)
    console.print(status_view(status))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("status", STATUSES.values(), ids=STATUSES)
def test_page_and_terminal_have_the_same_words(status: GatewayStatus) -> None:
    words, terminal = status_words(status), printed(status)
    facts = [fact.words.text for fact in words.facts]
    bikes = [cell.words.text for bike in words.bikes for cell in bike.cells]
    remarks = [remark for bike in words.bikes for remark in bike.remarks]
    concerns = [f"{one.problem.text}; {one.remedy}" for one in words.concerns]
    texts = [words.thing_name, words.about, words.verdict.text]
    for text in (*texts, *concerns, *facts, *bikes, *remarks):
        assert text in terminal
    assert concerns == json.loads(status_to_json(status))["attention"]
    left = terminal
    for text in sorted((*texts, *concerns, *facts, *remarks, *bikes), key=len, reverse=True):
        left = left.replace(text, "", 1)
    titles = {"bike", "racer", "state", "race", "second", "rpm", "%", "W", "rank", "gap"}
    assert set(left.split()) <= titles | {fact.name for fact in words.facts}


def test_all_concerns_are_sent_though_the_terminal_has_no_room() -> None:
    status = gateway_status(*(lost_bike(number) for number in range(1, 10)))
    assert len(status_words(status).concerns) == 9


def test_text_from_outside_is_harmless() -> None:
    bike = replace(bike_status(), bike_id=HOSTILE, racer_name=HOSTILE)
    line = status_words_json(replace(gateway_status(bike), thing_name=HOSTILE, version=HOSTILE))
    words = json.loads(line)
    for text in (
        words["thing_name"],
        words["about"],
        words["bikes"][0]["cells"][0]["words"]["text"],
    ):
        assert complaint(text) == ""
