"""iFit's messages, chunks and registers, against published ones and against every byte there is."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.bluetooth.ifit import (
    BIKE,
    CADENCE,
    DISTANCE,
    GENERAL,
    INFORMATION,
    OK,
    POWER,
    PULSE,
    READ,
    REGISTER_BYTES,
    REQUEST_EVERY_NS,
    RESISTANCE,
    SPEED,
    STUDIO_BIKE,
    WANTED,
    ChunkJoiner,
    Ifit,
    IfitMessage,
    chunks_of,
    decode_bitmap,
    decode_message,
    decode_values,
    encode_bitmap,
    encode_message,
    encode_read,
    encode_values,
)
from drivers.reading import Frame, Reading
from tests.support.bluez import Bluez, bikes
from tests.support.bluez.riding import ride
from tests.support.wire import assert_wire

SECOND = 1_000_000_000
TREADMILL = 0x04
RIDE = {RESISTANCE: 4086, POWER: 123, DISTANCE: 348, CADENCE: 51, PULSE: 0x04_01_50_78, SPEED: 779}
RIDE_READING = Reading(
    at_ns=7,
    cadence_rpm=51,
    resistance_raw=4086,
    resistance_percent=40.86,
    power_w=123,
    speed_kmh=7.79,
    heart_rate_bpm=120,
)

MESSAGES = {
    "zwifit request.test.js, information": (
        "020402 04 02 04 81 87",
        IfitMessage(GENERAL, INFORMATION),
    ),
    "zwifit request.test.js, capabilities": (
        "020402 04 04 04 80 88",
        IfitMessage(TREADMILL, 0x80),
    ),
    "qdomyos-zwift tst/fitpro, commands": ("020402 04 02 04 88 8e", IfitMessage(GENERAL, 0x88)),
    "qdomyos-zwift tst/fitpro, reads the mode of a bike": (
        "020402 08 07 08 02 00 020010 23",
        encode_read(BIKE, [12]),
    ),
    "bike-controller, GX LE, reads eighteen registers": (
        "020402 13 07 13 02 00 0d3c9e31000040400080 00000085 b9",
        encode_read(BIKE, [2, 3, 4, 5, 9, 10, 11, 12, 15, 16, 20, 21, 46, 54, 71, 96, 98, 103]),
    ),
    "ianchi/ifit IFIT_PROTOCOL.md, firmware": (
        "010402 1c 04 1c 84 02 50a300302e312e30363132323031372e30393038012a03 16",
        IfitMessage(
            TREADMILL,
            0x84,
            b"\x02\x50\xa3\x000.1.06122017.0908\x01\x2a\x03",
            is_answer=True,
        ),
    ),
    "ianchi/ifit IFIT_PROTOCOL.md, reference": (
        "010402 21 04 21 82 02 6400014d2409002cfe0500780036e8030024f400f401010001020000 61",
        IfitMessage(
            TREADMILL,
            0x82,
            bytes.fromhex("026400014d2409002cfe0500780036e8030024f400f401010001020000"),
            is_answer=True,
        ),
    ),
}


@pytest.mark.parametrize(("raw", "value"), MESSAGES.values(), ids=MESSAGES)
def test_ifit_message_reads_and_writes(raw: str, value: IfitMessage) -> None:
    assert_wire(value, raw, decode_message, encode_message)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("", id="empty"),
        pytest.param("0104021c041c810250000000000000000ed3fefbdbfcfb3b0ce71e", id="zwifit, cut"),
        pytest.param("0304020402048187", id="another prefix"),
        pytest.param("0204020502048187", id="another length"),
        pytest.param("0204020402058188", id="another second length"),
        pytest.param("0204020402048186", id="another checksum"),
    ],
)
def test_malformed_ifit_message_decodes_to_none(raw: str) -> None:
    assert decode_message(bytes.fromhex(raw)) is None


CHUNKS = {
    "zwifit request.test.js, 8 bytes": ("abcdefgh", "fe020802 ff086162636465666768"),
    "zwifit request.test.js, 18 bytes": (
        "abcdefghabcdefghab",
        "fe021202 ff12616263646566676861626364656667686162",
    ),
    "zwifit request.test.js, 19 bytes": (
        "abcdefghabcdefghabc",
        "fe021303 0012616263646566676861626364656667686162 ff0163",
    ),
    "zwifit request.test.js, 40 bytes": (
        "abcdefgh" * 5,
        "fe022804 0012616263646566676861626364656667686162 "
        "0112636465666768616263646566676861626364 ff0465666768",
    ),
}


@pytest.mark.parametrize(("raw", "chunks"), CHUNKS.values(), ids=CHUNKS)
def test_message_is_cut_and_joined(raw: str, chunks: str) -> None:
    cut = [bytes.fromhex(chunk) for chunk in chunks.split()]
    assert chunks_of(raw.encode()) == cut
    for size_bytes in (0, 20):  # as they are, and padded
        joiner = ChunkJoiner()
        assert [joiner.join(chunk.ljust(size_bytes, b"\0")) for chunk in cut][-1] == raw.encode()
        assert joiner.unusable_bytes == 0


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param("ff0461626364", id="no header"),
        pytest.param("fe020402 ff0561626364", id="shorter than it claims"),
        pytest.param("fe020402 ff03616263", id="another length"),
        pytest.param("fe020402 000461626364", id="the last one not marked"),
        pytest.param("fe020403 ff0461626364", id="one missing"),
        pytest.param("fe020403 010261626364 ff026364", id="another order"),
        pytest.param("fe020402 ff", id="too short"),
    ],
)
def test_chunks_that_make_no_message_are_unusable(chunks: str) -> None:
    joiner = ChunkJoiner()
    assert not any(joiner.join(bytes.fromhex(chunk)) for chunk in chunks.split())
    assert joiner.unusable_bytes > 0
    good = [joiner.join(chunk) for chunk in chunks_of(b"the next good one")]
    assert good[-1] == b"the next good one"


@given(st.binary(min_size=1, max_size=255))
def test_joined_chunks_are_the_message(raw: bytes) -> None:
    joiner = ChunkJoiner()
    assert [joiner.join(chunk) for chunk in chunks_of(raw)][-1] == raw


BITMAPS = {
    "zwifit request.test.js, km/h": ({0}, "01 01"),
    "zwifit request.test.js, incline": ({1}, "01 02"),
    "zwifit request.test.js, actual km/h": ({16}, "03 000001"),
    "zwifit request.test.js, energy and average incline": ({13, 16, 52}, "07 00200100000010"),
    "ianchi/ifit IFIT_PROTOCOL.md": ({4, 10, 16, 17, 20}, "03 100413"),
    "synthetic, none": (set(), "00"),
}


@pytest.mark.parametrize(("registers", "bitmap"), BITMAPS.values(), ids=BITMAPS)
def test_bitmap_reads_and_writes(registers: set[int], bitmap: str) -> None:
    assert_wire(frozenset(registers), bitmap, decode_bitmap, encode_bitmap)


@pytest.mark.parametrize("data", ["", "02", "ff"])
def test_bitmap_that_is_cut_has_no_registers(data: str) -> None:
    assert decode_bitmap(bytes.fromhex(data)) == frozenset()


VALUES = {
    "zwifit request.test.js, limits": (
        "e803 0000 d007 6400 00",
        {27: 1000, 28: 0, 30: 2000, 31: 100, 49: 0},
    ),
    "ianchi/ifit IFIT_PROTOCOL.md": (
        "40e20100 78500a04 2c01 5802 78000000",
        {4: 123456, 10: 0x040A5078, 16: 300, 17: 600, 20: 120},
    ),
    "qdomyos-zwift #4794, Elliptical S700, level 9 of 22": (
        "c201 f60f 0000 00000000",
        {1: 450, 2: 4086, 3: 0, 4: 0},
    ),
    "qdomyos-zwift #4794, Elliptical S700, 23 W": (
        "0000 0000 1700 01000000",
        {1: 0, 2: 0, 3: 23, 4: 1},
    ),
    "qdomyos-zwift #4794, Elliptical S700, 38 rpm and 7.79 km/h": (
        "2600 5a 00320801 0a 0000 0b03 9001 08010000",
        {5: 38, 9: 0x5A, 10: 0x01083200, 12: 10, 15: 0, 16: 779, 17: 400, 20: 264},
    ),
    "qdomyos-zwift #4794, Elliptical S700, 34 rpm": (
        "2200 5a 000e0d00 0a 0000 cc02 3200 0b010000",
        {5: 34, 9: 0x5A, 10: 0x000D0E00, 12: 10, 15: 0, 16: 716, 17: 50, 20: 267},
    ),
}


@pytest.mark.parametrize(("data", "values"), VALUES.values(), ids=VALUES)
def test_values_read_and_write(data: str, values: dict[int, int]) -> None:
    assert_wire(values, data, lambda raw: decode_values(values, raw), encode_values)


@pytest.mark.parametrize(
    ("registers", "data"),
    [({2, 3}, "000000"), ({2, 3}, "0000000000"), ({2, 7}, "0000" + "00" * 14)],
    ids=["cut", "too long", "a register of unknown size"],
)
def test_values_of_another_length_decode_to_none(registers: set[int], data: str) -> None:
    assert decode_values(registers, bytes.fromhex(data)) is None


@pytest.mark.parametrize("size_bytes", [1, 2, 3, 4, 8])
def test_value_that_its_register_cannot_hold_is_refused(size_bytes: int) -> None:
    register = next(one for one, size in REGISTER_BYTES.items() if size == size_bytes)
    with pytest.raises(OverflowError):
        encode_values({register: 256**size_bytes})


def answered(
    ifit: Ifit, at_ns: int, command: int, body: bytes, equipment: int = BIKE
) -> list[Reading]:
    message = encode_message(IfitMessage(equipment, command, body, is_answer=True))
    return [
        reading
        for chunk in chunks_of(message)
        for reading in ifit.feed(Frame(at_ns, chunk.ljust(20, b"\0")))
    ]


def read(ifit: Ifit, at_ns: int, values: dict[int, int], equipment: int = BIKE) -> list[Reading]:
    return answered(ifit, at_ns, READ, OK + encode_values(values), equipment)


def informed(ifit: Ifit, registers: Iterable[int], equipment: int = BIKE) -> None:
    body = OK + bytes(8) + encode_bitmap(registers)
    assert answered(ifit, 0, INFORMATION, body, equipment) == []


def asked(ifit: Ifit, until_s: float) -> list[IfitMessage | None]:
    """The requests up to a time, fed back as its caller does."""
    joiner, requests = ChunkJoiner(), []
    for at_ns in range(0, round(until_s * SECOND), SECOND // 10):
        while chunk := ifit.request(at_ns):
            ifit.feed(Frame(at_ns, chunk, sent=True))
            if raw := joiner.join(chunk):
                requests.append(decode_message(raw))
    return requests


def test_answer_is_a_reading() -> None:
    ifit = Ifit()
    assert read(ifit, 7, RIDE) == [RIDE_READING]
    assert ifit.unusable_bytes == 0


def test_console_is_asked_who_it_is_and_then_read_for_ever() -> None:
    requests = asked(Ifit(), until_s=5)
    assert [one.command for one in requests if one] == [
        *(0x81, 0x80, 0x88, 0x82, 0x84, 0x95),
        *([READ] * 7),
    ]
    assert requests[-1] == encode_read(BIKE, WANTED)
    assert REQUEST_EVERY_NS * 7 < 9 * SECOND, "a bike must send a reading within nine seconds"


def test_first_requests_are_those_of_the_app() -> None:
    ifit = Ifit()
    assert [ifit.request(0).hex() for _ in range(3)] == ["fe020802", "ff080204020402048187", ""]
    assert ifit.request(SECOND).hex() == "fe020802"
    assert ifit.request(SECOND).hex() == "ff0802040204070480" + "8b", "to a bike"


def test_key_of_a_model_is_sent_before_the_first_reading() -> None:
    key = bytes(range(36))
    requests = asked(Ifit(start=[b"\x90" + key]), until_s=4)
    assert requests[6:8] == [IfitMessage(BIKE, 0x90, key), encode_read(BIKE, WANTED)]


def test_only_registers_that_the_console_has_are_read() -> None:
    ifit = Ifit()
    informed(ifit, {2, 3, 5, 9, 12, 16, 103}, STUDIO_BIKE)
    assert asked(ifit, until_s=4)[-1] == encode_read(STUDIO_BIKE, {2, 3, 5, 16})
    (reading,) = read(ifit, 7, {2: 5000, 3: 150, 5: 90, 16: 3000}, STUDIO_BIKE)
    assert (reading.resistance_percent, reading.power_w, reading.cadence_rpm) == (50, 150, 90)
    assert reading.heart_rate_bpm is None


def test_registers_of_a_real_treadmill_are_understood() -> None:
    ifit = Ifit()
    information = bytes.fromhex("0104021c041c810250010300000000000ed3fefbdbfcfb3b0ce71f00c0d3189b")
    for chunk in chunks_of(information):  # zwifit src/ble/ifit/_request.js
        assert ifit.feed(Frame(0, chunk)) == []
    assert asked(ifit, until_s=4)[-1] == encode_read(TREADMILL, {DISTANCE, PULSE, SPEED})
    assert read(ifit, 7, {DISTANCE: 5, PULSE: 0, SPEED: 800}, TREADMILL) == []


def test_answer_is_decoded_by_the_registers_that_were_asked_for() -> None:
    ifit = Ifit()
    for chunk in chunks_of(encode_message(encode_read(BIKE, {3, 5}))):
        ifit.feed(Frame(0, chunk, sent=True))
    assert read(ifit, 7, {3: 150, 5: 90}) == [Reading(7, cadence_rpm=90, power_w=150)]
    assert read(ifit, 7, RIDE) == []


NO_READING = {
    "refused": (READ, b"\x00" + encode_values(RIDE)),
    "without a status": (READ, b""),
    "values that are not ready": (READ, OK + b"\xff" * len(encode_values(RIDE))),
    "other registers": (READ, OK + bytes(7)),
    "another command": (0x84, OK + encode_values(RIDE)),
}


@pytest.mark.parametrize(("command", "body"), NO_READING.values(), ids=NO_READING)
def test_other_answer_is_no_reading(command: int, body: bytes) -> None:
    ifit = Ifit()
    assert answered(ifit, 7, command, body) == []
    assert read(ifit, 7, RIDE) == [RIDE_READING]


@pytest.mark.parametrize(
    "equipment",
    [
        pytest.param(0x04, id="treadmill, qdomyos-zwift proformtreadmill"),
        pytest.param(0x06, id="elliptical, qdomyos-zwift nordictrackelliptical"),
        pytest.param(0x09, id="elliptical trainer, qdomyos-zwift proformellipticaltrainer"),
        pytest.param(0x13, id="elliptical, qdomyos-zwift proformelliptical"),
        pytest.param(0x14, id="rower, qdomyos-zwift proformrower"),
    ],
)
def test_strokes_of_another_machine_are_no_reading(equipment: int) -> None:
    ifit = Ifit()
    assert read(ifit, 7, RIDE, equipment) == []
    informed(ifit, WANTED, equipment)
    assert read(ifit, 7, RIDE, equipment) == []
    assert ifit.unusable_bytes == 0


def test_both_kinds_of_bike_give_readings() -> None:
    assert read(Ifit(), 7, RIDE, STUDIO_BIKE) == read(Ifit(), 7, RIDE, BIKE) == [RIDE_READING]


def test_zero_is_reported_except_as_heart_rate() -> None:
    assert read(Ifit(), 7, dict.fromkeys(WANTED, 0)) == [
        Reading(7, cadence_rpm=0, resistance_raw=0, resistance_percent=0, power_w=0, speed_kmh=0)
    ]


def test_values_that_repeat_while_the_distance_is_constant_are_zero() -> None:
    """As on a GX LE, which kept 51 rpm and 60 W for half a minute (bike-controller)."""
    ifit = Ifit()
    assert read(ifit, 0, RIDE | {DISTANCE: 340})[0].cadence_rpm == 51
    heard = [read(ifit, at_s * SECOND, RIDE)[0] for at_s in range(1, 8)]
    assert [(one.cadence_rpm, one.power_w) for one in heard] == [(51, 123)] * 5 + [(0, 0)] * 2
    assert heard[-1].resistance_raw == 4086, "the knob may be turned while the pedals rest"
    assert read(ifit, 8 * SECOND, RIDE | {DISTANCE: 349})[0].cadence_rpm == 51


def test_distance_that_never_moves_proves_nothing() -> None:
    ifit = Ifit()
    heard = [read(ifit, at_s * SECOND, RIDE)[0].cadence_rpm for at_s in range(20)]
    assert heard == [51] * 20


@given(st.lists(st.binary(max_size=24), max_size=8))
def test_junk_never_stops_the_next_good_answer(junk: list[bytes]) -> None:
    ifit = Ifit()
    for data in junk:
        assert len(ifit.feed(Frame(0, data))) <= 1
    assert ifit.unusable_bytes <= sum(map(len, junk))
    assert read(ifit, 7, RIDE) == [RIDE_READING]


def test_answer_with_another_checksum_is_unusable() -> None:
    ifit = Ifit()
    raw = encode_message(IfitMessage(BIKE, READ, OK + encode_values(RIDE), is_answer=True))
    for chunk in chunks_of(raw[:-1] + bytes((raw[-1] ^ 1,))):
        assert ifit.feed(Frame(0, chunk)) == []
    assert ifit.unusable_bytes == len(raw)


async def test_ifit_bike_is_ridden_over_the_air(bluez: Bluez) -> None:
    device = bikes.ifit_bike(bluez, {one: RIDE[one] for one in RIDE if one != PULSE})
    values, source = await ride(device, "cadence_rpm", "power_w", "resistance_percent")
    assert values == {"cadence_rpm": 51, "power_w": 123, "resistance_percent": 40.86}
    assert source == "ifit"
