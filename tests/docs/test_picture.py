"""The README's picture is drawn from a frame of the demo."""

import re
from xml.etree import ElementTree

import pytest
from rich.text import Text

from docs.picture import FILE, OUTAGE, draw, last_frame_of_the_outage

INTRODUCTION, HEADING = Text("starting …"), Text("Alleycat  8 racers")
BEFORE = [INTRODUCTION, HEADING, Text("second 1"), Text("")]
DOWN = [INTRODUCTION, HEADING, Text(f"second 2   {OUTAGE}"), Text("Ada  offline"), Text("")]
AFTER = [HEADING, Text("second 3"), Text("Ada  connected"), Text("")]


def words(picture: str) -> str:
    return " ".join("".join(ElementTree.fromstring(picture).itertext()).split())


def test_picture_shows_the_last_frame_of_the_outage() -> None:
    frame = last_frame_of_the_outage([BEFORE, [*DOWN], [*DOWN], AFTER])
    assert frame == DOWN[1:-1]
    picture = words(draw(frame))
    assert "offline" in picture
    assert "connected" not in picture


def test_demo_without_an_outage_gives_no_picture() -> None:
    with pytest.raises(SystemExit, match="no frame"):
        last_frame_of_the_outage([BEFORE, AFTER])


def test_picture_in_the_readme_shows_the_race_and_needs_no_network() -> None:
    picture = FILE.read_text(encoding="utf-8")
    shown = words(picture)
    for word in ("racers", OUTAGE, "╳", "Ada", "offline"):
        assert word in shown
    assert re.findall(r"https?://[^\"]+", picture) == ["http://www.w3.org/2000/svg"]
