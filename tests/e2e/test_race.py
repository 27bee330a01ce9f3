"""The spine from bike to broker: real process, mutual TLS, real files, real time."""

import asyncio
import random
import time

import pytest

from gateway.simulation.demo.network import Network
from gateway.telemetry.message import Telemetry
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber

BIKES = ("bike-1", "bike-2")
Seconds = dict[str, list[int]]


def seconds_by_bike(messages: list[Telemetry]) -> Seconds:
    """Seconds since the epoch that each bike's messages end at, in order of first arrival."""
    seconds: Seconds = {bike: [] for bike in BIKES}
    seen = set()
    for message in messages:
        if message.uuid not in seen:
            seen.add(message.uuid)
            seconds[message.bike_id].append(message.device_timestamp // 1000)
    return seconds


def assert_no_gap(seconds: Seconds) -> None:
    for bike, of_bike in seconds.items():
        assert of_bike == list(range(of_bike[0], of_bike[0] + len(of_bike))), bike


async def arrived(subscriber: Subscriber, until_s: float, timeout_s: float = 30) -> Seconds:
    """Wait until both bikes' messages up to the second `until_s` are there."""

    def complete(messages: list[Telemetry]) -> bool:
        return all(of_bike and max(of_bike) >= int(until_s) for of_bike in
                   seconds_by_bike(messages).values())  # fmt: skip

    return seconds_by_bike(await asyncio.to_thread(subscriber.wait_for, complete, timeout_s))


@pytest.mark.smoke
def test_gateway_writes_nothing_to_disk_while_online(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.race_length_s = 5
    gateway.start()
    gateway.wait_for_log("cloud connected")
    subscriber.wait_for(lambda messages: len(messages) >= 4)
    after_start = gateway.written_bytes()
    messages = subscriber.wait_for(
        lambda messages: sum(message.is_final for message in messages) >= 4
    )
    assert gateway.written_bytes() == after_start
    assert_no_gap(seconds_by_bike(messages))
    finals = [(m.bike_id, m.race_id) for m in messages if m.is_final]
    assert len(set(finals)) == len(finals), "one final for each racer and race"


def test_idle_gateway_sends_nothing_and_writes_nothing_to_disk(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.race_join = "pedalling"
    gateway.race_length_s = 5
    gateway.bikes = [bike.replace(" }", ', scenario = "idle" }') for bike in gateway.bikes]
    gateway.start()
    gateway.wait_for_log("cloud connected")
    gateway.wait_for_log("bike connected", times=2)
    after_start = gateway.written_bytes()
    time.sleep(11)
    assert gateway.written_bytes() == after_start
    assert subscriber.messages == []


def test_rider_who_pedals_joins_each_race_and_the_other_bike_sends_nothing(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.race_join = "pedalling"
    gateway.bikes[1] = gateway.bikes[1].replace(" }", ', scenario = "idle" }')
    gateway.start()
    messages = subscriber.wait_for(
        lambda messages: sum(message.is_final for message in messages) >= 2
    )
    assert {message.bike_id for message in messages} == {"bike-1"}
    race_id = messages[-1].race_id
    last_race = [message for message in messages if message.race_id == race_id]
    first = last_race[0]
    assert first.cadence > 0
    assert [m.second for m in last_race] == list(range(first.second, gateway.race_length_s + 1))
    assert last_race[-1].samples == len(last_race)


async def test_outage_loses_no_message_and_keeps_the_order(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = network.port
    await asyncio.to_thread(gateway.start)
    await arrived(subscriber, time.time() + 2)
    await network.cut()
    await asyncio.sleep(7)
    await network.restore()
    restored = time.time()
    seconds = await arrived(subscriber, restored + 3)
    for bike in BIKES:
        assert sorted(seconds[bike]) == list(range(min(seconds[bike]), max(seconds[bike]) + 1))
    in_order(subscriber.messages)


def in_order(messages: list[Telemetry]) -> None:
    """Within its race and bike each message first arrives after those produced before it."""
    last: dict[tuple[str, int], int] = {}
    seen = set()
    for message in messages:
        if message.uuid in seen:
            continue
        seen.add(message.uuid)
        key = (message.bike_id, message.race_id)
        assert message.second > last.get(key, 0), key
        last[key] = message.second


async def test_kills_in_an_outage_lose_no_message_older_than_a_second(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber
) -> None:
    chance = random.Random(1)
    gateway.cloud["port"] = network.port
    await asyncio.to_thread(gateway.start)
    await arrived(subscriber, time.time() + 1)
    await network.cut()
    alive_spans = []
    for _ in range(4):
        began = time.time()
        await asyncio.sleep(chance.uniform(1.5, 4.0))
        gateway.kill()
        alive_spans.append((began + 1, time.time() - 1))
        await asyncio.to_thread(gateway.start)
    await network.restore()
    seconds = await arrived(subscriber, time.time() + 3)
    for began, ended in alive_spans:
        promised = set(range(int(began) + 1, int(ended) + 1))
        for bike in BIKES:
            assert promised <= set(seconds[bike])
    in_order(subscriber.messages)
    uuids = {(m.bike_id, m.race_id, m.second, m.event): m.uuid for m in subscriber.messages}
    assert len(set(uuids.values())) == len(uuids)
    assert all(
        uuids[m.bike_id, m.race_id, m.second, m.event] == m.uuid for m in subscriber.messages
    )


async def test_sigterm_in_an_outage_keeps_every_message_for_the_next_start(
    gateway: GatewayProcess, network: Network, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = network.port
    await asyncio.to_thread(gateway.start)
    await arrived(subscriber, time.time() + 1)
    await network.cut()
    await asyncio.sleep(3)
    stopped = time.time()
    await asyncio.to_thread(gateway.terminate)
    await network.restore()
    await asyncio.to_thread(gateway.start)
    seconds = await arrived(subscriber, time.time() + 2)
    for bike in BIKES:
        assert int(stopped) + 1 in seconds[bike], "the running second was closed"
        assert set(range(min(seconds[bike]), int(stopped) + 2)) <= set(seconds[bike])


def test_sigterm_while_online_is_quick_and_delivers_the_running_second(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    subscriber.wait_for(lambda messages: len(messages) >= 4)
    stopped = time.time()
    gateway.terminate()
    assert "on_disk=0" in gateway.log
    seconds = seconds_by_bike(subscriber.messages)
    assert all(int(stopped) + 1 in seconds[bike] for bike in BIKES)


def test_gateway_logs_a_broker_that_disappears_and_connects_again(
    gateway: GatewayProcess, broker: Mosquitto
) -> None:
    gateway.cloud["port"] = broker.port
    gateway.start()
    gateway.wait_for_log("cloud connected")
    broker.stop()
    gateway.wait_for_log("cloud not connected.*(closed the connection|shutting down)")
    gateway.wait_for_log("cloud not connected.*Connection refused")
    broker.start()
    gateway.wait_for_log("cloud connected", times=2)
    assert "Traceback" not in gateway.log


def test_gateway_started_without_a_broker_races_and_delivers_later(
    gateway: GatewayProcess, broker: Mosquitto, authority: Authority
) -> None:
    broker.stop()
    gateway.cloud["port"] = broker.port
    gateway.start()
    gateway.wait_for_log("cloud not connected.*Connection refused")
    time.sleep(3)
    gateway.terminate()
    offline_until_ms = time.time() * 1000
    broker.start()
    subscriber = Subscriber(broker.port, authority.issue("subscriber"))
    gateway.start()
    messages = subscriber.wait_for(lambda messages: len(messages) >= 10)
    subscriber.stop()
    assert any(message.device_timestamp <= offline_until_ms for message in messages)
    in_order(messages)


@pytest.mark.parametrize("foreign", ["server", "client"])
def test_untrusted_certificate_is_logged_and_no_second_is_lost(
    gateway: GatewayProcess, broker: Mosquitto, subscriber: Subscriber, foreign: str
) -> None:
    """Either side's certificate from a CA that the other does not trust."""
    right = dict(gateway.cloud)
    stranger = Authority(gateway.config_file.parent / "stranger").issue("gateway-1")
    if foreign == "server":
        gateway.cloud["ca_file"] = stranger.ca_file
    else:
        gateway.cloud["certificate_file"] = stranger.certificate_file
        gateway.cloud["private_key_file"] = stranger.private_key_file
    gateway.cloud["port"] = broker.port
    gateway.start()
    # The TLS library makes a failed handshake last 10 to 30 s, so that it tells nothing by time.
    gateway.wait_for_log("cloud not connected.*certificate", timeout_s=70)
    whole_s = int(time.time()) + 2
    time.sleep(3)
    gateway.terminate()
    gateway.cloud = {**right, "port": broker.port}
    gateway.start()
    kept = {whole_s, whole_s + 1}
    messages = subscriber.wait_for(
        lambda messages: all(kept <= set(of_bike) for of_bike in seconds_by_bike(messages).values())
    )
    in_order(messages)
    assert {message.bike_id for message in messages} == set(BIKES)


def test_refused_connection_is_logged_with_the_brokers_reason(
    gateway: GatewayProcess, authority: Authority
) -> None:
    directory = gateway.config_file.parent / "refusing"
    with Mosquitto(directory, authority, settings="use_identity_as_username false") as refusing:
        gateway.cloud["port"] = refusing.port
        gateway.start()
        gateway.wait_for_log(
            "cloud not connected.*the broker refused the client: gateway-1 is not authorised"
        )
        assert "cloud connected" not in gateway.log
