"""Surveys of devices that speak no known protocol: everything that they offer and send."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from drivers.contract import BikeLost, FrameListener


class BikeNotUnderstood(BikeLost):
    """The bike is connected, but sends nothing in a protocol that the gateway knows."""


@dataclass(frozen=True, slots=True)
class GattCharacteristic:
    """A characteristic of a device: full UUIDs, lower case, and properties as BlueZ names them."""

    service: str
    uuid: str
    #: Such as "read", "notify" and "write-without-response".
    properties: tuple[str, ...]
    #: The value that was read; None if it cannot be read.
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class DeviceInventory:
    """Everything that a connected device offers. `name` is the one that it advertises."""

    name: str
    characteristics: tuple[GattCharacteristic, ...]


def ignore_note(text: str) -> None:
    """Ignore the note: the listener of a survey whose notes are not kept."""
    del text


@runtime_checkable
class Surveyor(Protocol):
    """A driver that can record a device whose protocol it does not know."""

    async def survey(
        self,
        on_device: Callable[[DeviceInventory], None],
        on_frame: FrameListener,
        on_note: Callable[[str], None] = ignore_note,
    ) -> None:
        """Pass on what the device offers, then everything that it sends, until it is lost.

        Everything left out is noted in words. Raises BikeLost. Nothing is written to the device.
        """
        ...
