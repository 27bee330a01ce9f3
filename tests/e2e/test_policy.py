"""A gateway with nothing but the rights of config/aws/template.yaml: here a real broker's ACL."""

import time
from pathlib import Path

from tests.gateway.race.test_commanded import start
from tests.support.backend import Backend
from tests.support.cloud_template import ARN, CloudTemplate
from tests.support.gateway_process import GatewayProcess
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
