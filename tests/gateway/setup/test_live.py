"""A bike is shown live until it has sent something for some seconds, or nothing in time."""

import io

from rich.console import Console

from gateway.config.editor import Machine
from gateway.setup.live import show_live


def test_bike_that_sends_values_is_shown() -> None:
    screen = io.StringIO()
    assert show_live(Console(file=screen, width=80), Machine("fake", {"wire": "ftms"}), 5, 0.5)
    assert "the bike: connected" in screen.getvalue()


def test_bike_that_sends_nothing_in_time_is_reported() -> None:
    screen = io.StringIO()
    machine = Machine("serial", {"port": "/dev/nowhere", "protocol": "peloton"})
    assert not show_live(Console(file=screen, width=80), machine, 0.6, 0.1)
    assert "the bike: connecting" in screen.getvalue()
