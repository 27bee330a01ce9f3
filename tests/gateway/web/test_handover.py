"""Handing over between threads: in order, at once, and without waiting."""

import asyncio
from threading import Thread

from gateway.web.handover import WAITING_MAX, Handover


async def test_items_of_another_thread_arrive_in_order() -> None:
    received: list[int] = []
    handover: Handover[int] = Handover()
    handover.open(asyncio.get_running_loop(), received.append)

    def give() -> None:
        for number in range(1000):
            handover.give(number)

    thread = Thread(target=give)
    thread.start()
    await asyncio.to_thread(thread.join)
    await asyncio.sleep(0)
    assert received == list(range(1000))


async def test_oldest_items_are_dropped_while_the_receiver_hangs() -> None:
    received: list[int] = []
    handover: Handover[int] = Handover()
    handover.open(asyncio.get_running_loop(), received.append)
    for number in range(WAITING_MAX + 5):
        handover.give(number)
    await asyncio.sleep(0)
    assert received == list(range(5, WAITING_MAX + 5))


def test_receiver_that_has_ended_or_not_begun_is_no_error() -> None:
    handover: Handover[int] = Handover()
    handover.give(1)
    loop = asyncio.new_event_loop()
    handover.open(loop, lambda _: None)
    loop.close()
    handover.give(2)
