"""What the demo explains before it begins."""

import io

import pytest
from rich.console import Console

from gateway.simulation.cloud.leaderboard import score
from gateway.simulation.demo.session import DemoOptions
from gateway.simulation.demo.view import print_introduction


def introduction(options: DemoOptions, columns: int = 400, url: str | None = None) -> str:
    console = Console(file=io.StringIO(), width=columns, color_system=None)
    print_introduction(console, options, url)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_introduction_names_what_runs_and_what_will_happen() -> None:
    text = introduction(DemoOptions(bikes=8, race_s=21, outage_s=6, seed=1))
    assert "8 simulated bikes race for 21 s" in text
    assert "bike → gateway → MQTT broker → IoT rule → Kinesis stream → leaderboard" in text
    assert "From second 7, the network is down for 6 s" in text


def test_introduction_has_the_address_of_the_page_if_there_is_one() -> None:
    options = DemoOptions(bikes=8, race_s=20, outage_s=6, seed=1)
    address = "http://127.0.0.1:41234/demo"
    assert f"Watch it in a browser: {address}\n" in introduction(options, columns=20, url=address)
    assert "browser" not in introduction(options)


def test_introduction_explains_the_score_by_the_backends_formula() -> None:
    text = introduction(DemoOptions(bikes=8, race_s=20, outage_s=6, seed=1))
    assert "(rpm + 35) × (% + 65) / 100" in text
    assert score(95.0, 49.0) == (95.0 + 35) * (49.0 + 65) / 100
    assert '"Here now"' in text
    assert '"Final"' in text
    assert "docs/scores.md" in text


def test_introduction_of_one_bike_without_an_outage_announces_none() -> None:
    text = introduction(DemoOptions(bikes=1, race_s=20, outage_s=0, seed=1))
    assert "A simulated bike races for 20 s on this computer, with a gateway of its own" in text
    assert "network" not in text


def test_introduction_of_one_bike_speaks_of_one_gateway() -> None:
    text = introduction(DemoOptions(bikes=1, race_s=20, outage_s=6, seed=1))
    assert "the gateway buffers its messages on disk, and sends them afterwards." in text


@pytest.mark.parametrize("columns", [40, 80])
def test_introduction_breaks_no_word(columns: int) -> None:
    options = DemoOptions(bikes=8, race_s=20, outage_s=6, seed=1)
    lines = introduction(options, columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert " ".join(" ".join(lines).split()) == " ".join(introduction(options).split())


def test_introduction_leaves_room_for_the_race_on_a_terminal_of_24_lines() -> None:
    options = DemoOptions(bikes=8, race_s=20, outage_s=6, seed=1)
    assert len(introduction(options, 80).splitlines()) <= 9
