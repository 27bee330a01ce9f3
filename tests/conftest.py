"""For all tests: which are slow, a bluetoothd to talk to, and options that name a real bike."""

import signal
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# Machines are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("quick", max_examples=10, deadline=None)
# For `make test-all`.
settings.register_profile("thorough", max_examples=100, deadline=None)
# For `make test-the-tests`, which only asks whether there is a counterexample, and finds the same
# one on every machine.
settings.register_profile(
    "counterexample",
    max_examples=300,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    deadline=None,
)
settings.load_profile("quick")

#: Folders whose tests are slow: they race in real time, spoil disks and kill processes.
SLOW_FOLDERS = tuple(Path(__file__).with_name(name) for name in ("durability", "e2e"))

pytest_plugins = ["tests.support.bluez_fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--bike",
        metavar="ADDRESS_OR_PORT[:PROTOCOL]",
        help="a bike to test with: a Bluetooth address, or a serial port and its protocol, as in "
        "/dev/ttyUSB0:peloton; somebody should ride it",
    )
    parser.addoption(
        "--stepped-capture",
        metavar="FILE",
        help="the recording of a Peloton's stepped resistance knob, 22 positions of about 10 s, as "
        "published in ihaque/pelomon: peloton_decoding/resistance-stepped-10s.bin",
    )


def pytest_configure() -> None:
    # A shell starts its background jobs with Ctrl-C ignored, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of slow folders, except for those that `make test` runs all the same."""
    for item in items:
        if item.path.parent in SLOW_FOLDERS and item.get_closest_marker("smoke") is None:
            item.add_marker(pytest.mark.slow)
