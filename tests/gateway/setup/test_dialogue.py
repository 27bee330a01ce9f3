"""What `setup` shows of a scan; the whole dialogue: tests/gateway/cli/test_setup.py."""

import io

from rich.console import Console

from gateway.setup.dialogue import look_around


def test_scan_without_discoverers_finds_nothing_and_returns() -> None:
    console = Console(file=io.StringIO(), width=80)
    scan = look_around(console, {}, seconds=0.1)
    assert (scan.bikes, scan.problems) == ([], {})
