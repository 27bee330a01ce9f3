"""Limits of this process are changed in one of their own."""

import subprocess
import sys
import time

import pytest

from gateway.simulation.fleet.process import Usage

ALLOW = """
import resource
from gateway.simulation.fleet.plan import FleetError
from gateway.simulation.fleet.process import allow_connections
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 500))
try:
    allow_connections({connections})
except FleetError as error:
    print(error)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(
    ("connections", "says"),
    [
        (50, ["200"]),
        (300, ["400"]),
        (
            900,
            [
                "900 connections need 1000 open files, but this computer allows only 500 "
                "(ulimit -Hn): raise that limit, or use fewer --connections",
                "200",
            ],
        ),
    ],
)
def test_open_file_limit_is_raised_as_far_as_needed_and_possible(
    connections: int, says: list[str]
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ALLOW.format(connections=connections)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert ended.stdout.splitlines() == says


@pytest.mark.slow
def test_usage_counts_the_cpu_of_this_process_since_it_was_made() -> None:
    usage, busy_until_s = Usage(), time.process_time() + 0.2
    while time.process_time() < busy_until_s:
        pass
    busy = usage.cores
    time.sleep(0.2)
    assert 0 < usage.cores < busy
    assert usage.peak_mib > 5
