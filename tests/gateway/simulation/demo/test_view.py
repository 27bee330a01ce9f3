import io
import json

import pytest
from rich.console import Console

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus
from gateway.buffer.status import BufferStatus
from gateway.race.races import Race
from gateway.sampling.sampler import Sample
from gateway.simulation.cloud.consumer import Standing
from gateway.simulation.demo.scene import Scene
from gateway.simulation.demo.view import leaderboard, open_view, print_summary, summary_json
from gateway.status.snapshot import CloudStatus, GatewayStatus
from tests.gateway.simulation.demo.test_scene import summary
from tests.support.statuses import gateway_status

RACE = Race(7, start_ms=280_000, length_s=40)


def racer(name: str, depth: int = 0, cloud: str = "connected") -> GatewayStatus:
    sample = Sample(present=True, cadence_rpm=80.5, resistance_percent=41.0, power_w=112.0)
    bike = BikeStatus("bike", name, LinkState.CONNECTED, "", sample)
    return gateway_status(
        bike,
        cloud=CloudStatus(cloud, 1, int(cloud == "connected"), 1.0, state_s=9.0),
        buffer=BufferStatus(depth, on_disk=0),
    )


def scene(second: int, *gateways: GatewayStatus, network_up: bool = True) -> Scene:
    return Scene(
        race=RACE,
        now_ms=RACE.start_ms + second * 1000,
        network_up=network_up,
        gateways=gateways,
        standings=(Standing(7, 2, "Bruno", 145.25, 9, 3, is_final=False),),
        produced=24,
        in_kinesis=20,
    )


def shown(console: Console, *scenes: Scene) -> str:
    with open_view(console) as show:
        for one in scenes:
            show(one)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_elsewhere_than_on_a_terminal_it_is_lines_and_events() -> None:
    console = Console(file=io.StringIO(), width=80)
    racers = (racer("Ada"), racer("Bruno", depth=4))
    seconds = [scene(second, *racers) for second in range(-3, 9)]
    lines = shown(
        console, *seconds, scene(9, *racers, network_up=False), scene(10, *racers)
    ).splitlines()
    assert lines[0].startswith("start in 3 s · network up · 24 produced · 4 buffered")
    assert lines[1].startswith("second   2 of 40")
    assert [line for line in lines if line.startswith("network")] == [
        "network cut",
        "network restored",
    ]
    assert lines[2].endswith("20 in Kinesis · Bruno leads with 145.2")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_on_a_terminal_the_leaderboard_fits_the_screen(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True)
    racers = [racer("Bruno", depth=4, cloud="network down")]
    racers += [racer(f"Rider{n}") for n in range(60)]
    with console.capture() as capture:
        console.print(leaderboard(scene(12, *racers), height))
    lines = capture.get().splitlines()
    assert len(lines) < height
    assert any("1 │" in line and "Bruno" in line and "offline" in line for line in lines)
    assert any("more" in line for line in lines)


def test_the_summary_says_how_it_went() -> None:
    console = Console(file=io.StringIO(), width=80)
    print_summary(console, summary(lost=3))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "10 produced, 7 in Kinesis: 3 LOST, 0 duplicates, each race on one shard" in text
    assert "race 7 → shard-1" in text


def test_the_json_is_one_line_with_the_counts() -> None:
    line = summary_json(summary())
    assert "\n" not in line
    assert json.loads(line)["shards"] == {"7": ["shard-1"]}
