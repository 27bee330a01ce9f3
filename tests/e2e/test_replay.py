"""A capture of a bike's serial line races over mutual TLS."""

from pathlib import Path

import pytest

from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Mosquitto
from tests.support.subscriber import Subscriber

CAPTURES = Path(__file__).parents[1] / "captures"


@pytest.mark.parametrize(
    "name", ["peloton/fake-sprint.bin", "peloton/fake-sprint.jsonl", "ftms/fake-sprint.jsonl"]
)
def test_replayed_capture_races(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber, name: str
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.bikes = [
        '[[bikes]]\nid = "bike-1"\nracer_id = 1\nracer_name = "Rider"\nclass_id = 1\n'
        f'driver = "replay"\noptions = {{ file = "{CAPTURES / name}" }}\n'
    ]
    gateway.start()
    messages = subscriber.wait_for(lambda messages: any(m.cadence > 60 for m in messages))
    # The first second may end between the bike's first cadence and its first power.
    assert all(m.power is not None for m in messages[1:])
    assert messages[-1].resistance > 20


def test_run_with_fake_bike_replaces_the_configured_drivers(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.bikes = [
        '[[bikes]]\nid = "bike-1"\nracer_id = 1\nracer_name = "Rider"\nclass_id = 1\n'
        'driver = "replay"\noptions = { file = "none.jsonl" }\n'
    ]
    gateway.start("--fake-bike")
    messages = subscriber.wait_for(lambda messages: len(messages) >= 3)
    assert {(m.bike_id, m.racer_id) for m in messages} == {("bike-1", 1)}
