"""A helper that waits for a bike's advertisement."""

from drivers.ble.radio import Advertisement, Radio
from tests.support.bluez import Device


async def found(hci: Radio, bike: Device) -> Advertisement:
    advertisement = await hci.find(lambda heard: heard.address == bike.address, 5)
    assert advertisement is not None
    return advertisement
