"""Live ranks: the real daemon, a real broker, and a backend that publishes results."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.results import TOPIC, ResultsBackend, results_message
from tests.support.subscriber import Subscriber

TIMEOUT_S = 20


@pytest.fixture
def backend(broker: Mosquitto, authority: Authority) -> Iterator[ResultsBackend]:
    backend = ResultsBackend(broker.port, authority.issue("backend"))
    yield backend
    backend.stop()


@pytest.fixture
def ranked(gateway: GatewayProcess, broker: Mosquitto) -> GatewayProcess:
    """A gateway that follows results, with racers 1 and 2 in a race of an hour."""
    gateway.cloud |= {"port": broker.port, "results_topic": TOPIC}
    gateway.race_length_s = 3600
    gateway.start()
    gateway.wait_for_log("cloud connected")
    return gateway


def status(gateway: GatewayProcess) -> dict[str, Any]:
    ended = alleycat_gateway("status", "--config", str(gateway.config_file), "--json")
    found: dict[str, Any] = json.loads(ended.stdout)["gateway"]
    return found


def status_with_ranks(gateway: GatewayProcess, backend: ResultsBackend, payload: bytes) -> Any:
    """Publish results until the status shows a place: the gateway may not have subscribed yet."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        backend.publish(payload)
        found = status(gateway)
        if found["bikes"][0]["place"] is not None:
            return found
    raise AssertionError(f"no place:\n{gateway.log}")


def test_status_shows_the_ranks_among_a_thousand_racers(
    ranked: GatewayProcess, backend: ResultsBackend, subscriber: Subscriber
) -> None:
    [race_id] = {bike["race_id"] for bike in status(ranked)["bikes"]}
    # Racer n has 200 - n / 8: racer 1 leads, and racer 2 is 0.125 behind.
    outputs = {racer_id: 200 - racer_id / 8 for racer_id in range(1, 1001)}
    found = status_with_ranks(ranked, backend, results_message(race_id, outputs))
    first, second = (bike["place"] for bike in found["bikes"])
    assert first.pop("age_s") < TIMEOUT_S
    assert first == {
        "rank": 1,
        "racers": 1000,
        "output": 199.875,
        "gap": None,
        "leader_id": 1,
        "leader_output": 199.875,
    }
    assert (second["rank"], second["gap"]) == (2, 0.125)
    assert found["results"]["topic"] == TOPIC
    assert found["results"]["refusal"] is None
    backend.publish(b"not results")
    ranked.wait_for_log("results ignored")
    table = alleycat_gateway("status", "--config", str(ranked.config_file)).stdout
    assert "1/1000" in table
    arrived = len(subscriber.payloads)
    subscriber.wait_for(lambda messages: len(messages) >= arrived + 4)


def test_results_are_followed_again_after_the_broker_was_away(
    ranked: GatewayProcess, broker: Mosquitto, authority: Authority
) -> None:
    [race_id] = {bike["race_id"] for bike in status(ranked)["bikes"]}
    broker.stop()
    ranked.wait_for_log("cloud not connected")
    broker.start()
    ranked.wait_for_log("cloud connected", times=2)
    backend = ResultsBackend(broker.port, authority.issue("backend"))
    found = status_with_ranks(ranked, backend, results_message(race_id, {1: 90.0, 2: 100.0}))
    assert [bike["place"]["rank"] for bike in found["bikes"]] == [2, 1]
    backend.stop()
