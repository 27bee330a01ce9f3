"""The contract tests of the gateway with a simulated bike, and the decoder's own tests."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from udp_bike import decode

from drivers.testing import BikeUnderTest, DriverContract


@pytest_asyncio.fixture
async def bike(unused_udp_port: int) -> AsyncIterator[BikeUnderTest]:
    """Yield a bike that sends twenty datagrams a second, and none while they are empty."""
    datagram = [b""]

    async def ride() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            while True:
                if datagram[0]:
                    sender.sendto(datagram[0], ("127.0.0.1", unused_udp_port))
                await asyncio.sleep(0.05)

    def send(data: bytes) -> None:
        datagram[0] = data

    async def come_back() -> None:
        send(b'{"cadence": 82.5, "power": 150}')

    await come_back()
    riding = asyncio.create_task(ride())
    yield BikeUnderTest(
        driver="udp",
        options={"port": unused_udp_port},
        vanish=lambda: send(b""),
        come_back=come_back,
        babble=lambda: send(b'{"cadence": "abc"}'),
    )
    riding.cancel()


class TestUdpBike(DriverContract):
    """All tests of the contract."""


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"7", b"[" * 9999, b'{"cadence": "abc"}', b'{"cadence": NaN}']
)
def test_other_bytes_are_no_reading(data: bytes) -> None:
    assert decode(data, 1) is None


def test_value_that_is_no_number_hides_no_other() -> None:
    reading = decode(b'{"cadence": true, "power": 150}', 1)
    assert reading is not None
    assert (reading.cadence_rpm, reading.power_w) == (None, 150)
