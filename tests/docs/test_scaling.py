"""docs/scaling.md and its picture are what tests/bench/scaling makes of the limits."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.bench.scaling.limits import LIMITS, PRICES
from tests.bench.scaling.page import page
from tests.bench.scaling.picture import curves, draw

pytestmark = pytest.mark.slow  # the page takes ten seconds of computing

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def current_page() -> str:
    return page()


def test_scaling_page_is_current(current_page: str) -> None:
    text = (DOCS / "scaling.md").read_text(encoding="utf-8")
    assert text == current_page, "make scaling"


def test_scaling_picture_is_current_and_names_every_curve() -> None:
    picture = (DOCS / "scaling.svg").read_text(encoding="utf-8")
    assert picture == draw(), "make scaling"
    words = [element.text for element in ElementTree.fromstring(picture).iter() if element.text]
    assert {one.name for one in curves()} <= set(words)


def test_every_limit_and_price_is_on_the_scaling_page_with_its_source(current_page: str) -> None:
    lines = current_page.splitlines()
    for one in (*LIMITS, *PRICES):
        source = "quoted" if one.source is None else one.source.url
        assert any(f"{one.value:,} {one.unit}" in line and source in line for line in lines), one
