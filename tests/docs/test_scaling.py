"""docs/scaling.md and its picture are what tests/bench/scaling makes of the limits."""

from pathlib import Path
from xml.etree import ElementTree

from tests.bench.scaling.limits import LIMITS, PRICES
from tests.bench.scaling.page import page
from tests.bench.scaling.picture import curves, draw

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_current() -> None:
    text = (DOCS / "scaling.md").read_text(encoding="utf-8")
    assert text == page(), "make scaling"


def test_the_picture_is_current_and_names_every_curve() -> None:
    picture = (DOCS / "scaling.svg").read_text(encoding="utf-8")
    assert picture == draw(), "make scaling"
    words = [element.text for element in ElementTree.fromstring(picture).iter() if element.text]
    assert {one.name for one in curves()} <= set(words)


def test_every_number_is_on_the_page_with_its_source() -> None:
    lines = page().splitlines()
    for one in (*LIMITS, *PRICES):
        source = "quoted" if one.source is None else one.source.url
        assert any(f"{one.value:,} {one.unit}" in line and source in line for line in lines), one
