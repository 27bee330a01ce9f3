"""What `setup` shows of a scan; the whole dialogue: tests/gateway/cli/test_setup.py."""

import io
from collections.abc import AsyncIterator

from rich.console import Console

from drivers.discovery import FoundBike
from gateway.setup.dialogue import look_around


def test_scan_without_discoverers_finds_nothing_and_returns() -> None:
    console = Console(file=io.StringIO(), width=80)
    scan = look_around(console, {}, seconds=0.1)
    assert (scan.bikes, scan.problems) == ([], {})


class Twins:
    """A driver that finds two bikes with the same name."""

    async def discover(self, seconds: float) -> AsyncIterator[FoundBike]:
        del seconds
        for number in (1, 2):
            yield FoundBike("BIKE", f"40:00:00:00:00:0{number}", "is a bike", {"name": "BIKE"})


def test_bikes_that_no_config_can_distinguish_are_named() -> None:
    console = Console(file=(shown := io.StringIO()), width=80)
    look_around(console, {"ble": Twins()}, seconds=0.1)
    words = " ".join(shown.getvalue().split())
    assert "40:00:00:00:00:01, 40:00:00:00:00:02 cannot be distinguished" in words
