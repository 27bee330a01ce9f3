"""A calibration as an SVG file."""

from xml.etree import ElementTree

import pytest

from gateway.calibrating.view.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    circle,
    curve_picture,
    document,
    line,
    polyline,
    text,
)
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint
from tests.support.calibrations import POINTS, record
from tests.support.hostile import HOSTILE, MARK, forbidden_in

SVG = "{http://www.w3.org/2000/svg}"
OLD = CalibrationTable([(100, 0), (1000, 100)])
DOWN = tuple(CapturedPoint(p.percent, p.raw + 9, 1.3, 20, "down") for p in POINTS)


def parsed(picture: str) -> ElementTree.Element:
    return ElementTree.fromstring(picture)


def words(picture: str) -> list[str]:
    return ["".join(one.itertext()) for one in parsed(picture).iter(f"{SVG}text")]


def dots(picture: str, direction: str) -> list[tuple[float, float]]:
    """Within the plot: not those of the legend."""
    found = [one.attrib for one in parsed(picture).iter(f"{SVG}circle")]
    places = [(float(a["cx"]), float(a["cy"])) for a in found if a["class"] == direction]
    return [place for place in places if place[1] >= TOP]


def test_picture_names_bike_date_and_conditions() -> None:
    said = words(curve_picture(record(rate_hz=10.2, cadence_rpm=61.0, cadence_scale=0.5)))
    assert "bike-1, calibrated on 2026-11-21" in said
    assert "fake seed 1" in said
    conditions = "5 points · 10.2 Hz · at 61 rpm · cadence × 0.5 · 18:30 UTC · "
    assert f"{conditions}alleycat-gateway 0.1.0" in said


def test_picture_has_points_where_their_numbers_are() -> None:
    places = dots(curve_picture(record()), "up")
    assert [y for _, y in places] == pytest.approx(
        [BOTTOM - p.percent / 100 * (BOTTOM - TOP) for p in POINTS], abs=0.1
    )
    assert LEFT < places[0][0] < places[1][0] < places[-1][0] < RIGHT


def test_picture_names_up_down_and_old() -> None:
    picture = curve_picture(record(points=POINTS + DOWN), OLD)
    assert len(dots(picture, "up")) == len(dots(picture, "down")) == 5
    curves = [one.attrib["class"] for one in parsed(picture).iter(f"{SVG}polyline")]
    assert sorted(curves) == ["new", "new", "old", "old"]  # of each one in the legend
    assert {"new", "old", "turned up", "turned down", "up", "down"} <= set(words(picture))
    assert "stroke-dasharray:7 5" in picture


def test_picture_names_nothing_that_is_not_there() -> None:
    said = words(curve_picture(record()))
    assert "curve" in said
    assert not {"new", "old", "turned down"} & set(said)


def test_picture_lists_the_points_as_numbers() -> None:
    said = words(curve_picture(record()))
    first = said.index("raw")
    assert said[first - 1 : first + 7] == ["%", "raw", "noise", "n", "0", "164", "1.1", "24"]


def test_picture_lists_the_first_of_many_points() -> None:
    many = tuple(CapturedPoint(n * 2, 100 + n * 10, 1, 20) for n in range(40))
    assert "… 21 more" in words(curve_picture(record(points=many)))


def test_picture_stays_within_its_card() -> None:
    many = tuple(CapturedPoint(n * 2, 100 + n * 10, 1, 20) for n in range(40))
    for shape in parsed(curve_picture(record(points=many), OLD)).iter(f"{SVG}text"):
        assert 0 < float(shape.attrib["x"]) < WIDTH
        assert 0 < float(shape.attrib["y"]) < HEIGHT


def test_picture_needs_nothing_from_elsewhere() -> None:
    picture = curve_picture(record())
    assert "href" not in picture
    assert picture.count("http") == 1  # the name of SVG


def test_a_check_of_the_cadence_alone_is_a_picture_without_a_curve() -> None:
    picture = curve_picture(record(points=(), cadence_scale=0.5))
    assert not list(parsed(picture).iter(f"{SVG}polyline"))


def test_a_document_is_well_formed_and_says_what_it_is() -> None:
    shapes = [
        text(1, 2, "5 < 6 & so on", "ink bold"),
        line(0, 0, 1, 1, dashed=True),
        polyline([(0, 0), (1.25, 2)], "new"),
        circle(3, 4, 5, "up"),
    ]
    root = ElementTree.fromstring(document(80, 60, "<a> curve", ".ink{fill:#000}", shapes))
    assert root.attrib["viewBox"] == "0 0 80 60"
    assert root.findtext(f"{SVG}title") == "<a> curve"
    assert ".ink{fill:#000}" in (root.findtext(f"{SVG}style") or "")
    assert root.findtext(f"{SVG}text") == "5 < 6 & so on"
    found = root.find(f"{SVG}polyline")
    assert found is not None
    assert found.attrib == {"points": "0.0,0.0 1.2,2.0", "class": "new"}


def test_picture_of_a_device_with_a_hostile_name_is_valid() -> None:
    picture = curve_picture(record(device=HOSTILE, made_by=HOSTILE))
    assert MARK in "".join(parsed(picture).itertext())
    assert not forbidden_in(picture)
