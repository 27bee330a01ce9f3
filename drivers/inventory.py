"""The inventory of a Bluetooth device: its name, its characteristics and what they contain."""

from dataclasses import dataclass


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
