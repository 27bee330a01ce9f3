"""What is missing, what the config thinks of an answer, and what becomes of all of them."""

import pytest

from gateway.config.editor import NO_CLOUD, BikeChange, Machine
from gateway.setup.answers import Answers, Current, change_of, missing, problem_of

FAKE = Machine("fake", {})
ADA: dict[str, object] = {"racer_name": "Ada", "racer_id": 3, "class_id": 2}
EXAMPLE = {"bikes": [{"id": "bike-001", "racer_name": "Hayden"}]}
NEW = Current(EXAMPLE, is_new=True)
OLD = Current(EXAMPLE, is_new=False)


def test_a_new_config_needs_a_bike_and_its_rider() -> None:
    assert missing(Answers(), NEW) == ["bike", "racer_name", "racer_id", "class_id"]
    assert missing(Answers(machine=FAKE, racer={"racer_id": 3}), NEW) == ["racer_name", "class_id"]
    assert missing(Answers(machine=FAKE, racer=ADA), NEW) == []


def test_a_bike_that_has_a_rider_needs_nothing_and_a_further_one_all() -> None:
    assert missing(Answers(), OLD) == []
    assert missing(Answers(bike_id="bike-002", machine=FAKE), OLD) == [
        "racer_name",
        "racer_id",
        "class_id",
    ]


def test_a_new_config_has_no_cloud_rather_than_the_examples() -> None:
    assert change_of(Answers(machine=FAKE, racer=ADA), NEW).cloud == NO_CLOUD
    assert change_of(Answers(machine=FAKE, racer=ADA), OLD).cloud == {}
    given = Answers(cloud={"endpoint": "x.example"})
    assert change_of(given, NEW).cloud == {"endpoint": "x.example"}


def test_example_bike_becomes_the_named_bike_in_a_new_config() -> None:
    change = change_of(Answers("hall-1", FAKE, racer=ADA), NEW)
    assert change.bike == BikeChange("bike-001", FAKE, {"id": "hall-1", **ADA})
    change = change_of(Answers("hall-1", FAKE, racer=ADA), OLD)
    assert change.bike == BikeChange("hall-1", FAKE, ADA)


def test_answers_without_a_bike_change_no_bike() -> None:
    assert change_of(Answers(thing_name="x"), OLD).bike is None


def test_next_bike_id_is_the_first_free_one() -> None:
    assert OLD.next_id == "bike-002"
    assert Current({"bikes": [{"id": "bike-002"}]}, is_new=False).next_id == "bike-001"
    assert Current({}, is_new=False).default_id == "bike-001"


def test_broken_config_counts_as_without_bikes_and_cloud() -> None:
    broken = Current({"bikes": "none", "cloud": 7}, is_new=False)
    assert (broken.bikes, broken.cloud) == ([], {})


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("racer_id", "x", "expected a whole number"),
        ("class_id", "7", "expected at most 6"),
        ("racer_name", "", "at least 1 character"),
        ("endpoint", "https://x.example", "expected a host name without"),
        ("thing_name", "a b", "only letters, digits"),
        ("id", "a b", "only letters, digits"),
    ],
)
def test_wrong_answer_is_a_problem_in_the_words_of_the_config(
    key: str, value: object, problem: str
) -> None:
    assert problem in (problem_of(key, value) or "")


@pytest.mark.parametrize(
    ("key", "value"), [("racer_id", "7"), ("endpoint", "x.example"), ("thing_name", "gateway-1")]
)
def test_right_answer_is_no_problem(key: str, value: object) -> None:
    assert problem_of(key, value) is None
