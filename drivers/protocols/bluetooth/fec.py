"""FE-C over Bluetooth, Tacx's own service: each notification has one page of ANT+ FE-C.

The page is in a whole ANT message of 13 bytes, on any channel. It streams once it is subscribed to.
A trainer may advertise other services only.

Source: "FE-C over BLE" 1.0.0 in abellono/tacx-ios-bluetooth-example, incyclist/devices,
zacharyedwardbull/pycycling #39, cagnulein/qdomyos-zwift #388.
"""

from dataclasses import replace

from drivers.protocols.ant.fitness_equipment import FitnessEquipment
from drivers.protocols.ant.messages import decode_message, decode_page
from drivers.protocols.base import Evidence, Gatt, WireProtocol
from drivers.reading import Frame, Reading

#: A page of 8 bytes, the number of its channel, and what is around them.
_MESSAGE_BYTES = 13


class Fec(WireProtocol):
    """One connection. Nothing is written: what could be written sets the brake."""

    evidence = Evidence.REAL_FRAMES
    gatts = (
        Gatt(
            service="6e40fec1-b5a3-f393-e0a9-e50e24dcca9e",
            notify=("6e40fec2-b5a3-f393-e0a9-e50e24dcca9e",),
        ),
    )

    rests_at_0_w = True

    def __init__(self) -> None:
        super().__init__()
        self._equipment = FitnessEquipment()

    def feed(self, frame: Frame) -> list[Reading]:
        """Return at most one Reading, with the values of the page."""
        if frame.sent:
            return []
        message = decode_message(frame.data) if len(frame.data) == _MESSAGE_BYTES else None
        received = None if message is None else decode_page(message)
        if received is None:
            self.unusable_bytes += len(frame.data)
            return []
        return self._equipment.feed(replace(frame, data=received.page))
