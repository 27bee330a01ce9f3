import pytest

from tests.vm.disk_log import FLUSH, HEADER, MAGIC, SUPER, Flush, Write, cuts, read_log

SECTOR = 512
DISK = bytes(4 * SECTOR)
ONES, TWOS = b"\1" * SECTOR, b"\2" * SECTOR


def entry(sector: int = 0, data: bytes = b"", flags: int = 0) -> bytes:
    header = HEADER.pack(sector, len(data) // SECTOR, flags, 0)
    return header.ljust(SECTOR, b"\0") + data


def log(*entries: bytes) -> bytes:
    return SUPER.pack(MAGIC, 1, len(entries), SECTOR).ljust(SECTOR, b"\0") + b"".join(entries)


def test_writes_and_flushes_come_in_their_order() -> None:
    of_both = log(entry(1, ONES + TWOS), entry(flags=FLUSH), entry(0, TWOS))
    assert list(read_log(of_both)) == [Write(SECTOR, ONES + TWOS), Flush(), Write(0, TWOS)]


def test_a_write_with_a_flush_comes_behind_it() -> None:
    assert list(read_log(log(entry(2, ONES, FLUSH)))) == [Flush(), Write(2 * SECTOR, ONES)]


def test_entry_that_the_super_block_does_not_count_is_not_read() -> None:
    assert list(read_log(log() + entry(1, ONES))) == []


@pytest.mark.parametrize("flags", [2, 4])
def test_entry_that_is_neither_write_nor_flush_is_refused(flags: int) -> None:
    with pytest.raises(ValueError, match="entry 0 has the flags"):
        list(read_log(log(entry(0, ONES, flags))))


def test_file_without_a_super_block_is_no_log() -> None:
    with pytest.raises(ValueError, match="not a log"):
        list(read_log(bytes(SECTOR)))


def test_a_cut_loses_what_was_written_since_the_last_flush() -> None:
    first, second, third = cuts(
        DISK,
        log(
            *(entry(0, ONES), entry(flags=FLUSH)),
            *(entry(0, TWOS), entry(3, TWOS), entry(flags=FLUSH), entry(1, ONES)),
        ),
    )
    assert (first.disk, first.lost) == (DISK, (Write(0, ONES),))
    assert (second.disk, len(second.lost)) == (ONES + DISK[SECTOR:], 2)
    assert (third.disk, third.lost) == (
        TWOS + bytes(2 * SECTOR) + TWOS,
        (Write(SECTOR, ONES),),
    )
