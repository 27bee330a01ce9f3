"""A gateway with nothing but the rights of config/aws/template.yaml: here a real broker's ACL."""

import json
import time
from itertools import chain
from pathlib import Path

from gateway.telemetry.message import telemetry_from_json
from tests.gateway.race.test_commanded import start
from tests.support.backend import Backend
from tests.support.buffer_files import buffered
from tests.support.cloud_template import ARN, CloudTemplate
from tests.support.gateway_process import GatewayProcess, alleycat_gateway
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber

#: mosquitto's words; that hearing is receiving, it does not tell apart.
ACCESS = {"Publish": "write", "Subscribe": "read"}


def acl(thing_name: str) -> str:
    policy = CloudTemplate().policy("ThingPolicy")
    lines = [f"user {thing_name}"]
    for action, access in ACCESS.items():
        for pattern in policy.patterns(thing_name, action):
            topic = pattern.removeprefix(ARN).split("/", 1)[1]
            lines.append(f"topic {access} {topic.replace('*', '#')}")
    for user in ("backend", "subscriber"):
        lines += [f"user {user}", "topic readwrite #"]
    return "\n".join(lines) + "\n"


def test_thing_policy_allows_all_that_a_commanded_race_needs(
    tmp_path: Path, authority: Authority, gateway: GatewayProcess
) -> None:
    file = tmp_path / "acl"
    file.write_text(acl("gateway-1"))
    with Mosquitto(tmp_path / "mosquitto", authority, settings=f"acl_file {file}") as broker:
        subscriber = Subscriber(broker.port, authority.issue("subscriber"))
        backend = Backend(broker.port, authority.issue("backend"), "gateway-1")
        gateway.cloud["port"] = broker.port
        gateway.race_mode = "remote"
        gateway.start()
        gateway.wait_for_log("cloud connected")
        in_a_second_ms = time.time_ns() // 1_000_000 + 1000
        assert backend.ask(start(startMs=in_a_second_ms, length_s=2))["result"] == "accepted"
        subscriber.wait_for(lambda messages: any(message.is_final for message in messages))
        for client in (backend, subscriber):
            client.stop()


def test_denied_topic_costs_no_message_and_status_names_it(
    tmp_path: Path, authority: Authority, gateway: GatewayProcess
) -> None:
    """mosquitto answers each publish with the reason, and ends the connection."""
    file = tmp_path / "acl"
    subscribe = "user subscriber\ntopic read #\n"
    file.write_text(f"{subscribe}user gateway-1\ntopic read alleycat/#\n")
    with Mosquitto(tmp_path / "mosquitto", authority, settings=f"acl_file {file}") as broker:
        subscriber = Subscriber(broker.port, authority.issue("subscriber"))
        gateway.cloud["port"] = broker.port
        gateway.race_length_s = 2
        for _ in range(2):
            denied = gateway.log.count("not authorised") if gateway.log_file.exists() else 0
            gateway.start()
            gateway.wait_for_log("not authorised to publish", times=denied + 10)
            status = alleycat_gateway("status", "--json", "--config", str(gateway.config_file))
            assert status.returncode == 1
            found = json.loads(status.stdout)
            assert "not authorised to publish to alleycat-publish" in found["attention"][0]
            assert found["gateway"]["buffer"]["quarantined"] == 0
            gateway.kill()
        records = chain.from_iterable(buffered(gateway.config_file.parent / "state").values())
        expected = {telemetry_from_json(record.payload).uuid for record in records}
        file.write_text(f"{subscribe}user gateway-1\ntopic write alleycat-publish\n")
        broker.reload()
        gateway.start()
        subscriber.wait_for(lambda messages: expected <= {message.uuid for message in messages})
        subscriber.stop()
    assert len(expected) > 10, "of many races, each of which had witnesses"
