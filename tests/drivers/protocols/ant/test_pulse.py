"""The pages of heart rate straps."""

from drivers.protocols.ant.pulse import AntHeartRate, encode_pulse_page
from drivers.protocols.base import AntChannel
from drivers.reading import Frame, Reading


def test_pulse_is_the_last_byte_of_every_page() -> None:
    strap = AntHeartRate()
    for page in ("00ffffff1a2b4c91", "80ffffff1a2b4c91", "0412ffff1a2b4c91"):
        assert strap.feed(Frame(5, bytes.fromhex(page))) == [Reading(5, heart_rate_bpm=0x91)]


def test_strap_without_a_pulse_gives_none() -> None:
    assert AntHeartRate().feed(Frame(0, encode_pulse_page(0))) == []
    assert AntHeartRate().feed(Frame(0, encode_pulse_page(142))) == [Reading(0, heart_rate_bpm=142)]


def test_what_is_no_page_of_a_strap_is_unusable() -> None:
    strap = AntHeartRate()
    assert strap.feed(Frame(0, bytes(7))) == []
    assert strap.unusable_bytes == 7


def test_page_of_a_strap_is_written_as_page_0_without_a_time() -> None:
    assert encode_pulse_page(142, beats=76) == bytes.fromhex("00 ffffff 0000 4c 8e")
    assert encode_pulse_page(142)[6] == 0


def test_strap_is_heard_on_the_channel_of_its_profile() -> None:
    assert AntHeartRate.ant == AntChannel(device_type=120, period_ticks=8070)
