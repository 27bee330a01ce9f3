"""When and how a bike that does not stream by itself is started."""

import pytest

from drivers.protocols.standard.ftms import Ftms
from drivers.protocols.standard.ftms_control import CONTROL_POINT_UUID, FEATURE_UUID
from drivers.reading import Frame

S = 1_000_000_000


def feed(protocol: Ftms, frame: str, at_ns: int) -> None:
    protocol.feed(Frame(at_ns, bytes.fromhex(frame)))


def asked(protocol: Ftms, until_s: int, from_s: int = 0) -> list[bytes]:
    """What is sent when asked four times a second."""
    instants_ns = range(from_s * S, until_s * S, S // 4)
    return [data for now_ns in instants_ns if (data := protocol.request(now_ns))]


def told(protocol: Ftms, characteristic: str, frame: str, at_ns: int = 1) -> None:
    """The bike sends something other than its data."""
    assert protocol.feed(Frame(at_ns, bytes.fromhex(frame), characteristic=characteristic)) == []


def test_a_silent_bike_is_asked_for_control_and_started_once() -> None:
    protocol = Ftms()
    assert asked(protocol, 4) == []
    assert asked(protocol, 60, from_s=4) == [b"\x00", b"\x07"]


def test_streaming_bike_is_not_started() -> None:
    protocol = Ftms()
    assert asked(protocol, 3) == []
    feed(protocol, "0000 8306", at_ns=3 * S)
    assert asked(protocol, 60, from_s=3) == []


def test_start_commands_end_once_the_bike_streams() -> None:
    protocol = Ftms()
    assert asked(protocol, 4) == []
    assert protocol.request(4 * S) == b"\x00"
    feed(protocol, "0000 8306", at_ns=4 * S + 1)
    assert asked(protocol, 60, from_s=5) == []


@pytest.mark.parametrize(
    "frame",
    ["64000000000000000000", "fe09000000000000000000000014000000000000000000000000", "0100"],
    ids=["cagnulein/qdomyos-zwift #5075", "all fields but the resistance are 0", "no value"],
)
def test_a_bike_that_sends_only_zeros_is_started_once(frame: str) -> None:
    protocol = Ftms()
    sent = []
    for quarter in range(240):
        feed(protocol, frame, at_ns=quarter * S // 4)
        if command := protocol.request(quarter * S // 4):
            sent.append((quarter / 4, command.hex()))
    assert sent == [(5, "00"), (6, "07")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("5408 0000 0000 000000 0000 3100", "5408 0000 0000 000000 0000 3200"),
        ("5408 0000 0000 010000 0000 3100", "5408 0000 0000 020000 0000 3100"),
        (
            "fe02f0041a050000000012000014000000000000",
            "fe02f00419050000000012000014000000000000",
        ),
        (
            "fe0200001a050000000012000014000000000000",
            "fe02000019050000000012000014000000000000",
        ),
    ],
    ids=[
        *("time, Berg0162/simcline #4", "distance", "averages, Berg0162/simcline #7"),
        "averages that fall at a speed of 0",
    ],
)
def test_a_bike_whose_counts_change_while_its_rider_rests_is_not_started(
    before: str, after: str
) -> None:
    protocol = Ftms()
    feed(protocol, before, at_ns=0)
    feed(protocol, after, at_ns=S)
    for second in range(2, 60):
        feed(protocol, "64000000000000000000", at_ns=second * S)
        assert protocol.request(second * S) == b""


def test_a_bike_that_repeats_the_time_of_its_last_ride_is_started() -> None:
    protocol = Ftms()
    sent = []
    for second in range(60):
        feed(protocol, "5408 0000 0000 010000 0000 3100", at_ns=second * S)
        if command := protocol.request(second * S):
            sent.append((second, command.hex()))
    assert sent == [(5, "00"), (6, "07")]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("5408 0000 0000 f40100 0000 4600", "5408 0000 0000 000000 0000 0000"),
        ("5408 0000 0000 f40100 0000 4600", "5408 0000 0000 0a0000 0000 0000"),
        ("fe0200001a050000000012000014000000000000", "fe0200000000000000000000000000000000000000"),
    ],
    ids=["time and distance", "distance of a part", "averages"],
)
def test_a_bike_that_clears_its_counts_when_connected_is_started(before: str, after: str) -> None:
    protocol = Ftms()
    feed(protocol, before, at_ns=0)
    sent = []
    for second in range(1, 60):
        feed(protocol, after, at_ns=second * S)
        if command := protocol.request(second * S):
            sent.append((second, command.hex()))
    assert sent == [(5, "00"), (6, "07")]


def test_an_empty_notification_is_silence() -> None:
    protocol = Ftms()
    feed(protocol, "", at_ns=1)
    assert asked(protocol, 60) == [b"\x00", b"\x07"]


