"""The options of the driver `ble`: they identify one bike, and state how to speak with it."""

import re
from typing import Self

from pydantic import Field, field_validator, model_validator

from drivers.ble.bluez import BluetoothLink
from drivers.ble.radio import Advertisement
from drivers.ble.session import GATT_PROTOCOLS
from drivers.contract import DriverOptions
from drivers.profiles import profile_of, profile_speaking
from drivers.protocols import PROTOCOLS
from drivers.protocols.bluetooth.keiser import Keiser, equipment_id
from drivers.tuning import Tuning

AUTO = "auto"
KEISER = "keiser"

#: The length of a command in the option `start`, in bytes. The longest known one has 37.
COMMAND_MAX_BYTES = 128


class BleOptions(DriverOptions, Tuning):
    """The `[bikes.options]` of a Bluetooth bike. One of the first three identifies the bike."""

    address: str | None = None
    #: The advertised name, for bikes that change their address.
    name: str | None = None
    #: Keiser M3: the equipment number set in its console.
    equipment_id: int | None = Field(default=None, ge=0, le=255)
    #: hci0, hci1 …; by default the first adapter that is on.
    adapter: str | None = None
    #: `auto`: the best protocol that the bike speaks.
    protocol: str = AUTO
    #: Additional protocols to listen to on the same connection. Some bikes then stop sending.
    services: tuple[str, ...] | None = None
    #: Commands in hex that are written to the control point if the bike sends nothing or only
    #: zeros; for an iFit console, commands before the first reading, such as the one with its key.
    start: tuple[str, ...] | None = None
    #: The address of a heart rate strap. A missing strap does not affect the race.
    heart_rate: str | None = None
    #: The address of a second power meter, such as the other pedal. Its power is added; while it
    #: is missing, the power of the first is doubled.
    second_power_meter: str | None = None

    @field_validator("address", "heart_rate", "second_power_meter")
    @classmethod
    def _is_an_address(cls, address: str | None) -> str | None:
        if address is not None and not _is_address(address):
            raise ValueError("expected an address such as C0:FF:EE:12:34:56")
        return address and address.upper()

    @field_validator("protocol")
    @classmethod
    def _is_known(cls, protocol: str) -> str:
        known = (AUTO, KEISER, *GATT_PROTOCOLS)
        if protocol not in known:
            raise ValueError(f"expected one of: {', '.join(known)}")
        return protocol

    @field_validator("services")
    @classmethod
    def _are_known(cls, services: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if not set(services or ()) <= set(GATT_PROTOCOLS):
            raise ValueError(f"expected only names from this list: {', '.join(GATT_PROTOCOLS)}")
        return services

    @field_validator("start")
    @classmethod
    def _is_hex(cls, start: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for command in start or ():
            try:
                size_bytes = len(bytes.fromhex(command))
            except ValueError:
                raise ValueError("expected commands in hex, such as 00 or 0801") from None
            if not 0 < size_bytes <= COMMAND_MAX_BYTES:
                raise ValueError(
                    f"expected commands of 1 to {COMMAND_MAX_BYTES} bytes; "
                    f"one has {size_bytes} bytes"
                )
        return start

    @model_validator(mode="after")
    def _identifies_a_bike(self) -> Self:
        if self.address is None and self.name is None and self.equipment_id is None:
            raise ValueError(
                "expected an address, a name or an equipment_id; `alleycat-gateway scan` lists them"
            )
        return self

    @model_validator(mode="after")
    def _second_meter_adds_up(self) -> Self:
        if self.second_power_meter is None:
            return self
        if self._is_keiser:
            raise ValueError(
                "second_power_meter: expected none, as a Keiser reports the power of both legs"
            )
        if self.second_power_meter == self.address:
            raise ValueError("second_power_meter: expected the address of another meter")
        if self.power_from:
            raise ValueError(
                "second_power_meter: expected no power_from, which computes the power of both legs"
            )
        return self

    @property
    def who(self) -> str:
        """What identifies the bike: the first of these that it has, as in `means`."""
        if self.address is not None:
            return self.address
        if self.equipment_id is not None:
            return f"Keiser {self.equipment_id}"
        return self.name or ""

    @property
    def reports_own_number(self) -> bool:
        protocol = self.protocol
        if protocol == AUTO and self.equipment_id is not None:
            protocol = KEISER
        name = self.name or ""
        if protocol == AUTO:
            protocol = profile_of(name).protocol or AUTO
        profile = profile_speaking(protocol, name)
        made = PROTOCOLS.get(protocol)
        is_own = made is not None and made.reports_own_number
        return is_own and not self.over(profile).gives_percent

    @property
    def _is_keiser(self) -> bool:
        if self.protocol != AUTO:
            return self.protocol == KEISER
        named = self.name is not None and profile_of(self.name).protocol == KEISER
        return named or self.equipment_id is not None

    def is_linked(self, link: BluetoothLink) -> bool:
        """Return whether `link` is this bike: a connected bike does not advertise."""
        if self.address is not None:
            return link.address == self.address
        return link.name == self.name

    def means(self, heard: Advertisement) -> bool:
        if self.address is not None:
            return heard.address == self.address
        if self.equipment_id is not None:
            data = heard.manufacturer_data.get(Keiser.company_id)
            return data is not None and equipment_id(data) == self.equipment_id
        return heard.name == self.name


def _is_address(text: str) -> bool:
    return re.fullmatch("([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}", text) is not None
