"""RuleEngine: from a real MQTT 5 client through a real broker into a real (moto) Kinesis."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest
from awscrt import mqtt5

from gateway.simulation.cloud.broker import Broker, open_broker
from gateway.simulation.cloud.kinesis import Kinesis, StreamReader, open_kinesis
from gateway.simulation.cloud.rule import Rule
from gateway.simulation.cloud.rule_engine import open_rule_engine
from gateway.simulation.extra import LOOPBACK
from tests.support.children import killed_at_end

pytestmark = pytest.mark.slow

pytestmark = pytest.mark.xdist_group("rule engine")  # one worker makes the fixtures of the module

RULE = Rule("to_races", "races/+/publish", "races", "${raceId}")
TOPIC = "races/1/publish"


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with open_broker() as broker:
        yield broker


@pytest.fixture(scope="module")
def kinesis() -> Iterator[Kinesis]:
    with open_kinesis(RULE.stream, shards=2) as kinesis:
        yield kinesis


@pytest.fixture
def reader(kinesis: Kinesis) -> StreamReader:
    """Says only what comes from now on."""
    reader = kinesis.open_reader()
    reader.read()
    return reader


@contextmanager
def publisher(broker: Broker) -> Iterator[mqtt5.Client]:
    """A gateway's kind of client, connected."""
    connected, stopped = threading.Event(), threading.Event()
    client = mqtt5.Client(
        mqtt5.ClientOptions(
            host_name=LOOPBACK,
            port=broker.mqtt5_port,
            connect_options=mqtt5.ConnectPacket(client_id="gateway"),
            on_lifecycle_event_connection_success_fn=lambda _: connected.set(),
            on_lifecycle_event_stopped_fn=lambda _: stopped.set(),
        )
    )
    client.start()
    assert connected.wait(20)
    yield client
    client.stop()
    assert stopped.wait(20)


def publish(client: mqtt5.Client, payloads: list[bytes], topic: str = TOPIC) -> None:
    """At QoS 1; returns when the broker has acknowledged them all."""
    answers: list[Future[mqtt5.PublishCompletionData]] = [
        client.publish(
            mqtt5.PublishPacket(topic=topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE)
        )
        for payload in payloads
    ]
    for answer in answers:
        answer.result(30)


def telemetry(count: int) -> list[bytes]:
    return [b'{"raceId":5400763,"second":%d,"pad":"%s"}' % (i, b"x" * 200) for i in range(count)]


def test_rule_engine_stores_every_message_in_order(
    broker: Broker, kinesis: Kinesis, reader: StreamReader
) -> None:
    sent = telemetry(5_000)
    with (
        open_rule_engine(RULE, kinesis, broker.mqtt311_port) as engine,
        publisher(broker) as client,
    ):
        publish(client, sent)
        engine.drain()
        assert (engine.received, engine.stored, engine.failures) == (5_000, 5_000, [])
        assert [data for _, data in reader.read()] == sent


def test_rule_engine_keeps_messages_refused_by_the_rule_as_failures(
    broker: Broker, kinesis: Kinesis, reader: StreamReader
) -> None:
    good = telemetry(2)
    with (
        open_rule_engine(RULE, kinesis, broker.mqtt311_port) as engine,
        publisher(broker) as client,
    ):
        publish(client, [good[0], b"no JSON", b'{"second":1}', good[1]])
        engine.drain()
        assert (engine.received, engine.stored) == (4, 2)
        assert [(f.topic, f.payload) for f in engine.failures] == [
            (TOPIC, b"no JSON"),
            (TOPIC, b'{"second":1}'),
        ]
        assert [data for _, data in reader.read()] == good


def test_rule_engine_takes_only_topics_that_match_its_filter(
    broker: Broker, kinesis: Kinesis, reader: StreamReader
) -> None:
    here, there, elsewhere = telemetry(3)
    with (
        open_rule_engine(RULE, kinesis, broker.mqtt311_port) as engine,
        publisher(broker) as client,
    ):
        publish(client, [here], "races/1/publish")
        publish(client, [there], "races/2/publish")
        publish(client, [elsewhere], "races/2/status")
        engine.drain()
        assert [data for _, data in reader.read()] == [here, there]


def test_rule_engine_keeps_messages_refused_by_kinesis_as_failures(broker: Broker) -> None:
    sent = telemetry(3)
    with open_kinesis(RULE.stream, shards=1) as kinesis:
        pass  # gone
    with (
        open_rule_engine(RULE, kinesis, broker.mqtt311_port) as engine,
        publisher(broker) as client,
    ):
        publish(client, sent)
        engine.drain()
        assert (engine.received, engine.stored) == (3, 0)
        assert [failure.payload for failure in engine.failures] == sent
        assert "Could not connect" in engine.failures[0].error_message


def test_rule_engine_stores_all_received_messages_before_ending(
    broker: Broker, reader: StreamReader
) -> None:
    with open_kinesis(RULE.stream, shards=1) as kinesis:
        own_reader = kinesis.open_reader()
        with (
            open_rule_engine(RULE, kinesis, broker.mqtt311_port) as engine,
            publisher(broker) as client,
        ):
            publish(client, telemetry(1_000))
        assert engine.stored == engine.received
        assert len(own_reader.read()) == engine.stored


def test_rule_engine_without_a_broker_does_not_start(kinesis: Kinesis) -> None:
    with (
        pytest.raises(TimeoutError, match="not received its own message on races/drain/publish"),
        open_rule_engine(RULE, kinesis, mqtt311_port=1, drain_timeout_s=0.2),
    ):
        pass
    assert "rule-engine" not in [thread.name for thread in threading.enumerate()]


def test_broker_and_kinesis_end_with_a_killed_demo() -> None:
    program = """
import sys
from gateway.simulation.cloud.broker import open_broker
from gateway.simulation.cloud.kinesis import open_kinesis
with open_broker() as broker, open_kinesis("races", shards=1) as kinesis:
    endpoint = kinesis._client.meta.endpoint_url
    print(broker.mqtt5_port, broker.mqtt311_port, endpoint.rpartition(":")[2], flush=True)
    sys.stdin.read()
"""
    with killed_at_end(
        subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    ) as demo:
        assert demo.stdout is not None
        ports = [int(port) for port in demo.stdout.readline().split()]
        assert len(ports) == 3
    deadline = time.monotonic() + 5
    while still_listening := [port for port in ports if is_listening(port)]:
        assert time.monotonic() < deadline, f"{still_listening} outlive the demo"
        time.sleep(0.05)


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0
