"""The picture in the repository is drawn from the numbers next to it."""

import json
from pathlib import Path
from xml.etree import ElementTree

from tests.bench.picture import draw
from tests.bench.report import Report

DOCS = Path(__file__).parents[2] / "docs"


def test_bench_picture_is_drawn_from_the_numbers_of_bench_json() -> None:
    report = Report.from_json(json.loads((DOCS / "bench.json").read_text(encoding="utf-8")))
    picture = (DOCS / "bench.svg").read_text(encoding="utf-8")
    assert picture == draw(report)
    ElementTree.fromstring(picture)
    for row in report.targets:
        assert row.value in picture
