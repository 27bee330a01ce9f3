"""What only IotCore does; what every Uplink does is in tests/contracts/test_uplink.py."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.config import CloudConfig
from gateway.iot_core import IotCore
from gateway.uplink import Answer, Verdict
from tests.support.mosquitto import Authority, Mosquitto

TIMEOUT_S = 30
THREADS = 4
NOTES = 2000


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


async def test_notes_left_by_two_threads_at_once_are_all_read() -> None:
    """A publish may be answered on the caller's thread while awscrt's leaves a note of its own."""
    cloud = CloudConfig(endpoint="127.0.0.1", port=1, plaintext=True)
    uplink = IotCore(cloud, "gateway-1")
    read: list[int] = []
    everything = asyncio.Event()

    def handler(number: int) -> None:
        read.append(number)
        if len(read) == THREADS * NOTES:
            everything.set()

    def leave(first: int) -> None:
        for number in range(first, first + NOTES):
            uplink._note(handler, number)

    with ThreadPoolExecutor(THREADS) as pool:
        for first in range(0, THREADS * NOTES, NOTES):
            pool.submit(leave, first)
        async with asyncio.timeout(TIMEOUT_S):
            await everything.wait()
    assert sorted(read) == list(range(THREADS * NOTES))


async def test_a_bug_in_one_handler_does_not_strand_the_notes_behind_it() -> None:
    uplink = IotCore(CloudConfig(endpoint="127.0.0.1", port=1, plaintext=True), "gateway-1")
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: told.append(repr(context["exception"]))
    )
    read = asyncio.Event()
    uplink._note([].pop, 0)
    uplink._note(lambda _: read.set(), None)
    async with asyncio.timeout(TIMEOUT_S):
        await read.wait()
    assert told == ["IndexError('pop from empty list')"]
