"""The review: all of it on one page where there is room, and never more than there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gateway.calibrating.view.review import review_pages
from gateway.calibrating.view.screen import Review
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.finding import ok, warning
from tests.support.screens import console, lines_of, point_of, review, targets


def pages(one: Review, width: int = 80, height: int = 24) -> list[list[str]]:
    found = review_pages(console(width, height), one, width, height - 1)
    return [lines_of(page, width, height) for page in found]


def points(count: int, *, both_ways: bool = False) -> tuple[CapturedPoint, ...]:
    return tuple(point_of(one) for one in targets(count, both_ways=both_ways))


@pytest.mark.parametrize("count", [5, 11])
def test_points_checks_curve_and_question_fit_one_page_of_80_by_24(count: int) -> None:
    (page,) = pages(review(points(count)))
    text = "\n".join(page)
    assert f"bike-1  {count} points; until now the config's points" in text
    assert "ok       samples, order" in text
    assert "warning  up and down differ by 3.1 points at 50 %" in text
    assert "hold still for longer" in text
    assert "failed   no more than noise" in text
    assert "⠒ ⠒ old" in text
    assert "◆" in text
    assert page[-2].strip() == "use it?"
    assert page[-1].strip() == "y/Enter accept   q quit"
    assert len(page) <= 23


def test_the_old_percent_stands_beside_each_point() -> None:
    (page,) = pages(review())
    row = next(line for line in page if line.strip().startswith("25 "))
    assert row.split()[:6] == ["25", "511", "1.1", "24", "45.7", "%"]


def test_eleven_points_both_ways_get_a_second_page_for_the_curve() -> None:
    first, second = pages(review(points(11, both_ways=True)))
    assert "page 1 of 2" in first[0]
    assert first[-1].strip() == "y/Enter accept   q quit   Space next page"
    assert "⠒⠒ new" in "\n".join(second)
    assert second[-2].strip() == "use it?"


def test_a_larger_terminal_has_all_on_one_page() -> None:
    assert len(pages(review(points(11, both_ways=True)), 120, 40)) == 1


def test_points_that_make_no_curve_are_shown_with_the_finding() -> None:
    back = (
        CapturedPoint(0, 500, 1, 9),
        CapturedPoint(50, 600, 1, 9),
        CapturedPoint(100, 550, 1, 9),
    )
    (page,) = pages(review(back))
    assert "failed   no more than noise" in "\n".join(page)


def test_a_check_of_the_cadence_alone_has_no_curve() -> None:
    (page,) = pages(review((), cadence_scale=0.5))
    assert page[2].strip() == "cadence: was × 1, will be × 0.5"
    assert "raw" not in "\n".join(page)


@given(
    st.integers(2, 40),
    st.booleans(),
    st.integers(0, 4),
    st.text(max_size=60),
    st.sampled_from([(80, 24), (80, 30), (120, 40), (200, 60)]),
)
def test_every_page_fits(
    count: int, both_ways: bool, warnings: int, words: str, size: tuple[int, int]
) -> None:
    findings = (ok("order", "x"), *(warning("w", f"it {words}", words) for _ in range(warnings)))
    one = review(points(count, both_ways=both_ways), findings=findings)
    for page in pages(one, *size):
        assert len(page) <= size[1] - 1
        assert max(map(cell_len, page)) <= size[0]
        assert page[-2].strip() == "use it?"
