"""Child processes of the demo whose parent is gone when they are ready: killed, or interrupted."""

import os
import subprocess
import sys
from types import ModuleType

import pytest

from gateway.simulation.cloud import kinesis, process

TIMEOUT_S = 60


@pytest.mark.slow
@pytest.mark.parametrize("module", [kinesis, process], ids=["kinesis", "process"])
def test_process_whose_parent_is_gone_ends_without_a_traceback(module: ModuleType) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", module.__name__],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")
