"""The fleet's picture in the repository is drawn from the numbers next to it."""

import json
from pathlib import Path
from xml.etree import ElementTree

from tests.bench.fleet_picture import draw
from tests.bench.fleet_report import FleetReport

DOCS = Path(__file__).parents[2] / "docs"


def test_fleet_picture_is_drawn_from_the_numbers_of_fleet_json() -> None:
    told = json.loads((DOCS / "fleet.json").read_text(encoding="utf-8"))
    report = FleetReport.from_json(told)
    picture = (DOCS / "fleet.svg").read_text(encoding="utf-8")
    assert picture == draw(report)
    ElementTree.fromstring(picture)
    for target in report.targets:
        assert target.value in picture
    assert (
        "Each point below is a race of its own, of 60 s; the headline is the full race." in picture
    )
