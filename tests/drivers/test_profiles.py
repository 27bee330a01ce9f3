"""The profiles that are shipped, and how a bike gets the one that is meant for it."""

import pytest

from drivers.profiles import UnknownModel, load_profiles, profile_of, profile_speaking
from drivers.protocols import PROTOCOLS

PROFILES = load_profiles()


@pytest.mark.parametrize(
    ("bluetooth_name", "name", "peculiarity"),
    [
        ("BIKE-1234", "Bikes named BIKE-…", ("resistance_scale", 0.1)),
        ("SMARTBIKE-7", "SmartBike", ("ignore_resistance", True)),
        ("fs-yk-12", "FS-YK", ("ignore_resistance", True)),
        ("DRIVO 123", "Elite Drivo 2", ("cadence_scale", 2)),
        ("USDC-D700", "USDC-D700", ("start", ("00", "0801"))),
        ("ICSE 12", "ICSE", ("services", ("speed_cadence",))),
        ("M3", "Keiser M3, M3i", ("resistance_scale", 4.1667)),
        ("Tacx Neo 11565", "Tacx Neo", ("services", ("speed_cadence",))),
        ("Tacx Flux 46731", "Tacx Flow, Flux, Satori, Smart Bike, Vortex", ("services", ())),
    ],
)
def test_a_bike_gets_its_profile_by_its_name(
    bluetooth_name: str, name: str, peculiarity: tuple[str, object]
) -> None:
    profile = profile_of(bluetooth_name)
    assert profile.name == name
    assert getattr(profile, peculiarity[0]) == peculiarity[1]


def test_the_longest_name_that_matches_wins() -> None:
    assert profile_of("MRK-S26-X").name == "Merach S26"
    assert profile_of("MRK-S28-X").name == "Other bikes that are known to speak FTMS"


@pytest.mark.parametrize("bluetooth_name", ["", "Toaster", "XBIKE-1"])
def test_unknown_bike_gets_a_profile_without_peculiarities(bluetooth_name: str) -> None:
    profile = profile_of(bluetooth_name)
    assert isinstance(profile, UnknownModel)
    assert profile.model_dump(exclude={"name", "source"}, exclude_defaults=True) == {}


def test_bluetooth_name_belongs_to_one_profile_only() -> None:
    names = [name.casefold() for profile in PROFILES for name in profile.bluetooth_names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_profile_has_a_source_and_known_protocols(profile: UnknownModel) -> None:
    assert profile.source
    assert all(bytes.fromhex(command) for command in profile.start or ())
    assert {*profile.services, profile.protocol or "ftms"} <= set(PROTOCOLS)


def test_protocol_that_one_family_of_bikes_speaks_has_its_profile() -> None:
    assert profile_speaking("echelon").name == "Echelon"
    assert isinstance(profile_speaking("ftms"), UnknownModel)
    protocols = [profile.protocol for profile in PROFILES if profile.protocol]
    assert len(protocols) == len(set(protocols))
