"""A lost byte costs its own message only, where a checksum or an end shows where the next begins.

Not covered are the protocols whose messages are whole notifications without a checksum: FTMS,
cycling power, speed and cadence, heart rate, cross trainers, Keiser, GymConnect, Schwinn and PM5.
"""

from dataclasses import dataclass

import pytest

from drivers.protocols import PROTOCOLS
from drivers.protocols.base import WireProtocol
from drivers.reading import Frame, Reading


@dataclass(frozen=True)
class Line:
    """Two messages of a protocol, and the request that is sent before each of them, if any."""

    protocol: str
    first: bytes
    second: bytes
    request: bytes = b""

    def connected(self) -> WireProtocol:
        return PROTOCOLS[self.protocol]()

    def heard(self, protocol: WireProtocol, *parts: bytes) -> list[Reading]:
        """Return the Readings of some parts that arrive after the request, one Frame each."""
        if self.request:
            protocol.feed(Frame(7, self.request, sent=True))
        return [one for part in parts for one in protocol.feed(Frame(7, part))]

    @property
    def readings(self) -> list[Reading]:
        """The Readings of the second message alone."""
        readings = self.heard(self.connected(), self.second)
        assert readings
        return readings


def line(protocol: str, first: str, second: str, request: str = "") -> Line:
    return Line(protocol, bytes.fromhex(first), bytes.fromhex(second), bytes.fromhex(request))


#: A checksum shows where a message begins.
CHECKED = {
    "peloton, ihaque/pelomon, cadence and power": line(
        "peloton", "f1 41 03 383830 d5 f6", "f1 44 05 3332393030 38 f6"
    ),
    "echelon, cagnulein/qdomyos-zwift and doudar/SmartSpin2k #237": line(
        "echelon",
        "f0d109 0000 0000 0001 005f 00 2a",
        "f0d109 0001 0000 0000 0000 00 cb",
    ),
    "flywheel, ptx2/gymnasticon, its test and a frame at rest": line(
        "flywheel",
        "ff1f0c 0122 0000 00 00 00 00 00 5a 0000 00 00 00000000 0000 00 0000000a 0000 0001 61 55",
        "ff1f0c 0000 0000 00 00 00 00 00 00 0000 00 00 00000000 0000 00 00000000 0000 0000 13 55",
    ),
    "iconsole, haraldh/iconsole": line(
        "iconsole",
        "f0b2 0101 0406 0311 013b 0107 010d 0101 0f33 09 02 63",
        "f0b2 0101 0406 0311 013b 0107 010d 0101 0f33 09 02 63",
    ),
    "domyos, cagnulein/qdomyos-zwift #1725 and #203": line(
        "domyos",
        "f0bc 0001001c0019001e0000000001000100530006000000 01 5c",
        "f0bc 0000000000e7005f0000000003000100680000000900 01 68",
    ),
    "fitshow, cagnulein/qdomyos-zwift, Sportstech FS-IB50": line(
        "fitshow", "02420247071e340000000000002a03", "024202000000000079000000023b03"
    ),
    "lines, JSON": Line(
        "lines", b'{"rpm": 82, "res": 417}\n', b'{"rpm": 90.5, "w": 150, "res": 420}\n'
    ),
}
#: Only the end of a message is known, or that it was requested.
ENDED = {
    "kettler, incyclist/devices": Line(
        "kettler",
        b"101\t047\t074\t002\t025\t0312\t01:12\t025\r\n",
        b"000\t075\t266\t001\t070\t0012\t00:36\t065\r\n",
    ),
    "lines, names": Line("lines", b"rpm=82.5 res=417*08\n", b"rpm=90 res=420\n"),
    "monark": Line("monark", b"120\r", b"131\r", request=b"power\r"),
    "daum, GoldenCheetah/GoldenCheetah": line(
        "daum",
        "40 00 0000 c0 13 00 00 f903 282e 0329 00 00 07 e432",
        "40 00 0000 40 05 00 00 0000 0000 0000 00 00 0a 0000",
        request="40 00",
    ),
}
ALL = CHECKED | ENDED


@pytest.mark.parametrize("spoken", ALL.values(), ids=ALL)
def test_message_after_a_lost_first_byte_is_decoded_at_once(spoken: Line) -> None:
    protocol = spoken.connected()
    spoken.heard(protocol, spoken.first[1:])
    assert spoken.heard(protocol, spoken.second) == spoken.readings


@pytest.mark.parametrize("spoken", CHECKED.values(), ids=CHECKED)
def test_message_directly_after_one_without_its_first_byte_is_decoded_at_once(
    spoken: Line,
) -> None:
    assert spoken.heard(spoken.connected(), spoken.first[1:] + spoken.second) == spoken.readings


@pytest.mark.parametrize("spoken", ALL.values(), ids=ALL)
def test_message_may_be_cut_anywhere(spoken: Line) -> None:
    for at in range(1, len(spoken.second)):
        parts = spoken.second[:at], spoken.second[at:]
        assert spoken.heard(spoken.connected(), *parts) == spoken.readings, parts


@pytest.mark.parametrize("spoken", CHECKED.values(), ids=CHECKED)
def test_beginning_of_another_message_does_not_hide_the_next_one(spoken: Line) -> None:
    for size in range(1, len(spoken.first)):
        beginning = spoken.first[:size].rstrip(b"\n}")
        protocol = spoken.connected()
        assert spoken.heard(protocol, beginning, spoken.second) == spoken.readings, beginning
        together = spoken.heard(spoken.connected(), beginning + spoken.second)
        assert together == spoken.readings, beginning


@pytest.mark.parametrize("spoken", CHECKED.values(), ids=CHECKED)
def test_messages_without_a_gap_are_all_decoded(spoken: Line) -> None:
    protocol = spoken.connected()
    readings = spoken.heard(protocol, spoken.first + spoken.second + spoken.first)
    assert [readings[0], readings[-1]] == spoken.heard(spoken.connected(), spoken.first) * 2
    assert spoken.readings[0] in readings
    assert protocol.unusable_bytes == 0


LONG_HEADERS = {
    "length 255": "f0 d1 ff",
    "several": "f0 f0 d1 f0 d1 09 f0 d1 ff",
    "length of the next message": "f0 a0 0c",
}


@pytest.mark.parametrize("junk", LONG_HEADERS.values(), ids=LONG_HEADERS)
def test_junk_that_looks_like_the_header_of_a_long_message_delays_nothing(junk: str) -> None:
    spoken = CHECKED["echelon, cagnulein/qdomyos-zwift and doudar/SmartSpin2k #237"]
    for header in (bytes.fromhex(junk), bytes.fromhex(junk) * 3):
        assert spoken.heard(spoken.connected(), header, spoken.second) == spoken.readings
        assert spoken.heard(spoken.connected(), header + spoken.second) == spoken.readings
