"""Whatever a driver raises becomes one line: the reason, and where a bug is."""

import json

import pytest

from drivers import BikeLost
from gateway.bike.loss import TEXT_MAX, cause_of, loss_reason

DRIVER = "tests.support.bike:Bike"


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (BikeLost("out\nof  reach"), "out of reach"),
        (BikeLost(), f"{DRIVER}: BikeLost was raised without a text; expected the reason"),
        (KeyError("x"), "driver failed: KeyError: 'x'"),
        (ValueError(), "driver failed: ValueError without a text"),
        (Speechless(), "driver failed: Speechless without a text"),
    ],
)
def test_reason_is_one_line_for_every_error(error: Exception, reason: str) -> None:
    assert loss_reason(error, DRIVER) == reason


def test_reason_of_a_long_text_is_cut() -> None:
    assert len(loss_reason(BikeLost("x" * 10_000), DRIVER)) == TEXT_MAX + 1


def test_reason_of_the_greatest_length_is_whole() -> None:
    assert loss_reason(BikeLost("x" * TEXT_MAX), DRIVER) == "x" * TEXT_MAX


@pytest.mark.parametrize(("length", "is_cut"), [(200, False), (500, True)])
def test_reason_fits_on_a_few_lines_of_a_terminal(length: int, is_cut: bool) -> None:
    assert loss_reason(BikeLost("x" * length), DRIVER).endswith("…") == is_cut


def test_reason_of_a_bug_names_the_line_of_the_driver_that_called_a_library() -> None:
    with pytest.raises(ValueError, match="Expecting") as raised:
        json.loads("{")
    assert "(test_loss.py, line " in loss_reason(raised.value, DRIVER)
    assert "test_loss.py" not in loss_reason(raised.value, "other_driver:Bike")


def test_cause_of_a_group_of_one_is_its_error() -> None:
    lost = BikeLost("away")
    assert cause_of(ExceptionGroup("a", [ExceptionGroup("b", [lost])])) is lost
    two = ExceptionGroup("a", [lost, lost])
    assert cause_of(two) is two
