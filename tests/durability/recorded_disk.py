"""What a power cut may leave of files whose every write and sync was recorded by the BadDisk.

Other than a copied disk (loop_disk.py) it loses whatever may be lost: of what was not synced any
page may be on the disk or not, in any order, and torn between two sectors; a file whose directory
was not synced may be gone, and an unlinked one may be back. After a sync that failed its pages
count as written and are not, and programs still see them: so do ext4 and XFS (Rebello et al., "Can
Applications Recover from fsync Failures?", USENIX ATC 2020). What was synced is there.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

PAGE_BYTES, SECTOR_BYTES = 4096, 512
#: As `struct header` in tests/support/bad_disk.c.
HEADER = struct.Struct("<qqqii")


class What(IntEnum):
    """As `enum change` in tests/support/bad_disk.c."""

    WRITE = 0
    TRUNCATE = 1
    UNLINK = 2
    SYNC = 3
    FAILED_SYNC = 4


@dataclass(frozen=True, slots=True)
class Change:
    """One system call, and when it was over on the monotonic clock."""

    what: What
    path: Path
    done_ns: int
    offset: int
    data: bytes


def read_changes(record: Path) -> Iterator[Change]:
    """In the order in which they were made."""
    recorded = record.read_bytes()
    at = 0
    while at < len(recorded):
        done_ns, offset, length, path_length, what = HEADER.unpack_from(recorded, at)
        path_at = at + HEADER.size
        data_at = path_at + path_length
        at = data_at + length
        path = Path(recorded[path_at:data_at].decode())
        yield Change(What(what), path, done_ns, offset, recorded[data_at:at])


@dataclass(slots=True)
class File:
    """`cache` is what programs see, `disk` what a power cut leaves for certain."""

    cache: bytearray = field(default_factory=bytearray)
    disk: bytearray = field(default_factory=bytearray)
    #: Numbers of the pages that the kernel still means to write.
    dirty: set[int] = field(default_factory=set)
    #: The shortest that it has been since it was last synced; the disk may not know it yet.
    cut_to: int | None = None

    def write(self, offset: int, data: bytes) -> None:
        end = offset + len(data)
        self._resize(self.cache, max(end, len(self.cache)))
        self.cache[offset:end] = data
        self.dirty.update(range(offset // PAGE_BYTES, (end - 1) // PAGE_BYTES + 1))

    def truncate(self, length: int) -> None:
        if length < len(self.cache):
            self.cut_to = min(length, len(self.disk) if self.cut_to is None else self.cut_to)
        self._resize(self.cache, length)
        self.dirty = {page for page in self.dirty if page * PAGE_BYTES < length}

    def sync(self) -> None:
        self._cut(self.disk)
        self.cut_to = None
        self._resize(self.disk, len(self.cache))
        for page in self.dirty:
            self._put(self.disk, page)
        self.dirty.clear()

    def fail_to_sync(self) -> None:
        self.dirty.clear()

    def after_a_cut(self, chance: random.Random) -> bytes:
        """One of the contents that the disk may have."""
        left = bytearray(self.disk)
        if chance.random() < 0.5:
            self._cut(left)
        if chance.random() < 0.5:
            self._resize(left, max(len(left), len(self.cache)))
        share = chance.choice((0.0, 0.5, 0.9, 1.0))
        for page in sorted(self.dirty):
            if chance.random() < share:
                self._put(left, page, None if chance.random() < 0.8 else chance)
        return bytes(left)

    def _cut(self, content: bytearray) -> None:
        if self.cut_to is not None:
            del content[self.cut_to :]

    def _put(self, content: bytearray, page: int, torn_by: random.Random | None = None) -> None:
        """Write a page of the cache, or only some sectors of it."""
        end = min((page + 1) * PAGE_BYTES, len(self.cache))
        self._resize(content, max(end, len(content)))
        for at in range(page * PAGE_BYTES, end, SECTOR_BYTES):
            until = min(at + SECTOR_BYTES, end)
            if torn_by is None or torn_by.random() < 0.5:
                content[at:until] = self.cache[at:until]

    @staticmethod
    def _resize(content: bytearray, length: int) -> None:
        del content[length:]
        content.extend(bytes(length - len(content)))


class RecordedDisk:
    """The files below `directory` as the changes applied so far have made them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[Path, File] = {}
        #: Files and directories that have been synced under their names.
        self._named: set[Path] = {directory}
        #: May be back until any sync, which writes the file system's own log, in order.
        self._unlinked: dict[Path, File] = {}

    def apply(self, change: Change) -> None:
        if change.what is What.UNLINK:
            if change.path in self._files:
                self._unlinked[change.path] = self._files.pop(change.path)
            return
        if change.what is What.SYNC:
            self._unlinked.clear()
            self._named |= {path for path in self._known() if path.parent == change.path}
        if change.path in self._known() - self._files.keys():
            return  # a directory
        file = self._files.setdefault(change.path, File())
        match change.what:
            case What.WRITE:
                file.write(change.offset, change.data)
            case What.TRUNCATE:
                file.truncate(change.offset)
            case What.FAILED_SYNC:
                file.fail_to_sync()
            case What.SYNC:
                file.sync()

    def _known(self) -> set[Path]:
        """Return all files and directories."""
        return {self._directory, *self._files, *(path.parent for path in self._files)}

    def after_a_cut(self, chance: random.Random) -> dict[Path, bytes]:
        """One of the states that the disk may be in."""
        kept = {path for path in self._known() if path in self._named or chance.random() < 0.5}
        files = {path: file for path, file in self._files.items() if {path, path.parent} <= kept}
        if self._unlinked and chance.random() < 0.5:
            files |= self._unlinked
        return {path: file.after_a_cut(chance) for path, file in files.items()}
