"""The format of the buffer's files, byte by byte. Pure.

    file    header, records, then zeros up to the end of the space that was laid out ahead
    header  "ALLEYLOG", version (2), CRC (4)
    record  marker A1 1E, CRC (4), size of the body (4), kind (1), 0, messages in it (2),
            messages before it (4), done with or damaged so far (4), highest id so far (8), body,
            size of the record (4)
    body    of messages: for each its id (8), its size (4), and the message; all of it deflated
            (RFC 1951) with the preset dictionary DICTIONARY; in the quarantine, a message begins
            with a line that has its race and the reason;
            of messages that are done with: the id (8) of each

Numbers are little-endian; a CRC is CRC32C. That of a record starts from the salt, a number that no
other file has, and covers the header and all that follows the CRC: neither what an earlier file has
left in a block nor a record of another version passes for a record. The salt, and the kind of
messages in a file, are in its name. Records are numbered by their messages: the next sound one
shows how many a damaged one had. The size at the end leads from the end of a closed file to its
last record, whose totals are those of the file.

The format assumes of the device that a sector of 512 bytes is written whole or not at all: if a
write is torn, the earlier records in the same block stay as they were.
"""

import re
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from typing import Self

from awscrt.checksums import crc32c

from gateway.host.errors import GatewayError

VERSION = 1
#: The logs' directory in the state directory.
DIRECTORY_NAME = "buffer"
#: In place of a race id: seconds that were ridden before the wall clock was set.
UNDATED = -1
_MAGIC = b"ALLEYLOG"
_MARKER = b"\xa1\x1e"
_HEADER = struct.Struct("<8sH")
_NUMBER = struct.Struct("<I")
HEADER_BYTES = _HEADER.size + _NUMBER.size

_FIELDS = struct.Struct("<IBxHIIQ")
_FIELDS_AT = len(_MARKER) + _NUMBER.size
_BODY_AT = _FIELDS_AT + _FIELDS.size
#: The size at the end of a record.
SIZE_BYTES = _NUMBER.size
#: The bytes of a record around its body, and the most that any record has.
OVERHEAD_BYTES = _BODY_AT + SIZE_BYTES
RECORD_MAX_BYTES = 4 << 20
#: As many messages as a log can have; a damaged number may be higher.
_LOST_MAX = 1 << 11

_MESSAGE = struct.Struct("<QI")
_ID = struct.Struct("<Q")
#: What a message looks like, the most frequent part at the end: with it, a message of 260 bytes
#: takes 80, without it 190. Part of the version.
DICTIONARY = (
    b'"heartRate":"speed":"distance":"simulated":true"samples":300}"resistanceSource":"derived"none"'
    b'device"calibrated","power":0.0}{"uuid":"","event":"final"update","deviceTimestamp":1795247503000'
    b',"second":1,"raceId":5984158,"name":"","racerId":1,"classId":1,"cadence":80.0,"resistance":40.0,'
    b'"bikeId":"bike-001"'
)
_RAW_DEFLATE = -15
#: With 100 bikes it takes half of the time of the default, and makes a tick 10 % larger.
_LEVEL = 3

_NAME = re.compile(r"(\d{16,20})-([RUQ])(-?\d+)-([0-9a-f]{8})\.log")

Message = tuple[int, bytes]


class LogKind(IntEnum):
    """The messages that a log holds."""

    RACE = ord("R")
    UNDATED = ord("U")
    QUARANTINE = ord("Q")


class RecordKind(IntEnum):
    MESSAGES = ord("M")
    #: Ids of messages that are done with; none in the record that closes a file.
    DONE = ord("D")


class NewerLogError(GatewayError):
    """The file is of a newer version. The text is that version."""


@dataclass(frozen=True, slots=True, order=True)
class LogName:
    """The name of a log, which shows its kind even if its bytes are lost. Names sort by age."""

    #: The lowest id in the log.
    first_id: int
    kind: LogKind
    race_id: int
    salt: int

    @classmethod
    def parse(cls, name: str) -> Self | None:
        """Return the name in its parts; None if it is not that of a log."""
        found = _NAME.fullmatch(name)
        if found is None:
            return None
        first_id, kind, race_id, salt = found.groups()
        return cls(int(first_id), LogKind(ord(kind)), int(race_id), int(salt, 16))

    def __str__(self) -> str:
        return f"{self.first_id:016}-{chr(self.kind)}{self.race_id}-{self.salt:08x}.log"


def encode_header(version: int = VERSION) -> bytes:
    fields = _HEADER.pack(_MAGIC, version)
    return fields + _NUMBER.pack(crc32c(fields))


HEADER = encode_header()


def check_version(data: bytes) -> None:
    """Raise NewerLogError for a log of a newer version. A damaged header has no version."""
    header = data[:HEADER_BYTES]
    if len(header) == HEADER_BYTES:
        _, version = _HEADER.unpack_from(header)
        if version > VERSION and header == encode_header(version):
            raise NewerLogError(str(version))


@dataclass(frozen=True, slots=True)
class RecordHead:
    """A record without its body. `done` and `highest_id` include it; `before` does not."""

    kind: RecordKind
    count: int
    before: int
    done: int
    highest_id: int

    @property
    def total(self) -> int:
        """The number of messages up to its end."""
        return self.before + self.count


@dataclass(slots=True)
class Contents:
    """What a log holds. `lost`: messages of damaged records; they are part of `total`.

    `done`: the number of messages that are done with, damaged ones included.
    """

    messages: dict[int, bytes] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    lost: int = 0
    highest_id: int = 0
    #: The end of the last sound record.
    end: int = HEADER_BYTES
    #: Where something damaged begins, and how many bytes it has.
    damage: list[tuple[int, int]] = field(default_factory=list)
    #: Damaged bytes at the end that do not show how many messages they had.
    uncounted_bytes: int = 0
    #: The end of the last part that the disk did not return.
    unread_until: int = 0


