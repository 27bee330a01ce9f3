"""A pulled plug costs at most the last second: real Buffer, real ext4, real time.

See loop_disk.py for what a cut is here. That it would find a loss is shown by writers that sync
too little.
"""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.buffer.log_format import DIRECTORY_NAME
from tests.durability.cuts import Cut, Writer
from tests.durability.loop_disk import LoopDisk, open_loop_disk
from tests.durability.writer import INTERVAL_S
from tests.support.bad_disk import BadDisk

CUTS = 50
#: Enough for a writer that syncs too little to be found out.
CUTS_OF_A_BAD_WRITER = 5
#: Before the first one, so much has been promised.
FIRST_CUT_AFTER_S = 0.2

#: On the disk.
BUFFER = Path("state", DIRECTORY_NAME)


@pytest.fixture
def loop_disk() -> Iterator[LoopDisk]:
    with open_loop_disk() as loop_disk:
        yield loop_disk


@pytest.fixture
def writer(loop_disk: LoopDisk, tmp_path: Path) -> Writer:
    return Writer(loop_disk.directory / BUFFER, tmp_path / "told")


def cuts(writer: Writer, loop_disk: LoopDisk, number: int) -> Iterator[Cut]:
    """So many, at random instants, once there is something older than the interval."""
    chance = random.Random(number)
    time.sleep(INTERVAL_S + FIRST_CUT_AFTER_S)
    for _ in range(number):
        time.sleep(chance.uniform(0, 0.3))
        with loop_disk.cut() as (cut_ns, directory):
            cut = writer.judge(cut_ns, directory / BUFFER)
        yield cut


def test_power_cut_loses_no_message_older_than_the_interval(
    loop_disk: LoopDisk, writer: Writer
) -> None:
    with writer.writing():
        for number, cut in enumerate(cuts(writer, loop_disk, CUTS)):
            assert cut.broken_promises == {}, f"cut {number}: age of each in seconds"
            assert cut.all_as_produced
            assert cut.lost_s, "what is only in memory survives no power cut"


def test_power_cuts_expose_a_writer_that_does_not_sync(loop_disk: LoopDisk, writer: Writer) -> None:
    with writer.writing("--unsynced", "data"):
        found = list(cuts(writer, loop_disk, CUTS_OF_A_BAD_WRITER))
    assert any(cut.broken_promises for cut in found)


def test_power_cuts_expose_a_sync_that_lies(
    loop_disk: LoopDisk, writer: Writer, tmp_path: Path
) -> None:
    lying = BadDisk(tmp_path, loop_disk.directory)
    lying.set("fsync-lies")
    with writer.writing(environment=lying.environment):
        found = list(cuts(writer, loop_disk, CUTS_OF_A_BAD_WRITER))
    assert any(cut.broken_promises for cut in found)
