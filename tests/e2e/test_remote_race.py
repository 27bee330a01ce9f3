"""Races by command: the real daemon, a real broker, a backend that asks and is answered."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.gateway.race.test_commanded import start, stop
from tests.support.backend import Backend
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber


@pytest.fixture
def backend(broker: Mosquitto, authority: Authority) -> Iterator[Backend]:
    backend = Backend(broker.port, authority.issue("backend"), "gateway-1")
    yield backend
    backend.stop()


@pytest.fixture
def remote(gateway: GatewayProcess, broker: Mosquitto) -> GatewayProcess:
    gateway.cloud["port"] = broker.port
    gateway.race_mode = "remote"
    gateway.start()
    gateway.wait_for_log("cloud connected")
    return gateway


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def soon(**changes: Any) -> bytes:
    """A race of three seconds that begins in a second."""
    return start(**{"startMs": now_ms() + 1000, "length_s": 3, **changes})


def test_bikes_ride_the_races_they_are_commanded_to(
    remote: GatewayProcess, backend: Backend, subscriber: Subscriber
) -> None:
    assert backend.ask(soon(race_id=12, racer_id=7))["result"] == "accepted"
    assert backend.ask(soon(bike_id="bike-2", race_id=34, racer_id=8, name="Ada"))["ok"]
    messages = subscriber.wait_for(lambda all_: sum(one.is_final for one in all_) == 2)
    told = {(one.bike_id, one.race_id, one.racer_id, one.name) for one in messages}
    assert told == {("bike-1", 12, 7, "Hayden"), ("bike-2", 34, 8, "Ada")}
    for race_id in (12, 34):
        race = [one for one in messages if one.race_id == race_id]
        assert [one.second for one in race] == [1, 2, 3]
        assert race[-1].samples == 3


def test_refused_command_is_answered_with_the_reason(
    remote: GatewayProcess, backend: Backend
) -> None:
    assert "unknown bike 'bike-9'" in backend.ask(soon(bike_id="bike-9"))["reason"]
    assert "ended" in backend.ask(soon(startMs=now_ms() - 60_000))["reason"]
    assert "JSON" in backend.ask(b"begin!")["reason"]
    long = soon(length_s=60)
    assert backend.ask(long)["result"] == "accepted"
    assert backend.ask(long)["result"] == "already"
    assert "the bike already has race 12 of racer 7" in backend.ask(soon(race_id=13))["reason"]
    assert backend.ask(soon(command="replace", race_id=13))["result"] == "accepted"
    assert backend.ask(stop(13))["result"] == "accepted"
    assert backend.ask(stop(13))["result"] == "already"


def test_response_to_a_topic_of_another_gateway_is_not_sent(
    remote: GatewayProcess, backend: Backend
) -> None:
    backend.response_topic = "alleycat/gateways/gateway-2/race"
    backend.send(stop())
    remote.wait_for_log("response to a race command not sent")
    backend.response_topic = "alleycat/gateways/gateway-1/race/elsewhere"
    assert backend.ask(stop())["ok"]
    assert backend.unread == 0


def test_commands_are_answered_after_the_broker_was_away(
    remote: GatewayProcess, backend: Backend, broker: Mosquitto, authority: Authority
) -> None:
    broker.stop()
    remote.wait_for_log("cloud not connected")
    broker.start()
    remote.wait_for_log("cloud connected", times=2)
    following = Backend(broker.port, authority.issue("backend"), "gateway-1")
    assert following.ask(stop())["ok"]
    following.stop()


def test_commanded_race_continues_after_a_kill(
    remote: GatewayProcess, backend: Backend, subscriber: Subscriber
) -> None:
    assert backend.ask(soon(length_s=20))["ok"]
    subscriber.wait_for(lambda messages: len(messages) >= 2)
    remote.kill()
    remote.start()
    messages = subscriber.wait_for(lambda all_: any(one.is_final for one in all_), 60)
    assert messages[-1].second == 20
    assert messages[-1].samples is None, "what the killed process produced is not known"


def test_race_that_was_stopped_just_before_a_kill_has_no_final_after_its_end(
    remote: GatewayProcess, backend: Backend, subscriber: Subscriber
) -> None:
    """Whether the killed process had sent it is not known: another one might contradict it."""
    command = soon(startMs=now_ms(), length_s=60)
    assert backend.ask(command)["result"] == "accepted"
    subscriber.wait_for(lambda messages: len(messages) >= 2)
    assert backend.ask(stop(12))["result"] == "accepted"
    remote.kill()
    time.sleep(1)  # the second that was running ends
    before = len(subscriber.messages)
    remote.start()
    remote.wait_for_log("cloud connected", times=2)
    assert "has already begun race 12" in backend.ask(command)["reason"]
    assert backend.ask(soon(race_id=13))["result"] == "accepted"
    messages = subscriber.wait_for(lambda all_: any(one.race_id == 13 for one in all_))
    stopped = [one for one in messages if one.race_id == 12]
    assert len(stopped) == before
    assert not [one for one in stopped if one.is_final and one.samples != len(stopped)]


def test_retained_command_applies_when_it_is_published_and_never_again(
    remote: GatewayProcess, backend: Backend, subscriber: Subscriber
) -> None:
    backend.retains = True
    assert backend.ask(soon(startMs=now_ms() + 3_600_000))["result"] == "accepted"
    backend.retains = False
    assert backend.ask(stop())["result"] == "accepted"
    for restarts in (1, 2):
        remote.terminate()
        remote.start()
        remote.wait_for_log("retained command ignored", times=restarts)
    assert backend.ask(stop())["result"] == "already", "the race was not planned again"
    assert backend.unread == 0


def test_command_to_a_gateway_that_is_offline_is_lost_and_may_be_repeated(
    remote: GatewayProcess, backend: Backend, subscriber: Subscriber
) -> None:
    remote.terminate()
    command = soon(startMs=now_ms() + 3_600_000)
    backend.send(command)
    remote.start()
    remote.wait_for_log("cloud connected", times=2)
    assert backend.ask(command)["result"] == "accepted"
    assert backend.ask(command)["result"] == "already"
    assert backend.unread == 0


def test_race_of_a_bike_that_was_removed_and_added_by_a_reload_is_not_ridden_twice(
    remote: GatewayProcess, backend: Backend, subscriber: Subscriber
) -> None:
    command = soon(startMs=now_ms(), bike_id="bike-2", length_s=20)
    assert backend.ask(command)["result"] == "accepted"
    subscriber.wait_for(lambda messages: len(messages) >= 2)
    removed = remote.bikes.pop()
    reload(remote)
    messages = subscriber.wait_for(lambda all_: any(one.is_final for one in all_))
    remote.kill()
    remote.start()
    remote.wait_for_log("cloud connected", times=2)
    remote.bikes.append(removed)
    reload(remote, times=2)
    assert "has already begun race 12" in backend.ask(command)["reason"]
    assert len(subscriber.messages) == len(messages)


def test_race_stays_known_while_the_gateway_races_without_commands(
    remote: GatewayProcess, backend: Backend
) -> None:
    command = soon(length_s=60)
    assert backend.ask(command)["result"] == "accepted"
    for connects, mode in ((2, "continuous"), (3, "remote")):
        remote.terminate()
        remote.race_mode = mode
        remote.start()
        remote.wait_for_log("cloud connected", times=connects)
    assert backend.ask(command)["result"] == "already"


def reload(gateway: GatewayProcess, times: int = 1) -> None:
    gateway.write_config()
    os.kill(gateway.pid, signal.SIGHUP)
    gateway.wait_for_log("config reloaded", times=times)