def encode_record(salt: int, kind: RecordKind, body: bytes, *numbers: int) -> bytes:
    """Encode a record. `numbers`: messages in it and before it, done with, highest id."""
    if len(body) > RECORD_MAX_BYTES:
        raise ValueError(f"a record of {len(body)} bytes would not be read")
    size = _NUMBER.pack(OVERHEAD_BYTES + len(body))
    covered = _FIELDS.pack(len(body), kind, *numbers) + body + size
    return _MARKER + _NUMBER.pack(_crc(covered, salt)) + covered


def _crc(covered: bytes, salt: int) -> int:
    crc: int = crc32c(covered, crc32c(HEADER, salt))
    return crc


def encode_messages(messages: Sequence[Message]) -> bytes:
    deflate = zlib.compressobj(_LEVEL, wbits=_RAW_DEFLATE, zdict=DICTIONARY)
    body = b"".join(_MESSAGE.pack(id_, len(payload)) + payload for id_, payload in messages)
    return deflate.compress(body) + deflate.flush()


def encode_ids(ids: Iterable[int]) -> bytes:
    return b"".join(map(_ID.pack, ids))


def encode_quarantined(race_id: int, reason: str, payload: bytes) -> bytes:
    """Encode what the log of the quarantine has in place of a message."""
    return f"{race_id} {' '.join(reason.split())}\n".encode() + payload


def decode_quarantined(message: bytes) -> tuple[int, str, bytes]:
    """Return the race, the reason and the payload of a quarantined message."""
    head, _, payload = message.partition(b"\n")
    race_id, _, reason = head.partition(b" ")
    return int(race_id), reason.decode(errors="replace"), payload


def decode_record(data: bytes, at: int, salt: int) -> tuple[RecordHead, bytes, int] | None:
    """Return the record at `at`, its body and its end; None unless it is whole and sound."""
    if not data.startswith(_MARKER, at) or len(data) - at < OVERHEAD_BYTES:
        return None
    body_bytes, kind, *numbers = _FIELDS.unpack_from(data, at + _FIELDS_AT)
    end = at + OVERHEAD_BYTES + body_bytes
    if end > len(data) or body_bytes > RECORD_MAX_BYTES:
        return None
    (crc,) = _NUMBER.unpack_from(data, at + len(_MARKER))
    if crc != _crc(data[at + _FIELDS_AT : end], salt):
        return None
    record = RecordHead(RecordKind(kind), *numbers)
    return record, data[at + _BODY_AT : end - SIZE_BYTES], end


def decode_closing_record(end: bytes, salt: int) -> RecordHead | None:
    """Return the record that closes a log, decoded from its last bytes; None if it has none.

    A single flipped bit is set right: without this record, damage before it would not be counted.
    """
    if len(end) != OVERHEAD_BYTES:
        return None
    whole = int.from_bytes(end)
    for flip in chain([0], (1 << bit for bit in range(8 * len(end)))):
        decoded = decode_record((whole ^ flip).to_bytes(len(end)), 0, salt)
        if decoded is not None:
            return decoded[0]
    return None


def decode_log(data: bytes, salt: int) -> Contents:
    """Decode all records of a log; what is damaged is passed over, up to the next sound one."""
    found, at = Contents(), HEADER_BYTES
    while at >= 0:
        decoded = decode_record(data, at, salt)
        if decoded is None:
            at = data.find(_MARKER, at + 1)
            continue
        record, body, end = decoded
        if at > found.end:
            found.damage.append((found.end, at - found.end))
        found.lost += max(0, record.before - found.total)
        found.total, found.highest_id = record.total, max(found.highest_id, record.highest_id)
        if record.kind is RecordKind.MESSAGES:
            found.messages.update(_decode_messages(record, body))
        else:
            for (id_,) in _ID.iter_unpack(body):
                # The same id in a later record is that of another message.
                found.messages.pop(id_, None)
                found.done += 1
        found.end = at = end
    rest = data[found.end :].rstrip(b"\0")
    if rest:
        found.damage.append((found.end, len(rest)))
        _count_damaged_end(rest, found)
    return found


def _count_damaged_end(rest: bytes, found: Contents) -> None:
    """Count the messages behind the last sound record, by numbers that no CRC vouches for."""
    padded, at, end = rest + bytes(_BODY_AT), 0, 0
    while at >= 0:
        body_bytes, kind, count, before, *_ = _FIELDS.unpack_from(padded, at + _FIELDS_AT)
        follows = at == end and rest.startswith(_MARKER, at)
        lost = count if follows else before + count - found.total
        if kind in tuple(RecordKind) and count <= lost <= _LOST_MAX:
            found.total += lost
            found.lost += lost
            end = at + OVERHEAD_BYTES + body_bytes
        at = rest.find(_MARKER, at + 1)
    if len(rest) - end > OVERHEAD_BYTES:  # what is shorter has no messages
        found.uncounted_bytes = len(rest) - end


def _decode_messages(record: RecordHead, body: bytes) -> Iterable[Message]:
    inflate = zlib.decompressobj(_RAW_DEFLATE, DICTIONARY)
    body, at = inflate.decompress(body), 0
    for _ in range(record.count):
        id_, size = _MESSAGE.unpack_from(body, at)
        at += _MESSAGE.size + size
        yield id_, body[at - size : at]
