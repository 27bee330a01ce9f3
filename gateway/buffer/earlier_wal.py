"""The write-ahead log of an earlier development checkout: finds what SQLite ignores there.

At the first frame whose checksum does not fit, SQLite stops reading, without an error. The format
is described on https://sqlite.org/walformat.html.
"""

import struct
from functools import partial
from typing import BinaryIO

#: The magic number, which is odd if the checksums are of big-endian words, and the page's bytes.
_HEADER = struct.Struct(">I4xI4x8s8s")
#: The salts and the checksum. What is before them is part of the checksum, the salts are not.
_FRAME = struct.Struct(">8x8s8s")
_MAGIC = 0x377F0682
#: What the checksum covers of the header, and of the header of a frame.
_HEADER_COVERED, _FRAME_COVERED = 24, 8
_WORD_BYTES = 4
#: Bytes read at a time of what is no log.
_PART_BYTES = 65_536


def has_damage(wal: BinaryIO) -> bool:
    """Return whether there are frames that SQLite ignores although they belong to the others.

    Behind the last frame there may be some of an earlier round, with other salts, whose pages are
    in the database; or zeros, after a power cut. Raises OSError if the disk does not return all.
    """
    header = wal.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    magic, page_bytes, salts, expected = _HEADER.unpack(header)
    order = ">" if magic & 1 else "<"
    checksum = _checksum(header[:_HEADER_COVERED], order, bytes(8))
    if magic | 1 != _MAGIC | 1 or checksum != expected:
        return any(header) or any(map(any, iter(partial(wal.read, _PART_BYTES), b"")))
    size, is_over = _FRAME.size + page_bytes, False
    while len(frame := wal.read(size)) == size:
        found, expected = _FRAME.unpack_from(frame)
        if found[:4] != salts[:4] and found[4:] != salts[4:]:
            is_over = True
            continue
        checksum = _checksum(frame[:_FRAME_COVERED] + frame[_FRAME.size :], order, checksum)
        if is_over or found != salts or checksum != expected:
            return True
    return False


def _checksum(data: bytes, order: str, before: bytes) -> bytes:
    """Return the checksum of the data and of what the checksum `before` covers."""
    words = iter(struct.unpack(f"{order}{len(data) // _WORD_BYTES}I", data))
    one, other = struct.unpack(">2I", before)
    for first, second in zip(words, words, strict=True):
        one = one + first + other & 0xFFFFFFFF
        other = other + second + one & 0xFFFFFFFF
    return struct.pack(">2I", one, other)
