"""UUIDs of the Bluetooth SIG, and the defaults of a protocol."""

import pytest
from bleak.uuids import normalize_uuid_16

from drivers.protocols.base import WireProtocol, sig_uuid
from drivers.reading import Frame, Reading


@pytest.mark.parametrize("number", [0x0000, 0x1826, 0x2AD2, 0xFFFF])
def test_sig_uuid_is_that_of_bleak(number: int) -> None:
    assert sig_uuid(number) == normalize_uuid_16(number)


def test_protocol_requests_nothing_by_default() -> None:
    class Silent(WireProtocol):
        def feed(self, frame: Frame) -> list[Reading]:
            return []

    assert Silent().request(now_ns=0) == b""
