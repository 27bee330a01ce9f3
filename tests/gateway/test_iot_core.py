"""What only IotCore does; what every Uplink does is in tests/contracts/test_uplink.py."""

import asyncio
from pathlib import Path

from gateway.config import CloudConfig
from gateway.iot_core import IotCore
from gateway.uplink import Answer, Verdict
from tests.support.mosquitto import Authority, Mosquitto

TIMEOUT_S = 30


class Listener:
    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.answered = asyncio.Event()
        self.answers: list[Answer] = []

    def on_up(self) -> None:
        self.up.set()

    def on_down(self, reason: str) -> None: ...

    def on_answer(self, ticket: int, answer: Answer) -> None:
        self.answers.append(answer)
        self.answered.set()


async def test_a_topic_we_may_not_publish_to_is_a_refusal_with_its_reason(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    acl = tmp_path / "acl"
    acl.write_text("topic read #\n")
    broker = Mosquitto(tmp_path, authority, settings=f"acl_file {acl}")
    broker.start()
    credentials = authority.issue("gateway-1")
    cloud = CloudConfig(
        endpoint="127.0.0.1",
        port=broker.port,
        ca_file=credentials.ca_file,
        certificate_file=credentials.certificate_file,
        private_key_file=credentials.private_key_file,
    )
    listener = Listener()
    uplink = IotCore(cloud, "gateway-1")
    uplink.start(listener)
    async with asyncio.timeout(TIMEOUT_S):
        await listener.up.wait()
        uplink.publish(1, b"{}")
        await listener.answered.wait()
    assert listener.answers == [Answer(Verdict.REFUSED, "not authorised to publish to this topic")]
    await uplink.stop()
    broker.stop()
