"""The page's server in its own thread, on a real socket, asked by a real client."""

import asyncio
import webbrowser
from collections.abc import Callable
from dataclasses import replace
from importlib import util
from queue import SimpleQueue

import pytest
from aiohttp import ClientSession

from gateway.simulation.page import server
from gateway.simulation.page.server import PageError, RacePage, open_page, shown
from gateway.simulation.scene import Scene, Summary
from tests.gateway.simulation.test_scene import demo_summary
from tests.gateway.simulation.test_view import DEMO
from tests.support.web_pages import event_named


class FakeNetwork:
    """A network, which remembers how it was switched."""

    def __init__(self) -> None:
        self.switched: list[bool] = []

    async def switch(self, is_up: bool) -> None:
        self.switched.append(is_up)


async def race_until(page: RacePage, over: asyncio.Event, show: Callable[[Scene], None]) -> Summary:
    """Show scenes until it is over."""
    second = 0
    while not over.is_set():
        second += 1
        show(replace(DEMO, at_ns=second))
        await asyncio.sleep(0.05)
    return demo_summary()


async def test_page_shows_scenes_and_at_the_end_the_account() -> None:
    page, over = open_page(in_browser=False), asyncio.Event()
    seen: list[Scene] = []
    race = asyncio.create_task(shown(page, seen.append, lambda show: race_until(page, over, show)))
    async with ClientSession() as session, session.get(page.url) as answer:
        assert '<base href="./">' in await answer.text()
        async with session.get(page.url.replace("demo", "events")) as stream:
            scene = await event_named(stream, "scene")
            assert scene["heading"].startswith("3 racers")
            over.set()
            account = await event_named(stream, "account")
    assert account["ok"]
    assert await race == demo_summary()
    assert len(seen) > 0


async def test_page_switches_the_network_in_the_races_loop() -> None:
    page, network = open_page(in_browser=False), FakeNetwork()
    async with page.served(), ClientSession() as session:
        url = page.url.replace("demo", "network")
        own = {"Origin": page.url.removesuffix("/demo")}
        async with session.post(url, json={"is_up": False}, headers=own) as answer:
            assert answer.status == 400, "there is no network yet"
        page.offer(network)
        for wanted, status in (({"is_up": False}, 204), ({"is_up": 1}, 400), ([], 400)):
            async with session.post(url, json=wanted, headers=own) as answer:
                assert answer.status == status
        other = {"Origin": "http://elsewhere.example"}
        async with session.post(url, json={"is_up": True}, headers=other) as answer:
            assert answer.status == 403
    assert network.switched == [False]


async def test_race_that_fails_takes_its_page_with_it_though_somebody_watches() -> None:
    page = open_page(in_browser=False)

    async def race(show: Callable[[Scene], None]) -> Summary:
        url = page.url.replace("demo", "events")
        async with ClientSession() as session, session.get(url) as stream:
            await event_named(stream, "hello")
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(20):
            await shown(page, lambda _: None, race)


async def test_race_without_a_page_is_shown_all_the_same() -> None:
    seen: list[Scene] = []

    async def race(show: Callable[[Scene], None]) -> Summary:
        show(DEMO)
        return demo_summary()

    assert await shown(None, seen.append, race) == demo_summary()
    assert seen == [DEMO]


def test_page_without_aiohttp_is_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_spec(name: str) -> object:
        return None if name == "aiohttp" else util.find_spec(name)

    monkeypatch.setattr(server, "find_spec", find_spec)
    with pytest.raises(PageError, match="pip install aiohttp"):
        open_page(in_browser=True)


async def test_page_is_opened_in_a_browser_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: SimpleQueue[str] = SimpleQueue()
    monkeypatch.setattr(webbrowser, "open", opened.put)
    page = open_page(in_browser=True)
    async with page.served():
        assert opened.get(timeout=60) == page.url
