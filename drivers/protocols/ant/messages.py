"""ANT's messages, as they travel between a computer and an ANT stick, or inside FE-C over BLE.

    A4 <length of the payload> <id> <payload> <checksum>

The checksum is the exclusive or of all bytes before it. The payload of data begins with the number
of the channel and has a page of 8 bytes; a stick may append which device has sent the page.

Source: Tigge/openant openant/base/message.py; "FE-C over BLE" 1.0.0 in
abellono/tacx-ios-bluetooth-example, whose text has another checksum than its own example.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import xor

BROADCAST_DATA = 0x4E
ACKNOWLEDGED_DATA = 0x4F

PAGE_BYTES = 8

_SYNC = 0xA4
#: Sync, length and id before the payload, the checksum after it.
_OVERHEAD_BYTES = 4
#: The longest payload of a message that a stick sends.
_MAX_PAYLOAD_BYTES = 40
#: Of the flags after a page: the number and the type of its device follow, 4 bytes.
_HAS_SENDER = 0x80


@dataclass(frozen=True, slots=True)
class AntMessage:
    """One message. The first byte of most payloads is the number of a channel."""

    id: int
    payload: bytes = b""


@dataclass(frozen=True, slots=True)
class ReceivedPage:
    """A page, and the device that has transmitted it; 0 if the stick does not report that."""

    channel: int
    page: bytes
    device_number: int = 0
    device_type: int = 0


def encode_message(message: AntMessage) -> bytes:
    """Encode a message. Raises ValueError if its payload is too long."""
    if len(message.payload) > _MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload has at most {_MAX_PAYLOAD_BYTES} bytes: {message}")
    unsealed = bytes((_SYNC, len(message.payload), message.id)) + message.payload
    return unsealed + bytes((_checksum(unsealed),))


def decode_message(data: bytes) -> AntMessage | None:
    """Decode a message; return None unless `data` is exactly one."""
    if len(data) < _OVERHEAD_BYTES or data[0] != _SYNC:
        return None
    if len(data) != data[1] + _OVERHEAD_BYTES or data[-1] != _checksum(data[:-1]):
        return None
    return AntMessage(data[2], data[3:-1])


def encode_page(received: ReceivedPage) -> AntMessage:
    """Return the message in which a stick passes on a page, with its device if that is known."""
    sender = b""
    if received.device_number:
        number = received.device_number.to_bytes(2, "little")
        sender = bytes((_HAS_SENDER, *number, received.device_type, 1))
    return AntMessage(BROADCAST_DATA, bytes((received.channel,)) + received.page + sender)


def decode_page(message: AntMessage) -> ReceivedPage | None:
    """Return the page in a message; None if it has none."""
    payload = message.payload
    if message.id not in (BROADCAST_DATA, ACKNOWLEDGED_DATA) or len(payload) < 1 + PAGE_BYTES:
        return None
    page, sender = payload[1 : 1 + PAGE_BYTES], payload[1 + PAGE_BYTES :]
    if len(sender) < 5 or not sender[0] & _HAS_SENDER:
        return ReceivedPage(payload[0], page)
    return ReceivedPage(payload[0], page, int.from_bytes(sender[1:3], "little"), sender[3])


class MessageReader:
    """Finds the messages in a stream of bytes that may be cut anywhere and contain junk."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[AntMessage]:
        """Return the messages that end within `data`."""
        messages: list[AntMessage] = []
        rest = self._rest + data
        while (start := rest.find(_SYNC)) >= 0:
            rest = rest[start:]
            length = rest[1] if len(rest) > 1 else 0
            if length <= _MAX_PAYLOAD_BYTES and len(rest) < length + _OVERHEAD_BYTES:
                self._rest = rest
                return messages
            message = decode_message(rest[: length + _OVERHEAD_BYTES])
            # A byte that only looks like the beginning of a message is skipped.
            rest = rest[1 if message is None else length + _OVERHEAD_BYTES :]
            messages += [] if message is None else [message]
        self._rest = b""
        return messages


def _checksum(data: Iterable[int]) -> int:
    return reduce(xor, data, 0)