def test_start_commands_are_those_of_the_model() -> None:
    assert asked(Ftms(start=(b"\x00", b"\x08\x01")), 60) == [b"\x00", b"\x08\x01"]
    assert asked(Ftms(start=()), 60) == []
    assert asked(Ftms(start=(b"", b"\x07")), 60) == [b"\x07"]


def test_sent_frame_does_not_count_as_streaming() -> None:
    protocol = Ftms()
    assert protocol.feed(Frame(1, bytes.fromhex("00008306"), sent=True)) == []
    assert asked(protocol, 60) == [b"\x00", b"\x07"]


def test_features_are_wanted_only_when_the_start_is_due() -> None:
    protocol = Ftms()
    assert [protocol.wanted(second * S) for second in range(4)] == [""] * 4
    assert protocol.wanted(4 * S) == FEATURE_UUID
    assert protocol.request(4 * S) == b"\x00"
    assert protocol.wanted(5 * S) == ""


def test_a_bike_whose_features_rule_out_a_start_is_not_started() -> None:
    protocol = Ftms()
    told(protocol, FEATURE_UUID, "0240000000000000")
    assert asked(protocol, 60) == []


def test_commands_of_the_model_do_not_depend_on_its_features() -> None:
    protocol = Ftms(start=(b"\x00", b"\x07"))
    told(protocol, FEATURE_UUID, "0240000000000000")
    assert protocol.wanted(60 * S) == ""
    assert asked(protocol, 60) == [b"\x00", b"\x07"]


def test_an_answer_brings_the_next_command_at_once() -> None:
    protocol = Ftms()
    assert asked(protocol, 4) == []
    assert protocol.request(4 * S) == b"\x00"
    assert protocol.request(4 * S) == b""
    told(protocol, CONTROL_POINT_UUID, "800001")
    assert protocol.request(4 * S) == b"\x07"


@pytest.mark.parametrize("answer", ["800002", "800003", "800004", "800005", "8000ff"])
def test_the_first_refusal_ends_the_start(answer: str) -> None:
    protocol = Ftms()
    assert asked(protocol, 4) == []
    assert protocol.request(4 * S) == b"\x00"
    told(protocol, CONTROL_POINT_UUID, answer)
    assert asked(protocol, 60, from_s=4) == []


@pytest.mark.parametrize("delay_s", [0.5, 1.5, 2.5])
def test_a_refusal_ends_the_start_however_late_it_comes(delay_s: float) -> None:
    protocol = Ftms(start=(b"\x00", b"\x08\x01", b"\x08\x02", b"\x07"))
    sent: list[bytes] = []
    refusals: dict[int, str] = {}
    for now_ns in range(0, 60 * S, S // 4):
        if now_ns in refusals:
            told(protocol, CONTROL_POINT_UUID, refusals[now_ns], at_ns=now_ns)
        if command := protocol.request(now_ns):
            sent.append(command)
            refusals[now_ns + round(delay_s * S)] = f"80{command[0]:02x}05"
    assert sent == [b"\x00", b"\x08\x01", b"\x08\x02"][: int(delay_s) + 1]


def test_a_late_success_does_not_hasten_the_next_command() -> None:
    protocol = Ftms(start=(b"\x00", b"\x08\x01", b"\x07"))
    assert asked(protocol, 4) == []
    assert [protocol.request(4 * S), protocol.request(5 * S)] == [b"\x00", b"\x08\x01"]
    told(protocol, CONTROL_POINT_UUID, "800001", at_ns=5 * S)
    assert protocol.request(5 * S) == b""
    assert protocol.request(6 * S) == b"\x07"


def test_a_command_that_cannot_be_written_ends_the_start() -> None:
    protocol = Ftms()
    assert asked(protocol, 4) == []
    assert protocol.request(4 * S) == b"\x00"
    protocol.refused()
    assert asked(protocol, 60, from_s=4) == []


@pytest.mark.parametrize("answer", ["", "80", "8000", "800702", "000002", "ffffff"])
def test_anything_but_the_awaited_answer_is_ignored(answer: str) -> None:
    protocol = Ftms()
    assert asked(protocol, 4) == []
    assert protocol.request(4 * S) == b"\x00"
    told(protocol, CONTROL_POINT_UUID, answer)
    assert asked(protocol, 60, from_s=4) == [b"\x07"]


def test_other_characteristics_do_not_count_as_streaming() -> None:
    protocol = Ftms()
    told(protocol, CONTROL_POINT_UUID, "80070100", at_ns=1)
    told(protocol, FEATURE_UUID, "8350000000000000", at_ns=1)
    assert asked(protocol, 60) == [b"\x00", b"\x07"]
    assert protocol.unusable_bytes == 0
