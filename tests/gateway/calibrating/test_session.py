"""What a session hears comes to who listens, in order; who is slow misses Readings alone."""

import asyncio

from drivers import Reading
from gateway.bike.link import LinkState
from gateway.calibrating.session import WAITING_MAX, CalibrationNews
from gateway.calibrating.state import CalibrationError, LinkStatus

CONNECTED = LinkStatus(LinkState.CONNECTED)
LOST = LinkStatus(LinkState.LOST, "gone")


async def heard(news: CalibrationNews) -> list[Reading | LinkStatus | str]:
    """All until the end, and why it came."""
    found: list[Reading | LinkStatus] = []
    listening = news.listen()
    try:
        while True:
            found.append(await anext(listening))
    except CalibrationError as error:
        return [*found, str(error)]


def reading(at_ns: int) -> Reading:
    return Reading(at_ns, resistance_raw=500)


async def test_news_begin_with_the_link_and_go_on_in_order() -> None:
    news = CalibrationNews(lambda: CONNECTED)
    news.tell(reading(0))  # nobody listens yet
    listening = asyncio.create_task(heard(news))
    await asyncio.sleep(0)
    news.tell(reading(1))
    await asyncio.sleep(0)
    news.tell(LOST)
    news.tell(reading(2))
    news.end("over")
    assert await listening == [CONNECTED, reading(1), LOST, reading(2), "over"]


async def test_a_slow_listener_misses_the_oldest_readings_and_no_change_of_the_link() -> None:
    news = CalibrationNews(lambda: CONNECTED)
    listening = asyncio.create_task(heard(news))
    await asyncio.sleep(0)
    news.tell(LOST)
    for at_ns in range(2 * WAITING_MAX):
        news.tell(reading(at_ns))
    news.end("over")
    first, second, *readings, _ = await listening
    assert (first, second) == (CONNECTED, LOST)
    assert readings == [reading(at_ns) for at_ns in range(WAITING_MAX + 1, 2 * WAITING_MAX)]


async def test_a_link_that_flaps_unheard_is_kept_as_it_was_last() -> None:
    news = CalibrationNews(lambda: CONNECTED)
    listening = asyncio.create_task(heard(news))
    await asyncio.sleep(0)
    for _ in range(WAITING_MAX):
        news.tell(LOST)
        news.tell(CONNECTED)
    news.end("over")
    *links, _ = await listening
    assert len(links) == 1 + WAITING_MAX, "one was heard before"
    assert links[-1] == CONNECTED


async def test_news_may_have_two_listeners() -> None:
    news = CalibrationNews(lambda: CONNECTED)
    both = [asyncio.create_task(heard(news)) for _ in range(2)]
    await asyncio.sleep(0)
    news.tell(reading(1))
    news.end("over")
    assert await asyncio.gather(*both) == [[CONNECTED, reading(1), "over"]] * 2


async def test_news_after_the_end_are_the_reason_alone() -> None:
    news = CalibrationNews(lambda: LOST)
    news.end("over")
    assert await heard(news) == [LOST, "over"]
