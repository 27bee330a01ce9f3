"""A device that asks the network for a name, as a phone does: `mdns_query.py FROM NAME TYPE`.

It runs in a network namespace of its own, where it asks from the address FROM, and prints the
records that answer, as JSON: pairs of a type and a value.
"""

import json
import socket
import struct
import sys

MDNS = ("224.0.0.251", 5353)
TYPES = {"A": 1, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33}
#: How often to ask, and how long to wait for an answer, in seconds.
TRIES, ANSWER_S = 3, 0.4

Record = tuple[str, str]


def ask(own_address: str, name: str, type_: str) -> list[Record]:
    """Return the records in the first answer; an empty list if nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own_address))
        asking.settimeout(ANSWER_S)
        for _ in range(TRIES):
            asking.sendto(_question(name, TYPES[type_]), MDNS)
            try:
                return _records(asking.recv(9000))
            except TimeoutError:
                continue
    return []


def _question(name: str, type_: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 0, 0, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", type_, 1)


def _records(packet: bytes) -> list[Record]:
    _, _, questions, *counts = struct.unpack_from("!6H", packet)
    at = 12
    for _ in range(questions):
        at = _name(packet, at)[1] + 4
    found = []
    for _ in range(sum(counts)):
        _, at = _name(packet, at)
        type_, _, _, length = struct.unpack_from("!HHIH", packet, at)
        at += 10
        found.append(_record(packet, at, length, type_))
        at += length
    return found


def _record(packet: bytes, at: int, length: int, type_: int) -> Record:
    data = packet[at : at + length]
    name = next((name for name, number in TYPES.items() if number == type_), str(type_))
    match name:
        case "A":
            return name, socket.inet_ntop(socket.AF_INET, data)
        case "AAAA":
            return name, socket.inet_ntop(socket.AF_INET6, data)
        case "PTR":
            return name, _name(packet, at)[0]
        case "SRV":
            return name, f"{_name(packet, at + 6)[0]}:{struct.unpack_from('!H', data, 4)[0]}"
    return name, data.decode("latin-1")


def _name(packet: bytes, at: int) -> tuple[str, int]:
    """Return the name at an offset, and where it ends."""
    labels: list[str] = []
    while packet[at]:
        if packet[at] >= 0xC0:
            pointer = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
            return ".".join([*labels, _name(packet, pointer)[0]]), at + 2
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels), at + 1


if __name__ == "__main__":
    print(json.dumps(ask(*sys.argv[1:])))
