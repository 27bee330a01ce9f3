"""The local cloud: a real process with broker, rule engine, Kinesis and consumer."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest

from gateway.cloud.iot_core import IotCore
from gateway.cloud.uplink import Answer, Ending, Feed
from gateway.race.results import decode_results
from gateway.simulation.cloud.client import (
    LocalCloud,
    LocalCloudError,
    open_local_cloud,
    port_of,
)
from gateway.simulation.cloud.results import RESULTS_TOPIC
from tests.support.telemetry import message

pytestmark = pytest.mark.slow

TIMEOUT_S = 30


class Listener:
    """Hears when the connection is up, and how many answers have come."""

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.answers: asyncio.Queue[Answer] = asyncio.Queue()

    def on_up(self) -> None:
        self.up.set()

    def on_down(self, reason: str, ending: Ending) -> None: ...

    def on_answer(self, ticket: int, answer: Answer) -> None:
        self.answers.put_nowait(answer)


@pytest.fixture
async def cloud() -> AsyncIterator[LocalCloud]:
    async with open_local_cloud() as cloud:
        yield cloud


async def test_local_cloud_result_has_all_that_was_acknowledged_and_its_duplicates(
    cloud: LocalCloud,
) -> None:
    uplink, listener = IotCore(cloud.config, "fleet-1"), Listener()
    uplink.start(listener)
    await listener.up.wait()
    sent = [message(second, race_id=3).to_json() for second in (1, 2, 2, 3)]
    for ticket, payload in enumerate(sent):
        uplink.publish(ticket, payload)
    for _ in sent:
        await listener.answers.get()
    result = await cloud.result()
    assert await cloud.report() == result
    assert (await cloud.count()).records == 4
    assert (result.records, result.duplicates, result.unreadable) == (4, 1, 0)
    assert [(one.race_id, one.racer_id, one.seconds_received) for one in result.standings] == [
        (3, 7, 3)
    ]
    assert list(result.shards) == [3]
    await uplink.stop()


async def test_local_cloud_publishes_the_results_of_a_thousand_racers(cloud: LocalCloud) -> None:
    uplink, listener = IotCore(cloud.config, "fleet-1"), Listener()
    taken: asyncio.Queue[bytes] = asyncio.Queue()
    uplink.subscribe(Feed(RESULTS_TOPIC, taken.put_nowait))
    uplink.start(listener)
    await listener.up.wait()
    for racer_id in range(1000):
        uplink.publish(racer_id, replace(message(1, race_id=3), racer_id=racer_id).to_json())
        if racer_id % 50 == 49:
            for _ in range(50):
                await listener.answers.get()
    async with asyncio.timeout(TIMEOUT_S):
        while len(results := decode_results(await taken.get()).outputs) < 1000:
            pass
    assert results.keys() == set(range(1000))
    await uplink.stop()


async def test_local_cloud_keeps_answers_apart_when_a_question_is_cancelled(
    cloud: LocalCloud,
) -> None:
    asking = asyncio.create_task(cloud.count())
    await asyncio.sleep(0)
    asking.cancel()
    assert (await cloud.result()).standings == []


async def test_local_cloud_that_has_died_is_an_error_with_its_exit_code(cloud: LocalCloud) -> None:
    cloud._process.kill()
    with pytest.raises(LocalCloudError, match="exited with code -9"):
        await cloud.count()


async def test_process_that_is_not_wanted_any_more_does_not_start_up_first() -> None:
    process = await asyncio.create_subprocess_exec("sleep", "60", stdout=asyncio.subprocess.PIPE)
    starting = asyncio.create_task(port_of(process))
    await asyncio.sleep(0)
    starting.cancel()
    with suppress(asyncio.CancelledError):
        await starting
    async with asyncio.timeout(TIMEOUT_S):
        assert await process.wait() == -signal.SIGKILL
