"""The stick on the real openant and pyusb: opened, unplugged, refused, and why."""

import asyncio
import errno
import sys
import threading

import pytest
import usb.core

from drivers import BikeLost
from drivers.ant.stick import Stick, network_key, plugged_in, reason_of
from tests.support.ant_stick import ANTUSB2, ANTUSB_M, AntBus, AntStick

RESET = bytes.fromhex("a4014a00ef")


class Heard:
    """What a stick reports, to be waited for."""

    def __init__(self) -> None:
        self.data: asyncio.Queue[bytes] = asyncio.Queue()
        self.loss: asyncio.Queue[str] = asyncio.Queue()
        self.stick = Stick(self.data.put_nowait, self.loss.put_nowait)

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.data.get(), 5)

    async def lost(self) -> str:
        return await asyncio.wait_for(self.loss.get(), 5)


async def opened() -> Heard:
    heard = Heard()
    await asyncio.wait_for(heard.stick.open(), 5)
    return heard


@pytest.mark.parametrize("product", [ANTUSB_M, ANTUSB2])
async def test_stick_answers_what_is_written(bus: AntBus, product: int) -> None:
    fake = bus.plug_in(AntStick(product))
    heard = await opened()
    heard.stick.write(RESET)
    assert await heard.next() == bytes.fromhex("a4016f20ea")
    assert fake.is_open
    heard.stick.close()
    await asyncio.wait_for(heard.stick.wait_closed(), 5)
    assert not fake.is_open
    assert heard.loss.empty(), "it was closed, not lost"


async def test_what_was_written_before_the_end_is_sent(stick: AntStick) -> None:
    heard = await opened()
    heard.stick.write(RESET)
    heard.stick.close()
    await asyncio.wait_for(heard.stick.wait_closed(), 5)
    assert stick.commands == [0x4A]


async def test_closed_stick_leaves_no_thread(stick: AntStick) -> None:
    before = threading.active_count()
    for _ in range(3):
        heard = await opened()
        heard.stick.write(RESET)
        heard.stick.close()
        await asyncio.wait_for(heard.stick.wait_closed(), 5)
    assert threading.active_count() <= before + 1, "the last one may be about to end"


async def test_stick_that_is_unplugged_is_lost(bus: AntBus, stick: AntStick) -> None:
    heard = await opened()
    bus.unplug()
    assert "was unplugged" in await heard.lost()
    await asyncio.wait_for(heard.stick.wait_closed(), 5)


REFUSALS = {
    errno.EACCES: "permission denied: the ANT stick; follow .An ANT stick. in docs",
    errno.EBUSY: "in use by another program, perhaps a running gateway",
    errno.ENODEV: "was unplugged",
    errno.EINVAL: "cannot be used: .*refused",
}


@pytest.mark.parametrize(("refusal", "reason"), REFUSALS.items(), ids=map(str, REFUSALS))
async def test_refused_stick_is_explained(stick: AntStick, refusal: int, reason: str) -> None:
    stick.refusal = refusal
    with pytest.raises(BikeLost, match=reason):
        await opened()


async def test_missing_stick_is_explained(bus: AntBus) -> None:
    with pytest.raises(BikeLost, match="no ANT stick is plugged in"):
        await opened()


async def test_missing_openant_is_explained(
    stick: AntStick, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openant", None)
    monkeypatch.setitem(sys.modules, "openant.base", None)
    with pytest.raises(BikeLost, match=r"with: pip install -e '\.\[ant\]'"):
        await opened()


def test_missing_libusb_is_explained() -> None:
    assert "apt install libusb-1.0-0" in reason_of(usb.core.NoBackendError("No backend available"))


def test_error_without_a_text_is_named() -> None:
    assert reason_of(AssertionError()) == "the ANT stick cannot be used: AssertionError"


def test_stick_is_known_by_its_vendor_and_product(bus: AntBus) -> None:
    assert plugged_in() is None
    bus.plug_in(AntStick(0x1004))
    assert plugged_in() is None, "a serial stick"
    bus.plug_in(AntStick(ANTUSB2))
    assert plugged_in() == "1008"


def test_key_of_the_network_is_openants() -> None:
    assert len(network_key()) == 8
