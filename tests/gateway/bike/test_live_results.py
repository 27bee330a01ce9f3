"""The bikes' places in the races they ride, while results arrive, are late, wrong or lost."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.bike.status import ResultsStatus
from gateway.race.commanded import BikeRaces
from gateway.race.races import Race, Racer
from gateway.race.results import Place
from tests.support.gateways import VirtualGateway, config
from tests.support.results import TOPIC, results_message

START_MS = 1_795_247_400_000
TS_MS = START_MS + 3000


@pytest.fixture
async def virtual(tmp_path: Path) -> AsyncIterator[VirtualGateway]:
    """Racer 7 in race 12, and racer 8 in race 13, for 20 s; then racer 7 in race 14."""
    settings = config(tmp_path, [{}, {}])
    cloud = settings.cloud.model_copy(update={"results_topic": TOPIC})
    races = {
        "bike-1": [Race(12, START_MS, 20, Racer(7, "Hayden", 3)),
                   Race(14, START_MS + 20_000, 20, Racer(7, "Hayden", 3))],
        "bike-2": [Race(13, START_MS, 20, Racer(8, "Ada", 3))],
    }  # fmt: skip
    virtual = VirtualGateway(
        settings.model_copy(update={"cloud": cloud}),
        START_MS,
        races={bike_id: BikeRaces(its) for bike_id, its in races.items()},
    )
    await virtual.start()
    virtual.uplink.connect()
    await virtual.run_for(4)
    yield virtual
    await virtual.stop()


def places(virtual: VirtualGateway) -> list[Place | None]:
    return [bike.place for bike in virtual.gateway.status.bikes]


def ranks(virtual: VirtualGateway) -> list[int | None]:
    return [None if place is None else place.rank for place in places(virtual)]


def receive(virtual: VirtualGateway, payload: bytes) -> ResultsStatus:
    virtual.uplink.receive(TOPIC, payload)
    status = virtual.gateway.status.results
    assert status is not None
    return status


async def test_place_is_that_of_the_bikes_racer_in_the_bikes_race(virtual: VirtualGateway) -> None:
    assert places(virtual) == [None, None]
    receive(virtual, results_message(12, {7: 132.25, 8: 182.25}))
    await virtual.run_for(2)
    receive(virtual, results_message(13, {7: 132.25, 8: 182.25}))
    await virtual.run_for(1)
    assert places(virtual) == [
        Place(2, 2, 132.25, 50.0, leader_id=8, leader_output=182.25, age_s=3.0),
        Place(1, 2, 182.25, None, leader_id=8, leader_output=182.25, age_s=1.0),
    ]
    assert virtual.gateway.status.results == ResultsStatus(TOPIC, received=2)


async def test_results_of_another_race_are_not_decoded(virtual: VirtualGateway) -> None:
    status = receive(virtual, results_message(99, {7: 132.25}).replace(b"132.25", b"no number"))
    assert (status.received, status.malformed) == (1, 0)
    assert places(virtual) == [None, None]


async def test_place_ends_with_the_race(virtual: VirtualGateway) -> None:
    receive(virtual, results_message(12, {7: 132.25}))
    receive(virtual, results_message(13, {8: 132.25}))
    await virtual.run_for(17)
    assert places(virtual) == [None, None]
    receive(virtual, results_message(12, {7: 132.25}))
    assert places(virtual) == [None, None], "late results of the ended race"
    receive(virtual, results_message(14, {7: 132.25}))
    assert ranks(virtual) == [1, None]
    results = virtual.gateway.observer.results
    assert results is not None
    assert list(results._latest) == [14], "results of ended races are forgotten"


async def test_older_results_do_not_replace_newer_ones(virtual: VirtualGateway) -> None:
    receive(virtual, results_message(12, {7: 100.0, 8: 90.0}, TS_MS))
    status = receive(virtual, results_message(12, {7: 100.0, 8: 110.0}, TS_MS - 1))
    assert (ranks(virtual)[0], status.late) == (1, 1)
    status = receive(virtual, results_message(12, {7: 100.0, 8: 110.0}, TS_MS))
    assert (ranks(virtual)[0], status.late) == (2, 1)


async def test_wrong_time_of_one_message_does_not_end_the_ranking(virtual: VirtualGateway) -> None:
    receive(virtual, results_message(12, {7: 100.0, 8: 110.0}, 9 * 10**15))
    await virtual.run_for(9.9)
    assert receive(virtual, results_message(12, {7: 100.0}, TS_MS)).late == 1
    await virtual.run_for(0.2)
    assert receive(virtual, results_message(12, {7: 100.0}, TS_MS)).late == 1
    assert ranks(virtual)[0] == 1


async def test_malformed_results_are_counted_and_logged_once_per_connection(
    virtual: VirtualGateway,
) -> None:
    good = results_message(12, {7: 100.0})
    receive(virtual, good)
    with capture_logs() as logs:
        for _ in range(3):
            receive(virtual, good.replace(b"100.0", b"many"))
            receive(virtual, b"hello")
        assert ranks(virtual)[0] == 1, "the good ones are kept"
        virtual.uplink.subscriptions[TOPIC].on_subscribed(None)
        status = receive(virtual, b"hello")
    assert (status.received, status.malformed) == (8, 7)
    assert [(log["event"], log["topic"]) for log in logs] == [("results ignored", TOPIC)] * 2


async def test_no_results_change_what_is_published(virtual: VirtualGateway) -> None:
    for payload in (b"", b"hello", results_message(12, {7: 1.0}), results_message(13, {8: 1.0}, 0)):
        receive(virtual, payload)
        await virtual.run_for(1)
    for bike_id in ("bike-1", "bike-2"):
        seconds = [one.second for one in virtual.delivered if one.bike_id == bike_id]
        assert seconds == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_refused_subscription_is_in_the_status_until_one_succeeds(
    virtual: VirtualGateway,
) -> None:
    feed = virtual.uplink.subscriptions[TOPIC]
    feed.on_subscribed("not authorized")
    assert virtual.gateway.status.results == ResultsStatus(TOPIC, refusal="not authorized")
    feed.on_subscribed(None)
    assert virtual.gateway.status.results == ResultsStatus(TOPIC)


async def test_gateway_without_a_results_topic_follows_no_results(tmp_path: Path) -> None:
    virtual = VirtualGateway(config(tmp_path, [{}]), START_MS)
    await virtual.start()
    assert virtual.uplink.subscriptions == {}
    assert (virtual.gateway.status.results, places(virtual)) == (None, [None])
    await virtual.stop()
