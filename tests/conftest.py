"""For all tests: a bluetoothd to talk to, `--bike` for one of flesh and steel, or what it sent."""

import pytest
from hypothesis import Phase, settings

# Machines here are shared and noisy: how long an example takes says nothing about the code.
settings.register_profile("untimed", deadline=None)
# For `make test-the-tests`, which only asks whether there is a counterexample.
settings.register_profile("no-shrinking", phases=[Phase.explicit, Phase.generate], deadline=None)
settings.load_profile("untimed")

#: They ride in real time, or are killed again and again.
LONG = (
    "tests/e2e/",
    "tests/durability/",
    "tests/gateway/cli/test_calibrate",
    "tests/gateway/test_provisioning",
    "tests/gateway/test_buffer_promise",
    "tests/contracts/test_live_driver",
)

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread those that wait among those that compute, the last of them well before the end."""
    waiting = [item for item in items if item.nodeid.startswith(LONG)]
    others = [item for item in items if not item.nodeid.startswith(LONG)]
    share = len(others) * 7 // 10 // (len(waiting) or 1)
    items[:] = []
    for index, item in enumerate(waiting):
        items += [item, *others[index * share : (index + 1) * share]]
    items += others[len(waiting) * share :]
