"""The Bluetooth scan: recognises possible bikes by their advertisements alone."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from drivers.ble.radio import Advertisement, open_radio
from drivers.ble.session import COMPANIONS, GATT_PROTOCOLS
from drivers.contract import Clock
from drivers.discovery import FoundBike
from drivers.profiles import UnknownModel, profile_of
from drivers.protocols.bluetooth.keiser import Keiser, equipment_id
from drivers.protocols.standard.ftms_control import SERVICE_UUID, is_indoor_bike
from drivers.reading import Frame, Reading


@dataclass(frozen=True, slots=True)
class ProtocolGuess:
    """A protocol that a device may speak, and the reason for the guess."""

    protocol: str
    why: str


def speaks_keiser(heard: Advertisement) -> bool:
    """Return whether the device broadcasts like a Keiser M3, which accepts no connection."""
    return equipment_id(_keiser_data(heard)) is not None


def guess(heard: Advertisement) -> ProtocolGuess | None:
    """Return the protocol that the device probably speaks; None if it is probably not a bike."""
    if speaks_keiser(heard):
        return ProtocolGuess(
            "keiser", f"broadcasts as Keiser equipment_id {equipment_id(_keiser_data(heard))}"
        )
    fitness = heard.service_data.get(SERVICE_UUID)
    if fitness is not None and is_indoor_bike(fitness) is False:
        return None
    for name, gatts in GATT_PROTOCOLS.items():
        if any(gatt.service in heard.services for gatt in gatts):
            also = "; use it together with a bike" if name in COMPANIONS else ""
            return ProtocolGuess(name, f"advertises the {name} service{also}")
    if fitness is not None:
        return ProtocolGuess("ftms", "advertises itself as an indoor bike")
    profile = profile_of(heard.name)
    if heard.name and not isinstance(profile, UnknownModel):
        return ProtocolGuess("auto", f"its name matches {profile.name!r}")
    return None


async def scan_air(
    seconds: float, clock: Clock, adapter: str | None = None
) -> AsyncIterator[FoundBike]:
    """Yield each possible bike once, when it is first heard. Raises BikeLost.

    A bike that an `adapter` was named for has it as an option: another may not reach that bike.
    """
    seen: set[str] = set()

    def is_news(heard: Advertisement) -> bool:
        return heard.address not in seen and guess(heard) is not None

    until_ns = clock.monotonic_ns() + round(seconds * 1e9)
    async with (await open_radio(adapter, clock)).listen() as listener:
        while (now_ns := clock.monotonic_ns()) < until_ns:
            heard = await listener.next(is_news, (until_ns - now_ns) / 1e9)
            if heard is not None:
                seen.add(heard.address)
                yield _found(heard, clock.monotonic_ns(), adapter)


def _found(heard: Advertisement, at_ns: int, adapter: str | None) -> FoundBike:
    guessed = guess(heard)
    assert guessed is not None
    return FoundBike(
        heard.name or "(no name)",
        heard.address,
        guessed.why,
        _options(heard, guessed, adapter),
        heard.rssi_dbm,
        _overheard(heard, at_ns),
        guessed.protocol in COMPANIONS,
    )


def _options(
    heard: Advertisement, guessed: ProtocolGuess, adapter: str | None
) -> Mapping[str, object]:
    """Return options that identify the device by something permanent, and a named adapter.

    A companion is reached through the adapter of its bike.
    """
    if guessed.protocol in COMPANIONS:
        return {guessed.protocol: heard.address}
    identity = _identity(heard, guessed)
    return identity if adapter is None else {**identity, "adapter": adapter}


def _identity(heard: Advertisement, guessed: ProtocolGuess) -> Mapping[str, object]:
    """Return the equipment id of a Keiser, the name if the address changes, else the address."""
    if guessed.protocol == "keiser":
        return {"equipment_id": equipment_id(_keiser_data(heard))}
    if heard.is_passing and heard.name:
        return {"name": heard.name}
    return {"address": heard.address}


def _overheard(heard: Advertisement, at_ns: int) -> Reading | None:
    readings = Keiser().feed(Frame(at_ns, _keiser_data(heard)))
    return readings[0] if readings else None


def _keiser_data(heard: Advertisement) -> bytes:
    assert Keiser.company_id is not None
    return heard.manufacturer_data.get(Keiser.company_id, b"")
