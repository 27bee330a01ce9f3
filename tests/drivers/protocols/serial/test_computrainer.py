"""The line of a CompuTrainer: packets in both directions, cut and amid junk, and the link."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols.serial.computrainer import (
    ACCEPTANCE,
    CHALLENGE,
    FLAT_ROAD,
    INCLINE,
    PACKET_BYTES,
    BrakeSetting,
    CompuTrainer,
    TrainerMessage,
    decode_message,
    decode_setting,
    encode_message,
    encode_setting,
)
from drivers.reading import Frame, Reading
from tests.support.wire import assert_wire

MS = 1_000_000
S = 1_000 * MS

#: Messages that StephenDone/computrainer_serial_protocol logged, as packets by its rule.
LOGGED = {
    "0 mph": ("00 00 00 40 08 00 80", TrainerMessage(1, 0), {"speed_kmh": 0}),
    "0 W": ("00 00 00 40 10 00 80", TrainerMessage(2, 0), {"power_w": 0}),
    "no strap": ("00 00 00 40 1e 00 80", TrainerMessage(3, 0xC00), {}),
    "0 rpm": ("00 00 00 40 34 00 80", TrainerMessage(6, 0x800), {"cadence_rpm": 0}),
    "constant": ("00 00 00 40 40 63 c1", TrainerMessage(8, 0x0C7), {}),
    "2.48 lb, calibrated": ("00 00 00 40 4d 3d 80", TrainerMessage(9, 0xA7A), {}),
    "cadence sensor": ("00 00 00 40 5d 00 83", TrainerMessage(11, 0xB01), {}),
    "SpinScan begins": (
        "7b 7b 7b 20 5d 00 fb",
        TrainerMessage(11, 0xB01, 0x40, b"\xf7\xf7\xf7"),
        {},
    ),
    "SpinScan goes on": (
        "7b 7b 7b 40 08 00 f8",
        TrainerMessage(1, 0, 0, b"\xf7\xf7\xf7"),
        {"speed_kmh": 0},
    ),
}
#: By the published rules; no ride has been published.
CONSTRUCTED = {
    "90 rpm": ("00 00 00 40 34 2d 80", TrainerMessage(6, 0x85A), {"cadence_rpm": 90}),
    "205 W": ("00 00 00 40 10 66 c1", TrainerMessage(2, 205), {"power_w": 205}),
    "142 1/min": ("00 00 00 40 18 47 c2", TrainerMessage(3, 0x18E), {"heart_rate_bpm": 142}),
    "20 mph": ("00 00 00 40 09 74 c2", TrainerMessage(1, 1000), {"speed_kmh": 32.18688}),
}
MESSAGES = {
    **{f"StephenDone, {name}": case for name, case in LOGGED.items()},
    **{f"by the rules, {name}": case for name, case in CONSTRUCTED.items()},
}
#: ss_command in GoldenCheetah's Computrainer.cpp.
SETTINGS = {
    "gradient": ("61 00 00 16 08 00 e0", BrakeSetting(INCLINE, 1, 0)),
    "wind": ("59 00 00 16 10 00 e0", BrakeSetting(INCLINE, 2, 0)),
    "weight": ("74 00 00 16 18 5d c1", BrakeSetting(INCLINE, 3, 187)),
    "least heart rate": ("27 00 00 16 24 1e e0", BrakeSetting(INCLINE, 4, 0x83C)),
    "highest heart rate": ("5e 00 00 16 2c 5f e0", BrakeSetting(INCLINE, 5, 0x8BE)),
    "drag": ("35 00 00 16 34 00 e0", BrakeSetting(INCLINE, 6, 0x800)),
    "7": ("21 00 00 16 38 10 c2", BrakeSetting(INCLINE, 7, 0x120)),
    "power": ("29 00 00 16 40 00 e0", BrakeSetting(INCLINE, 8, 0)),
}
RPM = bytes.fromhex(CONSTRUCTED["90 rpm"][0])
RPM_READING = Reading(7, cadence_rpm=90)
BRAKE = b"".join(map(encode_setting, FLAT_ROAD))

messages = st.builds(
    TrainerMessage,
    st.integers(0, 15),
    st.integers(0, 0xFFF),
    st.integers(0, 0x7F),
    st.binary(min_size=3, max_size=3),
)


def heard(protocol: CompuTrainer, *pieces: bytes) -> list[Reading]:
    return [one for piece in pieces for one in protocol.feed(Frame(7, piece))]


@pytest.mark.parametrize(("frame", "message", "values"), MESSAGES.values(), ids=MESSAGES)
def test_message_reads_and_writes(
    frame: str, message: TrainerMessage, values: dict[str, float]
) -> None:
    assert_wire(message, frame, decode_message, encode_message)
    expected = [Reading(7, **values)] if values else []  # type: ignore[arg-type]
    assert heard(CompuTrainer(), bytes.fromhex(frame)) == expected


@pytest.mark.parametrize(("frame", "setting"), SETTINGS.values(), ids=SETTINGS)
def test_setting_of_goldencheetah_reads_and_writes(frame: str, setting: BrakeSetting) -> None:
    assert_wire(setting, frame, decode_setting, encode_setting)


@given(messages)
def test_trainer_message_reads_the_same_as_written(message: TrainerMessage) -> None:
    assert decode_message(encode_message(message)) == message


@pytest.mark.parametrize("bit", range(8 * PACKET_BYTES))
def test_packet_with_a_flipped_bit_is_none(bit: int) -> None:
    bad = bytearray(RPM)
    bad[bit // 8] ^= 1 << bit % 8
    is_found = decode_message(bytes(bad)) is None
    # The sum covers bits 0 of A to F only, and the parity D: the packet has no more checks.
    assert is_found == (bit % 8 == 7 or bit // 8 in (3, 6))


@pytest.mark.parametrize(
    "packet",
    [
        pytest.param("", id="nothing"),
        pytest.param("00 00 00 40 34 2d", id="six bytes"),
        pytest.param("00 00 00 40 34 2d 80 80", id="eight bytes"),
        pytest.param("00 00 00 40 34 2d 00", id="no last byte"),
        pytest.param("80 00 00 40 34 2d 80", id="bit 7 of the first"),
        pytest.param("00 00 00 40 34 2d c0", id="wrong sum"),
        pytest.param("00 00 00 00 34 2d 80", id="wrong parity of the buttons"),
    ],
)
def test_bytes_that_are_no_packet_decode_to_none(packet: str) -> None:
    assert decode_message(bytes.fromhex(packet)) is None


def test_setting_with_a_wrong_checksum_decodes_to_none() -> None:
    assert decode_setting(bytes.fromhex("62 00 00 16 08 00 e0")) is None


class TestReadings:
    @pytest.mark.parametrize(
        ("kind", "value", "reading"),
        [
            pytest.param(6, 90, None, id="without a cadence sensor"),
            pytest.param(6, 0x800 | 250, Reading(7, cadence_rpm=250), id="250 rpm"),
            pytest.param(6, 0x800 | 251, None, id="251 rpm"),
            pytest.param(2, 2000, Reading(7, power_w=2000), id="2000 W"),
            pytest.param(2, 2001, None, id="2001 W"),
            pytest.param(3, 142, None, id="no pulse received"),
            pytest.param(3, 0x100, None, id="pulse 0"),
            pytest.param(3, 0x100 | 251, None, id="pulse 251"),
        ],
    )
    def test_value_counts_if_it_is_measured_and_possible(
        self, kind: int, value: int, reading: Reading | None
    ) -> None:
        packet = encode_message(TrainerMessage(kind, value))
        assert heard(CompuTrainer(), packet) == ([reading] if reading else [])

    @pytest.mark.parametrize("kind", {*range(16)} - {1, 2, 3, 6})
    def test_other_kinds_are_understood_but_no_reading(self, kind: int) -> None:
        protocol = CompuTrainer()
        assert heard(protocol, encode_message(TrainerMessage(kind, 0x85A))) == []
        assert protocol.unusable_bytes == 0

    def test_sent_packet_is_no_answer(self) -> None:
        assert CompuTrainer().feed(Frame(7, RPM, sent=True)) == []


class TestWire:
    @pytest.mark.parametrize("size", range(1, 15))
    def test_trainer_packets_may_be_cut_anywhere(self, size: int) -> None:
        wire, protocol = ACCEPTANCE + RPM * 5, CompuTrainer()
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert heard(protocol, *pieces) == [RPM_READING] * 5
        assert protocol.unusable_bytes == 0

    @pytest.mark.parametrize("at", range(PACKET_BYTES))
    def test_lost_byte_costs_no_more_than_two_packets(self, at: int) -> None:
        protocol = CompuTrainer()
        damaged = RPM[:at] + RPM[at + 1 :]
        assert heard(protocol, RPM, damaged, RPM, RPM)[-2:] == [RPM_READING] * 2
        assert heard(protocol, RPM) == [RPM_READING]

    @pytest.mark.parametrize("junk", [b"boot", b"\xff", b"\x00" * 50, b"RacerMate", b"\x80"])
    def test_junk_before_a_packet_does_not_hide_it(self, junk: bytes) -> None:
        protocol = CompuTrainer()
        assert heard(protocol, junk + RPM) == [RPM_READING]
        assert protocol.unusable_bytes == len(junk)

    @pytest.mark.parametrize("junk", [b"b", b"boots!", b"boots! boots!", b"Link", b"\xff"])
    def test_junk_before_the_acceptance_does_not_hide_it(self, junk: bytes) -> None:
        protocol = CompuTrainer()
        heard(protocol, junk + ACCEPTANCE)
        assert protocol.request(7) == BRAKE

    @pytest.mark.slow
    @pytest.mark.parametrize("alphabet", [bytes(range(256)), b"\x00", b"\x80", b"\x00\x80"])
    def test_trainer_packet_is_heard_after_100_kb_of_junk(self, alphabet: bytes) -> None:
        random, protocol = Random(0), CompuTrainer()
        heard(protocol, bytes(random.choice(alphabet) for _ in range(100_000)))
        assert heard(protocol, RPM) == [RPM_READING]

    @given(st.lists(st.tuples(st.binary(max_size=40), st.booleans())))
    def test_trainer_protocol_survives_any_bytes(self, junk: list[tuple[bytes, bool]]) -> None:
        protocol = CompuTrainer()
        for data, sent in junk:
            protocol.feed(Frame(7, data, sent))
            assert len(protocol._held) < PACKET_BYTES
        assert protocol.unusable_bytes <= sum(len(data) for data, sent in junk if not sent)
        assert heard(protocol, RPM) == [RPM_READING]


def sent_until(protocol: CompuTrainer, from_ns: int, to_ns: int) -> list[tuple[int, bytes]]:
    """What is sent in that time, with the ms at which it is."""
    sent = []
    for now_ns in range(from_ns, to_ns, 50 * MS):
        while data := protocol.request(now_ns):
            sent.append((now_ns // MS, data))
    return sent


class TestLink:
    def test_brake_is_set_to_the_flat_road_that_racermate_one_was_seen_to_send(self) -> None:
        logged = {1: 0, 2: 0, 3: 0x0A1, 4: 0x800, 5: 0x8FF, 6: 0x800, 7: 0x0F7, 8: 0}
        assert {setting.kind: setting.value for setting in FLAT_ROAD} == logged
        assert {setting.mode for setting in FLAT_ROAD} == {INCLINE}

    def test_trainer_gets_nothing_but_challenges_until_it_accepts(self) -> None:
        sent = sent_until(CompuTrainer(), 0, 2 * S)
        assert sent == [(0, CHALLENGE), (500, CHALLENGE), (1000, CHALLENGE), (1500, CHALLENGE)]

    def test_accepted_link_is_kept_by_packets_twice_a_second(self) -> None:
        protocol = CompuTrainer()
        sent_until(protocol, 0, 100 * MS)
        protocol.feed(Frame(100 * MS, ACCEPTANCE))
        assert sent_until(protocol, 100 * MS, S) == [(100, BRAKE), (600, BRAKE)]

    def test_packets_keep_a_link(self) -> None:
        protocol = CompuTrainer()
        protocol.feed(Frame(0, ACCEPTANCE))
        for at_ns in range(0, 10 * S, S):
            protocol.feed(Frame(at_ns, RPM))
            assert {data for _, data in sent_until(protocol, at_ns, at_ns + S)} == {BRAKE}

    def test_trainer_that_has_fallen_silent_is_challenged_again(self) -> None:
        protocol = CompuTrainer()
        protocol.feed(Frame(0, ACCEPTANCE))
        sent = sent_until(protocol, 0, 3 * S)
        assert sent == [(ms, BRAKE) for ms in range(0, 2001, 500)] + [(2500, CHALLENGE)]

    @pytest.mark.parametrize("data", [RPM * 3, b"hello world\r\n\x80\xff", b"LINKUP"])
    def test_device_that_has_not_accepted_gets_no_setting(self, data: bytes) -> None:
        protocol = CompuTrainer()
        protocol.feed(Frame(0, data))
        assert protocol.request(0) == CHALLENGE
