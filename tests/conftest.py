"""For all tests: which are slow, a bluetoothd to talk to, and options that name a real bike."""

import asyncio
import re
import signal
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from drivers.ble.bluez import BlueZ
from drivers.ble.errors import reason_of
from drivers.clock import MachineClock
from drivers.protocols import PROTOCOLS

BLUETOOTH_ADDRESS = "([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"

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
        help="a bike to test with: a Bluetooth address, a serial port and its protocol, as in "
        "/dev/ttyUSB0:peloton, or an ANT device, as in ant:1234; somebody should ride it",
    )
    parser.addoption(
        "--stepped-capture",
        metavar="FILE",
        help="the recording of a Peloton's stepped resistance knob, 22 positions of about 10 s, as "
        "published in ihaque/pelomon: peloton_decoding/resistance-stepped-10s.bin",
    )


def pytest_configure(config: pytest.Config) -> None:
    bike = config.getoption("--bike")
    if bike is not None and re.fullmatch(BLUETOOTH_ADDRESS, bike):
        if not config.getoption("--collect-only"):
            _expect_bluetooth(bike)
    elif bike is not None and not bike.startswith("ant:"):
        _expect_the_port(bike)
    # A shell starts its background jobs with Ctrl-C ignored, and their children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _expect_bluetooth(bike: str) -> None:
    """Refuse a Bluetooth bike if there is no adapter that is on."""
    try:
        adapters = asyncio.run(BlueZ(MachineClock()).adapters())
    except OSError as error:
        raise pytest.UsageError(f"--bike={bike}: {reason_of(error)}") from None
    if not any(adapters.values()):
        raise pytest.UsageError(
            f"--bike={bike}: no Bluetooth adapter is on; `bluetoothctl list` shows the adapters"
        )


def _expect_the_port(bike: str) -> None:
    """Refuse a serial port that is not there, for which each test would wait."""
    port, _, protocol = bike.rpartition(":")
    if not port:
        raise pytest.UsageError(f"--bike={bike}: expected its protocol too, as in {bike}:peloton")
    if protocol not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise pytest.UsageError(f"--bike={bike}: {protocol!r} is no protocol; expected {known}")
    if not port.startswith("socket://") and not Path(port).exists():
        raise pytest.UsageError(f"--bike={bike}: there is no port {port}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Select the tests of a real bike or all others; mark the tests of slow folders.

    The latter except for those that `make test` runs all the same.
    """
    is_real = config.getoption("--bike") is not None
    left_out = [one for one in items if (one.get_closest_marker("hardware") is None) == is_real]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [one for one in items if (one.get_closest_marker("hardware") is None) != is_real]
    for item in items:
        if item.path.parent in SLOW_FOLDERS and item.get_closest_marker("smoke") is None:
            item.add_marker(pytest.mark.slow)
