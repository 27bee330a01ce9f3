"""MQTT 5 on the wire, as far as a stand-in for a broker needs it. Pure."""

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """The kinds of packets: the upper half of the first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    SUBSCRIBE = 8
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14


@dataclass(frozen=True, slots=True)
class Publish:
    """A PUBLISH. `packet_id`: None at QoS 0, where no answer is expected."""

    packet_id: int | None
    payload: bytes


class Splitter:
    """A splitter of received bytes into whole packets with their headers."""

    def __init__(self) -> None:
        self._bytes = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Add bytes; return the packets that are whole. Raises ValueError if this is not MQTT."""
        self._bytes += chunk
        packets = []
        while (end := _end_of_packet(self._bytes)) is not None and end <= len(self._bytes):
            packets.append(self._bytes[:end])
            self._bytes = self._bytes[end:]
        return packets


def kind_of(packet: bytes) -> int:
    return packet[0] >> 4


def parse_publish(packet: bytes) -> Publish:
    body = _body(packet)
    topic_bytes = int.from_bytes(body[:2])
    body = body[2 + topic_bytes :]
    packet_id = None
    if packet[0] & 0b110:  # QoS
        packet_id, body = int.from_bytes(body[:2]), body[2:]
    properties_bytes, start = _read_length(body)
    return Publish(packet_id, body[start + properties_bytes :])


def parse_puback(packet: bytes) -> tuple[int, int]:
    """Return (packet id, reason); a PUBACK without a reason means success, 0."""
    body = _body(packet)
    return int.from_bytes(body[:2]), body[2] if len(body) > 2 else 0


def parse_disconnect(packet: bytes) -> int:
    """Return the reason; 0 is a normal end."""
    body = _body(packet)
    return body[0] if body else 0


def encode_connect(client_id: str, keep_alive_s: int = 60) -> bytes:
    clean_start, no_properties = 2, b"\0"
    head = _text("MQTT") + bytes([5, clean_start]) + keep_alive_s.to_bytes(2)
    return _packet(Kind.CONNECT, 0, head + no_properties + _text(client_id))


def encode_publish(topic: str, packet_id: int, payload: bytes) -> bytes:
    """Return a PUBLISH at QoS 1."""
    no_properties = b"\0"
    head = _text(topic) + packet_id.to_bytes(2) + no_properties
    return _packet(Kind.PUBLISH, 0b010, head + payload)


def encode_puback(packet_id: int, reason: int) -> bytes:
    return _packet(Kind.PUBACK, 0, packet_id.to_bytes(2) + bytes([reason]))


def encode_disconnect(reason: int) -> bytes:
    return _packet(Kind.DISCONNECT, 0, bytes([reason]))


def _packet(kind: Kind, flags: int, body: bytes) -> bytes:
    return bytes([kind << 4 | flags]) + _length(len(body)) + body


def _body(packet: bytes) -> bytes:
    _, start = _read_length(packet[1:])
    return packet[1 + start :]


def _end_of_packet(data: bytes) -> int | None:
    """Return the end of the first packet, even if incomplete; None if not known yet."""
    is_length_whole = any(byte < 0x80 for byte in data[1:5])
    if not is_length_whole and len(data) < 5:
        return None
    length, start = _read_length(data[1:])
    return 1 + start + length


def _read_length(data: bytes) -> tuple[int, int]:
    """Return (value, its bytes): seven bits a byte, lowest first, at most four bytes."""
    value = 0
    for index, byte in enumerate(data[:4]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, index + 1
    raise ValueError(f"not a variable byte integer: {data[:4].hex()}")


def _length(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2) + encoded
