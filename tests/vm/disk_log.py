"""What QEMU's blklogwrites wrote down of a disk, and what a pulled plug would have left of it.

The disk is taken for one with a volatile cache: of all writes, only those before the last
completed flush are on it. The format is that of Linux' dm-log-writes (its documentation:
admin-guide/device-mapper/log-writes.rst): a sector with the super block, then for each request a
sector with its header, and its data.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = 0x6A736677736872
#: Magic, version, number of entries, bytes of a sector.
SUPER = struct.Struct("<QQQI")
#: First sector, number of sectors, flags, length of the data (0 but for marks).
HEADER = struct.Struct("<QQQQ")
FLUSH = 1


@dataclass(frozen=True, slots=True)
class Write:
    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Flush:
    """All writes before it are on the disk."""


def read_log(log: bytes) -> Iterator[Write | Flush]:
    """In the order in which the disk was asked. Raises ValueError."""
    magic, version, entries, sector_bytes = SUPER.unpack_from(log)
    if (magic, version) != (MAGIC, 1):
        raise ValueError(f"not a log of blklogwrites: {magic:#x}, version {version}")
    at = sector_bytes
    for number in range(entries):
        sector, sectors, flags, _ = HEADER.unpack_from(log, at)
        if flags not in (0, FLUSH):
            raise ValueError(f"entry {number} has the flags {flags}, expected writes and flushes")
        at += sector_bytes
        if flags == FLUSH:
            yield Flush()
        if sectors:
            yield Write(sector * sector_bytes, log[at : at + sectors * sector_bytes])
            at += sectors * sector_bytes


@dataclass(frozen=True, slots=True)
class Cut:
    """What is on the disk whenever the plug is pulled until the next flush is over."""

    disk: bytes
    #: Written since, and lost.
    lost: tuple[Write, ...]


def cuts(disk: bytes, log: bytes) -> Iterator[Cut]:
    """From a disk as it was before the log: one cut for each flush in it, and the one before."""
    content, cached = bytearray(disk), list[Write]()
    kept = disk
    for entry in read_log(log):
        match entry:
            case Write():
                cached.append(entry)
            case Flush():
                yield Cut(kept, tuple(cached))
                for write in cached:
                    content[write.at : write.at + len(write.data)] = write.data
                kept = bytes(content)
                cached.clear()
    yield Cut(kept, tuple(cached))
