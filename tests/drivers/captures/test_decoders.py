"""A capture is decoded with one decoder for each protocol, as on the connection itself."""

from drivers.captures.decoders import CaptureDecoders
from drivers.protocols.standard.ftms import IndoorBikeData, encode_indoor_bike_record
from drivers.reading import Frame


def test_each_protocol_has_its_own_state() -> None:
    """A record in two parts is whole although a frame of another protocol is between them."""
    record = IndoorBikeData(speed_kmh=30, cadence_rpm=80, resistance_level=20, power_w=163)
    parts = list(encode_indoor_bike_record(record, 8))
    decoders = CaptureDecoders()
    readings = [
        *decoders.feed("ftms", Frame(0, parts[0])),
        *decoders.feed("heart_rate", Frame(1, b"\0\x79")),
        *(one for part in parts[1:] for one in decoders.feed("ftms", Frame(2, part))),
    ]
    said = {name: value for reading in readings for name, value in reading.said().items()}
    assert (said["cadence_rpm"], said["power_w"], said["heart_rate_bpm"]) == (80, 163, 121)
    assert decoders.unusable_bytes == {}


def test_frames_of_no_protocol_are_skipped() -> None:
    assert CaptureDecoders().feed("", Frame(0, b"\x44\x02")) == []


def test_unusable_bytes_are_counted_by_protocol() -> None:
    decoders = CaptureDecoders()
    decoders.feed("ftms", Frame(0, b"\xff"))
    decoders.feed("echelon", Frame(0, b"\1\2\3"))
    decoders.feed("heart_rate", Frame(0, b"\0\x79"))
    assert decoders.unusable_bytes == {"ftms": 1, "echelon": 3}
