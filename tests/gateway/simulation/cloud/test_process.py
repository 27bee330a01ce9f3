"""The process of the local cloud, by its own protocol; tests/…/test_client.py drives it further."""

import json
import subprocess
import sys

import pytest

from gateway.simulation.cloud import process

TIMEOUT_S = 60


@pytest.mark.slow
def test_cloud_process_answers_each_line_and_ends_when_its_input_closes() -> None:
    command = [sys.executable, "-m", process.__name__]
    ended = subprocess.run(
        command,
        input="count\nreport\nresult\n",
        stdout=subprocess.PIPE,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    ready, count, *reports = (json.loads(line) for line in ended.stdout.splitlines())
    assert ready["port"] > 0
    assert sum(count["by_shard"].values()) == 0
    assert (len(count["by_shard"]), count["delay_ms"]) == (process.SHARDS, None)
    nothing = {"records": 0, "duplicates": 0, "unreadable": 0, "rule_failures": 0}
    assert reports == [nothing | {"shards": {}, "standings": []}] * 2
