"""The live screen: whatever is shown fits the terminal."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from gateway.bike.link import LinkState
from gateway.calibrating.view.layout import review_pages, screen_layout
from gateway.calibrating.view.screen import LiveFigures, Review, Screen, ShownTarget, Step
from gateway.sampling.calibration_record import CapturedPoint
from gateway.terminal.finding import ok, warning
from tests.support.screens import FIGURES, console, lines_of, point_of, review, screen, targets


def shown(one: Screen, width: int = 80, height: int = 24) -> list[str]:
    return lines_of(screen_layout(one, width, height - 1), width, height)


def test_the_figures_are_named_and_have_units() -> None:
    text = "\n".join(shown(screen()))
    for words in (
        "raw      437",
        "filtered 436.8",
        "noise    1.1",
        "percent  25.0 %",
        "cadence  61 rpm",
        "power    103 W",
        "rate  10.2 Hz",
        "age   0.1 s",
    ):
        assert words in text


def test_a_percent_beyond_the_table_is_marked() -> None:
    assert "100.0 % (limit)" in "\n".join(
        shown(screen(figures=replace(FIGURES, percent=100.0, is_clamped=True)))
    )


def test_the_step_its_progress_and_what_was_captured_last_are_there() -> None:
    lines = shown(screen())
    assert lines[5].strip() == "3 of 5  turn to 50 %, then hold still"
    assert lines[6].count("━") == 19  # of 32, at 62 %
    assert lines[6].strip().endswith("62%  holding still")
    assert lines[7].strip() == "captured 350 (24 samples, noise 1.1)"
    assert lines[-1].strip() == "Enter capture now   r redo   s skip   q quit"


HINT = "the knob has not moved: if it is already there, press Enter to capture it"


def test_a_long_hint_has_a_line_of_its_own_and_nothing_else_moves() -> None:
    step = Step(3, 5, "turn to 50 %, then hold still", HINT, 0.62)
    usual, hinted = shown(screen()), shown(screen(step=step))
    assert [n for n, line in enumerate(hinted) if line != usual[n]] == [6, 8]
    assert hinted[6].strip().endswith("62%")
    assert hinted[8].strip() == HINT
    assert len(hinted) == len(usual) <= 23


def test_hint_stands_beside_the_bar_where_there_is_room() -> None:
    step = Step(3, 5, "turn to 50 %, then hold still", HINT, 0.62)
    assert shown(screen(step=step), 120, 40)[6].strip().endswith(f"62%  {HINT}")


def test_the_link_and_warnings_are_told() -> None:
    lost = LiveFigures(link=LinkState.LOST, reason="the bike\nstopped", warnings=("a", "b"))
    lines = shown(screen(figures=lost))
    assert lines[0].strip() == "bike-1  lost: the bike stopped"
    assert lines[4].strip() == "a; b"


def test_reason_of_several_lines_stays_in_one() -> None:
    step = Step(1, 5, "turn\nto 0 %", "still\nturning", 0.5)
    lines = shown(screen(last="a\nb", step=step))
    assert lines[5].strip() == "1 of 5  turn to 0 %"
    assert lines[6].strip().endswith("still turning")
    assert lines[7].strip() == "a b"


def test_the_curve_grows_beside_the_points() -> None:
    lines = shown(screen())
    at = next(n for n, line in enumerate(lines) if "> 50" in line)
    assert "●" in "".join(lines[at:])
    assert "◆ now" in "\n".join(lines)


@pytest.mark.parametrize("both_ways", [False, True])
def test_eleven_points_are_all_shown_at_80_by_24(both_ways: bool) -> None:
    points = targets(11, captured=14, both_ways=both_ways)
    lines = shown(screen(targets=points, step=Step(9, len(points), "turn to 80 %")))
    firsts = [line.replace(">", "").split()[0] for line in lines if line.strip()]
    assert [str(n * 10) for n in range(11)] == [one for one in firsts if one.isdigit()][-11:]
    assert len(lines) <= 23


def test_screen_keeps_everything_in_place_while_points_come() -> None:
    def places(captured: int) -> list[int]:
        lines = shown(screen(targets=targets(captured=captured)))
        marks = ("raw ", "3 of 5", "%  ", "Enter")
        return [next(n for n, line in enumerate(lines) if mark in line) for mark in marks]

    assert places(0) == places(1) == places(5)


words = st.text(max_size=120)
values = st.none() | st.floats(-1e6, 1e6)


@given(
    st.builds(
        LiveFigures,
        raw=values,
        filtered=values,
        noise=st.none() | st.floats(0, 1e5),
        percent=st.none() | st.floats(0, 100),
        is_clamped=st.booleans(),
        rate_hz=st.floats(0, 200),
        age_s=st.none() | st.floats(0, 1e4),
        link=st.sampled_from(LinkState),
        reason=words,
        warnings=st.tuples(words, words),
    ),
    st.none() | st.builds(Step, st.integers(1, 60), st.just(60), words, words, st.floats(0, 1)),
    st.builds(targets, st.integers(2, 40), st.integers(0, 80), both_ways=st.booleans()),
    words,
    st.sampled_from([(80, 24), (80, 25), (100, 30), (120, 40), (200, 60)]),
)
def test_screen_always_fits_the_terminal(
    figures: LiveFigures,
    step: Step | None,
    points: tuple[ShownTarget, ...],
    last: str,
    size: tuple[int, int],
) -> None:
    lines = shown(screen(figures=figures, step=step, targets=points, last=last), *size)
    assert len(lines) <= size[1] - 1
    assert max(map(cell_len, lines)) <= size[0]
    assert "Enter capture now" in lines[-1]


def test_screen_without_points_has_its_keys() -> None:
    lines = shown(screen(targets=(), step=Step(1, 2, "count 30 turns")))
    assert "count 30 turns" in lines[5]
    assert "q quit" in lines[-1]


def test_a_target_that_is_done_needs_no_step() -> None:
    assert "> " not in "\n".join(
        shown(screen(step=None, targets=(ShownTarget(0), ShownTarget(100))))
    )


def pages(one: Review, width: int = 80, height: int = 24) -> list[list[str]]:
    found = review_pages(console(width, height), one, width, height - 1)
    return [lines_of(page, width, height) for page in found]


def points(count: int, *, both_ways: bool = False) -> tuple[CapturedPoint, ...]:
    return tuple(point_of(one) for one in targets(count, both_ways=both_ways))


@pytest.mark.parametrize("count", [5, 11])
def test_points_checks_curve_and_question_fit_one_page_of_80_by_24(count: int) -> None:
    (page,) = pages(review(points(count)))
    text = "\n".join(page)
    assert f"bike-1  {count} points; in use now: the config's points" in text
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


def test_review_is_one_page_on_a_larger_terminal() -> None:
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


@pytest.mark.slow
@given(
    st.integers(2, 40),
    st.booleans(),
    st.integers(0, 4),
    st.text(max_size=60),
    st.sampled_from([(80, 24), (80, 30), (120, 40), (200, 60)]),
)
def test_review_page_always_fits_the_terminal(
    count: int, both_ways: bool, warnings: int, words: str, size: tuple[int, int]
) -> None:
    findings = (ok("order", "x"), *(warning("w", f"it {words}", words) for _ in range(warnings)))
    one = review(points(count, both_ways=both_ways), findings=findings)
    for page in pages(one, *size):
        assert len(page) <= size[1] - 1
        assert max(map(cell_len, page)) <= size[0]
        assert page[-2].strip() == "use it?"
