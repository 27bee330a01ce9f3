"""The pages of heart rate straps."""

from drivers.protocols.ant.pulse import AntHeartRate, encode_pulse_page
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
