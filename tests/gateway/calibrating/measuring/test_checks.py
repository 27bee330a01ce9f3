"""What is said of captured points: what makes no table, and what makes none to be proud of."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.peloton_table import resistance_raw
from gateway.calibrating.measuring.checks import check_points, is_acceptable
from gateway.sampling.calibration import CalibrationTable
from gateway.sampling.calibration_record import CapturedPoint, Direction, mean_points
from gateway.terminal.finding import Finding, State
from tests.support.pots import Pot, errors, s_shaped


def point(percent: float, raw: float, **changed: Any) -> CapturedPoint:
    return CapturedPoint(**{"noise": 0.7, "samples": 24, **changed, "percent": percent, "raw": raw})


def peloton(*percents: float, **changed: Any) -> list[CapturedPoint]:
    return [point(percent, resistance_raw(percent), **changed) for percent in percents]


ELEVEN = tuple(range(0, 101, 10))
TWENTY_ONE = tuple(range(0, 101, 5))


def named(points: list[CapturedPoint], name: str) -> Finding:
    (finding,) = (one for one in check_points(points) if one.name == name)
    return finding


def test_checks_find_a_good_calibration_ok_all_along() -> None:
    findings = check_points(peloton(*TWENTY_ONE))
    assert [one.state for one in findings] == [State.OK] * len(findings)
    names = ["samples", "order", "distance", "span", "line", "bends", "ends"]
    assert [one.name for one in findings] == names


@pytest.mark.parametrize("points", [[], peloton(50), [*peloton(50), point(50, 700)]])
def test_fewer_than_two_percents_are_no_calibration(points: list[CapturedPoint]) -> None:
    (finding,) = check_points(points)
    assert finding.state is State.FAILED
    assert "expected at least 2" in finding.what


def test_points_of_few_samples_are_named() -> None:
    finding = named([*peloton(0, 100), *peloton(50, samples=4)], "samples")
    assert finding.state is State.WARNING
    assert finding.what == "few samples: 50 % has 4"


class TestOrder:
    def test_order_may_fall(self) -> None:
        points = [point(percent, 1000 - 9 * percent) for percent in ELEVEN]
        finding = named(points, "order")
        assert finding.state is State.OK
        assert finding.what == "the bike's value falls throughout, from 1000 to 100"
        assert is_acceptable(check_points(points))

    @pytest.mark.parametrize("sign", [1, -1])
    def test_order_names_the_points_that_break_it(self, sign: int) -> None:
        raws = {0: 100, 25: 200, 50: 190, 75: 400, 100: 500}
        points = [point(percent, sign * raw) for percent, raw in raws.items()]
        findings = check_points(points)
        assert not is_acceptable(findings)
        way = "rises" if sign > 0 else "falls"
        expected = f"value {way} with the resistance, but not between 25 % at {sign * 200} and 50"
        assert expected in named(points, "order").what
        assert {one.name for one in findings}.isdisjoint({"bends", "line"})

    def test_order_names_a_wrong_point_at_an_end(self) -> None:
        points = [point(0, 900), point(25, 200), point(50, 300), point(75, 400), point(100, 500)]
        assert "but not between 0 % at 900 and 25 % at 200" in named(points, "order").what
        assert named(points, "order").what.count("and") == 1

    def test_order_fails_for_the_same_number_twice(self) -> None:
        points = [point(0, 100), point(50, 200), point(100, 200)]
        assert named(points, "order").state is State.FAILED


class TestDistance:
    def test_distance_names_neighbours_within_three_times_the_noise(self) -> None:
        points = [point(0, 100), point(50, 500), point(55, 504, noise=2), point(100, 900)]
        finding = named(points, "distance")
        assert finding.state is State.FAILED
        assert finding.what == "too close, less than 3 times the noise apart: 50 and 55 % (4 apart)"

    def test_distance_goes_by_the_noisier_of_two(self) -> None:
        near = [point(50, 500), point(55, 504, noise=1.3)]
        assert named([point(0, 100), *near, point(100, 900)], "distance").state is State.OK
        near = [point(50, 500, noise=1.4), point(55, 504)]
        assert named([point(0, 100), *near, point(100, 900)], "distance").state is State.FAILED

    def test_distance_of_levels_without_noise_is_ok(self) -> None:
        points = [point(percent, 1 + percent * 0.2, noise=0) for percent in range(0, 101, 5)]
        assert named(points, "distance").state is State.OK
        assert named(points, "span").state is State.OK

    def test_a_span_of_ten_times_the_noise_is_too_little(self) -> None:
        assert named([point(0, 100), point(100, 107)], "span").state is State.FAILED
        assert named([point(0, 100), point(100, 107.1)], "span").state is State.OK


class TestCurve:
    def test_bends_name_where_a_point_is_missing(self) -> None:
        finding = named(peloton(*ELEVEN), "bends")
        assert finding.state is State.WARNING
        assert "the curve bends most between 0 and 10 %" in finding.what
        assert finding.remedy == (
            "next time capture one more point, with --points 0,5,10,20,30,40,50,60,70,80,90,100"
        )

    @pytest.mark.parametrize("curve", [resistance_raw, s_shaped])
    def test_bends_lead_to_a_better_table_point_by_point(self, curve: Any) -> None:
        percents = [0.0, 25, 50, 75, 100]
        found = []
        for _ in range(30):
            points = [point(percent, curve(percent)) for percent in percents]
            table = CalibrationTable(mean_points(tuple(points)))
            found.append(errors(table, Pot(curve)).mean)
            finding = named(points, "bends")
            if finding.state is State.OK:
                break
            advised = finding.remedy.partition(" --points ")[2]
            percents = [float(percent) for percent in advised.split(",")]
        assert finding.state is State.OK
        assert len(found) > 2
        assert found == sorted(set(found), reverse=True)

    def test_bends_measure_a_point_by_the_others(self) -> None:
        points = [point(0, 0), point(50, 400), point(100, 1000)]
        what = named(points, "bends").what
        assert "without the point at 50 % the curve would be off there by 10.0" in what

    def test_line_says_where_two_points_would_do(self) -> None:
        points = [point(percent, 10 * percent + (percent == 50)) for percent in ELEVEN]
        finding = named(points, "line")
        assert finding.state is State.OK
        assert "off by up to 0.1 percentage points: two points would be enough" in finding.what

    def test_line_says_how_wrong_two_points_would_be(self) -> None:
        assert named(peloton(*TWENTY_ONE), "line").what.endswith(
            "up to 30.5 percentage points, at 45 %"
        )

    def test_curve_of_two_points_is_a_warning(self) -> None:
        assert named(peloton(0, 100), "curve").state is State.WARNING
        assert is_acceptable(check_points(peloton(0, 100)))


class TestBothWays:
    def up_and_down(self, play: float) -> list[CapturedPoint]:
        down = [point(percent, 10 * percent + play, direction="down") for percent in ELEVEN]
        return [*(point(percent, 10 * percent) for percent in ELEVEN), *down]

    def test_hysteresis_is_given_in_raw_numbers_and_in_points(self) -> None:
        finding = named(self.up_and_down(30), "both ways")
        assert finding.state is State.WARNING
        assert "by 30, which is 3.0 percentage points" in finding.what
        assert "1.5 percentage points in either direction" in finding.remedy

    def test_small_hysteresis_is_ok(self) -> None:
        finding = named(self.up_and_down(8), "both ways")
        assert finding.state is State.OK
        assert "by 8, which is 0.8 percentage points" in finding.what

    def test_hysteresis_is_unknown_for_one_way(self) -> None:
        assert all(one.name != "both ways" for one in check_points(peloton(*ELEVEN)))


def test_ends_that_are_not_captured_are_a_warning() -> None:
    finding = named(peloton(10, 50, 90), "ends")
    assert finding.state is State.WARNING
    assert finding.what == (
        "0 % was not captured, so below 10 % the gateway will always report 10 %; "
        "100 % was not captured, so above 90 % the gateway will always report 90 %"
    )


directions: st.SearchStrategy[Direction] = st.sampled_from(["up", "down"])
captured = st.builds(
    CapturedPoint,
    percent=st.floats(0, 100) | st.sampled_from(ELEVEN),
    raw=st.floats(-1e9, 1e9) | st.integers(0, 32),
    noise=st.floats(0, 1e9),
    samples=st.integers(1, 100),
    direction=directions,
)


@given(st.lists(captured, max_size=30))
def test_checks_never_raise_for_any_points(points: list[CapturedPoint]) -> None:
    findings = check_points(points)
    assert findings
    assert all(one.what for one in findings)
    assert all(one.remedy for one in findings if one.state is not State.OK)


@given(st.lists(captured, max_size=30))
def test_acceptable_points_make_a_table(points: list[CapturedPoint]) -> None:
    if is_acceptable(check_points(points)):
        CalibrationTable(mean_points(tuple(points)))
