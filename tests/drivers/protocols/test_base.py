"""UUIDs of the Bluetooth SIG, and the defaults of a protocol."""

from collections.abc import Sequence

import pytest
from bleak.uuids import normalize_uuid_16

from drivers.protocols.base import SerialLine, StartableProtocol, WireProtocol, sig_uuid
from drivers.reading import Frame, Reading


@pytest.mark.parametrize("number", [0x0000, 0x1826, 0x2AD2, 0xFFFF])
def test_sig_uuid_is_that_of_bleak(number: int) -> None:
    assert sig_uuid(number) == normalize_uuid_16(number)


class Silent(WireProtocol):
    def feed(self, frame: Frame) -> list[Reading]:
        return []


class SilentUntilStarted(StartableProtocol):
    def __init__(self, start: Sequence[bytes] = ()) -> None:
        super().__init__(start)

    def feed(self, frame: Frame) -> list[Reading]:
        return []


@pytest.mark.parametrize("protocol", [Silent, SilentUntilStarted])
def test_protocol_requests_and_claims_nothing_by_default(protocol: type[WireProtocol]) -> None:
    made = protocol()
    assert (made.request(now_ns=0), made.wanted(now_ns=0)) == (b"", "")
    assert made.unusable_bytes == 0
    assert not made.reports_own_number
    assert not made.rests_at_0_w
    assert not made.recognises(b"x")


def test_quiet_bike_is_stale_after_three_seconds_and_lost_after_ten() -> None:
    assert (Silent.stale_after_s, Silent.lost_after_s) == (3.0, 10.0)


def test_serial_line_has_no_flow_control_by_default() -> None:
    assert not SerialLine(baud_rates=(9600,)).xonxoff
