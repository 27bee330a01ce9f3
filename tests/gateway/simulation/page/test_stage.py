import asyncio
import json
from dataclasses import replace
from typing import Any

from gateway.simulation.page.frame import account_of, frame_of
from gateway.simulation.page.stage import Spectator, Stage
from gateway.timing.units import NS_PER_S
from tests.gateway.simulation.page.test_patch import applied
from tests.gateway.simulation.test_scene import demo_summary
from tests.gateway.simulation.test_view import DEMO, racing


async def events(spectator: Spectator) -> list[tuple[str, Any]]:
    data = (await spectator.take()).decode()
    found = [event.split("\n") for event in data.split("\n\n") if event]
    return [(name[7:], json.loads(text[6:])) for name, text in found]


async def test_spectator_who_missed_scenes_has_the_same_picture_as_one_who_saw_all() -> None:
    stage = Stage()
    scenes = [
        replace(DEMO, at_ns=number * NS_PER_S, moment=racing(number), network_is_up=number % 3 > 0)
        for number in range(1, 8)
    ]
    with stage.spectator() as quick, stage.spectator() as slow:
        pictures: dict[Spectator, Any] = {quick: {}, slow: {}}
        for number, scene in enumerate(scenes):
            stage.take(scene)
            for one in (quick, slow) if number in (2, 6) else (quick,):
                name, change = (await events(one))[0]
                assert name == "scene"
                pictures[one] = applied(pictures[one], change)
        assert pictures[quick] == pictures[slow] == frame_of(scenes[-1])


async def test_spectator_gets_a_second_scene_as_its_differences() -> None:
    stage = Stage()
    with stage.spectator() as spectator:
        stage.take(DEMO)
        await events(spectator)
        stage.take(replace(DEMO, network_is_up=False))
        assert dict(await events(spectator)) == {
            "scene": {"network_is_up": False, "troubles": ["network DOWN"]},
            "news": [{"second": 37, "text": "network cut"}],
        }


async def test_spectator_gets_a_beat_when_nothing_happens() -> None:
    with Stage().spectator() as spectator:
        async with asyncio.timeout(20):
            assert await events(spectator) == [("beat", {})]


async def test_spectator_who_comes_late_reads_the_last_news() -> None:
    stage = Stage()
    for number in range(13):
        stage.take(replace(DEMO, network_is_up=number % 2 == 0))
    with stage.spectator() as spectator:
        texts = [news["text"] for news in dict(await events(spectator))["news"]]
    assert texts == ["network cut", "network restored"] * 4


async def test_spectator_gets_the_account_and_then_nothing() -> None:
    stage = Stage()
    stage.take(DEMO)
    stage.take(demo_summary())
    stage.end()
    with stage.spectator() as spectator:
        assert (await events(spectator))[-1] == ("account", account_of(demo_summary()))
        assert await spectator.take() == b""


async def test_spectator_of_a_race_that_is_broken_off_is_told_so_and_sent_away() -> None:
    stage = Stage()
    with stage.spectator() as spectator:
        await events(spectator)
        stage.end()
        assert await events(spectator) == [("broken_off", {})]
        assert await spectator.take() == b""
