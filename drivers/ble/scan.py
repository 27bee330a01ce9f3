"""The Bluetooth scan: recognises possible bikes by their advertisements alone."""

import re
from collections.abc import AsyncIterator, Mapping, Set
from dataclasses import dataclass

from drivers.ble.radio import Advertisement, open_radio
from drivers.ble.session import COMPANIONS, GATT_PROTOCOLS
from drivers.contract import Clock
from drivers.discovery import FoundBike
from drivers.profiles import BikeProfile, UnknownModel, profile_of
from drivers.protocols.bluetooth.keiser import Keiser, equipment_id
from drivers.protocols.standard.ftms_control import (
    SERVICE_UUID,
    is_cross_trainer,
    is_indoor_bike,
)
from drivers.reading import Frame, Reading

#: Services of radio modules, which their buyers put into any kind of device: the UARTs of Nordic
#: and of Microchip, and the numbers that the Bluetooth SIG does not assign.
_UARTS = frozenset({"6e400001-b5a3-f393-e0a9-e50e24dcca9e", "49535343-fe7d-4ae5-8fa9-9fafd205e455"})
_UNASSIGNED = re.compile("0000(00|ff)[0-9a-f]{2}-0000-1000-8000-00805f9b34fb")

#: Protocols that gym machines of all kinds speak: a service alone does not make one a bike.
_GYM_PROTOCOLS = frozenset({"gymconnect"})


@dataclass(frozen=True, slots=True)
class ProtocolGuess:
    """A protocol that a device may speak, and the reason for the guess."""

    protocol: str
    why: str


def speaks_keiser(heard: Advertisement) -> bool:
    """Return whether the device broadcasts like a Keiser M3, which accepts no connection."""
    return equipment_id(_keiser_data(heard)) is not None


def guess(heard: Advertisement) -> ProtocolGuess | None:
    """Return the protocol that the driver will probably speak; None if it is probably no bike.

    `auto` if several protocols are possible: connecting shows which it is.
    """
    if speaks_keiser(heard):
        return ProtocolGuess(
            "keiser", f"broadcasts as Keiser equipment_id {equipment_id(_keiser_data(heard))}"
        )
    profile = profile_of(heard.name)
    if not profile.is_bike:
        return None
    fitness = heard.service_data.get(SERVICE_UUID)
    if fitness is not None and is_indoor_bike(fitness) is False:
        return _guess_by_other_type(fitness)
    offered = _offered(heard)
    return (
        _guess_by_service(offered, profile)
        or _guess_by_type(fitness)
        or _guess_by_name(profile)
        or _guess_by_companion(offered)
    )


def _guess_by_other_type(fitness: bytes) -> ProtocolGuess | None:
    """Return a guess for a fitness machine that is no indoor bike."""
    if not is_cross_trainer(fitness):
        return None
    return ProtocolGuess("cross_trainer", "advertises itself as a cross trainer")


def _guess_by_service(offered: list[str], profile: BikeProfile) -> ProtocolGuess | None:
    others = (*COMPANIONS, *profile.mute, *profile.services)
    bikes = [name for name in offered if name not in others]
    if not bikes:
        return None
    why = f"advertises the {bikes[0]} service"
    if bikes[0] in _GYM_PROTOCOLS and isinstance(profile, UnknownModel):
        return ProtocolGuess(
            "auto", f"may be a bike: {why}, as other gym machines do; connecting shows what it is"
        )
    return ProtocolGuess(bikes[0], why)


def _guess_by_type(fitness: bytes | None) -> ProtocolGuess | None:
    if fitness is None:
        return None
    return ProtocolGuess("ftms", "advertises itself as an indoor bike")


def _offered(heard: Advertisement) -> list[str]:
    """Return the protocols that have a service of their own in the advertisement, best first."""
    return _with_service({one for one in heard.services if not _is_general(one)})


def _with_service(services: Set[str]) -> list[str]:
    return [
        name
        for name, gatts in GATT_PROTOCOLS.items()
        if any(gatt.service in services for gatt in gatts)
    ]


def _is_general(service: str) -> bool:
    return service in _UARTS or _UNASSIGNED.fullmatch(service) is not None


def _guess_by_name(profile: BikeProfile) -> ProtocolGuess | None:
    why = f"its name matches {profile.name!r}"
    if isinstance(profile, UnknownModel):
        return None
    if profile.protocol is None:
        return ProtocolGuess("auto", why)
    if profile.protocol not in GATT_PROTOCOLS:
        # Such a bike is recognised by its broadcast, which this device does not send.
        return None
    services = {gatt.service for gatt in GATT_PROTOCOLS[profile.protocol]}
    if len(_with_service({one for one in services if _is_general(one)})) > 1:
        return ProtocolGuess("auto", f"may be a bike: {why}; connecting shows what it speaks")
    return ProtocolGuess(profile.protocol, why)


def _guess_by_companion(offered: list[str]) -> ProtocolGuess | None:
    name = next((one for one in offered if one in COMPANIONS), None)
    if name is None:
        return None
    return ProtocolGuess(name, f"advertises the {name} service; use it together with a bike")


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
