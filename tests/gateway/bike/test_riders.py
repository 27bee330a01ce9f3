"""Who may ride a bike, who was chosen, and what a restart finds of it."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.bike.riders import Riders
from gateway.bike.status import RiderStatus
from gateway.config.riders import RiderConfig
from gateway.host.state_file import StateFiles
from gateway.race.races import Racer
from tests.support.gateways import config

ADA = RiderConfig(racer_id=8, racer_name="Ada", class_ids=[3, 1])
#: The first bike's own rider, who may also ride in class 2.
OWN = RiderConfig(racer_id=1, racer_name="Rider1", class_ids=[1, 2])


def riders(directory: Path, *listed: RiderConfig) -> Riders:
    bikes = config(directory, [{}, {}]).bikes
    return Riders(bikes, listed, StateFiles(directory))


def test_riders_of_a_bike_are_its_own_and_those_of_the_config_each_once(tmp_path: Path) -> None:
    assert riders(tmp_path, ADA, OWN).allowed("bike-1") == [
        Racer(1, "Rider1", 1),
        Racer(8, "Ada", 3),
        Racer(8, "Ada", 1),
        Racer(1, "Rider1", 2),
    ]


def test_rider_without_a_class_rides_in_their_first(tmp_path: Path) -> None:
    known = riders(tmp_path, ADA)
    assert known.choose("bike-1", 8, None) == known.of("bike-1") == Racer(8, "Ada", 3)
    assert known.choose("bike-1", 8, 1) == known.of("bike-1") == Racer(8, "Ada", 1)
    assert known.of("bike-2") == Racer(2, "Rider2", 1)


def test_refused_choice_changes_nothing(tmp_path: Path) -> None:
    known = riders(tmp_path, ADA)
    known.choose("bike-1", 8, 1)
    assert known.choose("bike-1", 8, 2) is None
    assert known.choose("bike-1", 7, None) is None
    assert known.of("bike-1") == Racer(8, "Ada", 1)


def test_own_rider_ends_the_choice_and_another_class_of_theirs_does_not(tmp_path: Path) -> None:
    known = riders(tmp_path, ADA, OWN)
    known.choose("bike-1", 1, 2)
    assert (known.of("bike-1").class_id, known.is_chosen("bike-1")) == (2, True)
    known.choose("bike-1", 1, None)
    assert (known.of("bike-1").class_id, known.is_chosen("bike-1")) == (1, False)


async def test_choice_is_restored_with_the_name_of_the_config(tmp_path: Path) -> None:
    before = riders(tmp_path, ADA)
    before.choose("bike-1", 8, 1)
    assert await before.save() is None
    renamed = ADA.model_copy(update={"racer_name": "Ada L"})
    after = riders(tmp_path, renamed)
    assert (after.of("bike-1"), after.is_chosen("bike-1")) == (Racer(8, "Ada L", 1), True)


async def test_choice_that_the_config_forbids_is_dropped_and_logged(tmp_path: Path) -> None:
    before = riders(tmp_path, ADA)
    before.choose("bike-1", 8, 3)
    await before.save()
    with capture_logs() as logs:
        after = riders(tmp_path, ADA.model_copy(update={"class_ids": [1]}))
    assert after.of("bike-1") == Racer(1, "Rider1", 1)
    [log] = logs
    assert (log["bike"], log["racer_id"], log["class_id"]) == ("bike-1", 8, 3)


async def test_choice_of_a_bike_that_has_left_the_config_is_kept(tmp_path: Path) -> None:
    known = riders(tmp_path, ADA)
    known.choose("bike-1", 8, 1)
    bikes = config(tmp_path, [{}, {}]).bikes
    known.serve(bikes[1:], [ADA])
    assert not known.serves("bike-1")
    known.serve(bikes, [ADA])
    assert known.of("bike-1").racer_id == 8


@pytest.mark.parametrize(
    "saved",
    [
        "{",
        "[]",
        '{"bike-1": 8}',
        json.dumps({"bike-1": {"racer_id": 2**60, "class_id": 1}}),
        json.dumps({"bike-1": {"racer_id": 8, "class_id": 7}}),
        json.dumps({"bike-1": {"racer_id": 8}}),
    ],
)
def test_file_that_cannot_be_used_is_set_aside_and_means_no_choice(
    tmp_path: Path, saved: str
) -> None:
    (tmp_path / "riders.json").write_text(saved)
    files = StateFiles(tmp_path)
    known = Riders(config(tmp_path, [{}]).bikes, [ADA], files)
    assert known.of("bike-1") == Racer(1, "Rider1", 1)
    assert files.set_aside == 1


def test_riders_are_listed_for_the_status(tmp_path: Path) -> None:
    known = riders(tmp_path, ADA)
    assert known.listed == (RiderStatus(8, "Ada", (3, 1)),)
    assert known.own_status("bike-1") == RiderStatus(1, "Rider1", (1,))
    assert known.own_status("bike-9") is None


def test_other_bikes_of_a_rider_are_found(tmp_path: Path) -> None:
    known = riders(tmp_path, ADA)
    assert known.others_of(2, "bike-1") == ["bike-2"]
    known.choose("bike-2", 8, 1)
    assert known.others_of(2, "bike-1") == []
    assert known.others_of(8, "bike-1") == ["bike-2"]


def test_choice_that_has_become_the_bikes_own_rider_has_the_name_of_the_bike(
    tmp_path: Path,
) -> None:
    known = riders(tmp_path, ADA)
    known.choose("bike-1", 8, 1)
    first, second = config(tmp_path, [{}, {}]).bikes
    own = first.ridden_by(Racer(8, "Ada of bike-1", 1))
    known.serve([own, second], [ADA])
    assert known.of("bike-1") == Racer(8, "Ada of bike-1", 1)
    assert not known.is_chosen("bike-1")
