"""What every Uplink does: IotCore against a real broker, and the fake that other tests use."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from gateway.cloud.iot_core import IotCore
from gateway.cloud.uplink import Answer, Ending, Uplink, Verdict
from gateway.config.cloud import CloudConfig
from gateway.simulation.demo.network import open_network
from gateway.simulation.fleet.meter import Meter, MeteredUplink
from gateway.timing.clock import SystemClock
from tests.support.fake_uplink import FakeUplink
from tests.support.mosquitto import Authority, Mosquitto
from tests.support.subscriber import Subscriber

TIMEOUT_S = 30


@dataclass
class Listener:
    """Keeps what it is told, in order."""

    told: list[tuple[object, ...]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_up(self) -> None:
        self._tell("up")

    def on_down(self, reason: str, ending: Ending) -> None:
        self._tell("down", reason)

    def on_answer(self, ticket: int, answer: Answer) -> None:
        self._tell("answer", ticket, answer.verdict)

    def _tell(self, *what: object) -> None:
        self.told.append(what)
        self.changed.set()

    def count(self, kind: str) -> int:
        return sum(what[0] == kind for what in self.told)

    async def heard(self, kind: str, times: int = 1) -> None:
        async with asyncio.timeout(TIMEOUT_S):
            while self.count(kind) < times:
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Rig:
    """An Uplink, with a hand on its line and an eye on what arrives."""

    uplink: Uplink
    connect: Callable[[], Awaitable[None]]
    cut: Callable[[], Awaitable[None]]
    mute: Callable[[], Awaitable[None]]  # from here on the broker does not answer
    delivered: Callable[[], list[bytes]]
    end: Callable[[], None]
    listener: Listener = field(default_factory=Listener)


async def fake_rig() -> AsyncIterator[Rig]:
    uplink = FakeUplink()

    async def connect() -> None:
        uplink.connect()

    async def cut() -> None:
        uplink.cut()

    async def mute() -> None:
        uplink.answer = lambda _: None

    yield Rig(uplink, connect, cut, mute, lambda: uplink.delivered, lambda: None)


async def real_rig(directory: Path) -> AsyncIterator[Rig]:
    authority = Authority(directory / "ca")
    broker = Mosquitto(directory / "broker", authority)
    broker.start()
    subscriber = Subscriber(broker.port, authority.issue("subscriber"))
    credentials = authority.issue("gateway-1")
    async with open_network(broker.port) as network:
        await network.cut()
        cloud = CloudConfig(
            endpoint="127.0.0.1",
            port=network.port,
            ca_file=credentials.ca_file,
            certificate_file=credentials.certificate_file,
            private_key_file=credentials.private_key_file,
            reconnect_max_s=1,
        )
        uplink = IotCore(cloud, "gateway-1")

        async def mute() -> None:
            broker.pause()

        yield Rig(
            uplink, network.restore, network.cut, mute, lambda: subscriber.payloads, broker.resume
        )
        await uplink.stop()
    subscriber.stop()
    broker.stop()


async def metered_rig() -> AsyncIterator[Rig]:
    """The fleet's, around another one."""
    async for rig in fake_rig():
        rig.uplink = MeteredUplink(rig.uplink, Meter(), SystemClock(), ())
        yield rig


@pytest.fixture(params=["fake", "metered", "real"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    rigs = {"fake": fake_rig, "metered": metered_rig}.get(
        request.param, partial(real_rig, tmp_path)
    )
    async for rig in rigs():
        rig.uplink.start(rig.listener)
        await rig.connect()
        await rig.listener.heard("up")
        yield rig
        rig.end()


async def test_uplink_delivers_each_message_and_answers_once(rig: Rig) -> None:
    for ticket in (1, 2, 3):
        rig.uplink.publish(ticket, b'{"n":%d}' % ticket)
    await rig.listener.heard("answer", 3)
    answers = [what for what in rig.listener.told if what[0] == "answer"]
    assert sorted(answers) == [("answer", n, Verdict.ACCEPTED) for n in (1, 2, 3)]
    async with asyncio.timeout(TIMEOUT_S):
        while len(rig.delivered()) < 3:  # noqa: ASYNC110 the subscriber is a thread of its own
            await asyncio.sleep(0.01)
    assert rig.delivered() == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


async def test_uplink_answers_open_messages_after_on_down_when_cut(rig: Rig) -> None:
    await rig.mute()
    rig.uplink.publish(1, b"{}")
    rig.uplink.publish(2, b"{}")
    await asyncio.sleep(0)
    await rig.cut()
    await rig.listener.heard("answer", 2)
    told = [what[0] for what in rig.listener.told]
    told = told[told.index("up") :]  # a busy machine may need a second try to connect
    assert told[:4] == ["up", "down", "answer", "answer"]
    verdicts = {what[2] for what in rig.listener.told if what[0] == "answer"}
    # Who cuts a line may let the broker's end look as if it had hung up.
    assert verdicts <= {Verdict.RETRY, Verdict.SUSPECT}
    assert all(what[1] for what in rig.listener.told if what[0] == "down"), "with a reason"


@pytest.mark.slow
async def test_uplink_reconnects_without_answers_from_before(rig: Rig) -> None:
    await rig.cut()
    await rig.listener.heard("down")
    await rig.connect()
    await rig.listener.heard("up", 2)
    rig.uplink.publish(7, b"{}")
    await rig.listener.heard("answer")
    assert [what for what in rig.listener.told if what[0] == "answer"] == [
        ("answer", 7, Verdict.ACCEPTED)
    ]


async def test_uplink_tells_nothing_after_stop(rig: Rig) -> None:
    await rig.mute()
    rig.uplink.publish(1, b"{}")
    await asyncio.sleep(0)
    await rig.uplink.stop()
    told = list(rig.listener.told)
    await rig.cut()
    await asyncio.sleep(0.05)
    assert rig.listener.told == told
