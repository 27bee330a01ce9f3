"""The profiles that are shipped, and how a bike gets the one that is meant for it."""

import re

import pytest

from drivers.profiles import BikeProfile, UnknownModel, load_profiles, profile_of, profile_speaking
from drivers.protocols import PROTOCOLS

PROFILES = load_profiles()
FTMS = "Other bikes that are known to speak FTMS"
ICONSOLE = "iConsole+, Toorx and other bikes with their console"
CYCLING_POWER = "Other bikes and trainers that are known to speak cycling power"


@pytest.mark.parametrize(
    ("bluetooth_name", "name", "peculiarity"),
    [
        ("BIKE-1234", "Bikes named BIKE-…", ("resistance_scale", 0.1)),
        ("SMARTBIKE-123", "SmartBike", ("ignore_resistance", True)),
        ("fs-yk-12", "FS-YK", ("ignore_resistance", True)),
        ("BE1", "Burever BE1", ("ignore_resistance", True)),
        ("DRIVO 123", "Elite Drivo 2", ("cadence_scale", 2)),
        ("JFIC0001", "Horizon GR7", ("cadence_scale", None)),
        ("USDC-D700", "USDC-D700", ("start", ("00", "0801"))),
        ("HAMMER", "Hammer Racer", ("start", ("00", "01", "07"))),
        ("HAMMER 64123", "Hammer Racer", ("start", ("00", "01", "07"))),
        ("SCH_190U", "Schwinn 190U, 290R", ("start", ("00", "07"))),
        ("WLT-BK-5310", "WLT-BK", ("start", ("00", "0801", "07"))),
        ("H9115 Lyon", "BH H9115 Lyon", ("start", ("00", "07"))),
        ("ICSE", "Bowflex IC Bike SE", ("start", ())),
        ("ICSE", "Bowflex IC Bike SE", ("services", ("speed_cadence",))),
        ("M3", "Keiser M3, M3i", ("resistance_scale", 4.1667)),
        ("I_EB1234", "iFit bikes of ProForm, NordicTrack and FreeMotion", ("protocol", "ifit")),
        ("CHRONO 12", "Spinner Chrono (Precor)", ("protocol", None)),
        ("SCHWINN 170/270", "Schwinn 170, 270, 570", ("resistance_scale", 4)),
        ("SCHWINN 570U", "Schwinn 170, 270, 570", ("protocol", "schwinn")),
        ("PM5 432331249 Bike", "Concept2 BikeErg (PM5)", ("protocol", None)),
        (
            "iConsole+0147",
            "iConsole+, Toorx and other bikes with their console",
            ("protocol", "iconsole"),
        ),
        ("FS-9F2B1A", "FitShow and FitPlus consoles", ("protocol", "fitshow")),
        ("Domyos-Bike-1234", "Older Domyos bikes, without FTMS", ("protocol", "domyos")),
        ("DOMYOS-BIKING-1", "Decathlon D100", ("protocol", None)),
        ("M3i#012", "Keiser M Connect", ("protocol", None)),
        ("THINK X5", "ThinkRider trainers", ("mute", ("ftms", "cross_trainer"))),
        ("C01_12345", "BH vertical bike", ("mute", ("ftms",))),
        ("PM5 430123456 Row", "Concept2 rowers and ski machines", ("is_bike", False)),
        ("ECH-STRIDE-1", "Echelon treadmills, rowers and climbers", ("is_bike", False)),
        ("STRIDE6S-1", "Echelon treadmills, rowers and climbers", ("is_bike", False)),
        ("ROWSPORT-1", "Echelon treadmills, rowers and climbers", ("is_bike", False)),
        ("MRK-R06-1", "Merach rowers, treadmills and ellipticals", ("is_bike", False)),
        ("MRK-R11S-1", "Merach rowers, treadmills and ellipticals", ("is_bike", False)),
        ("MRK-R15-1", "Merach rowers, treadmills and ellipticals", ("is_bike", False)),
        ("MRK-R28-1", "Merach rowers, treadmills and ellipticals", ("is_bike", False)),
        ("MRK-CRYDN-1", "Merach rowers, treadmills and ellipticals", ("is_bike", False)),
        ("MRK-T25-1", "Merach rowers, treadmills and ellipticals", ("is_bike", False)),
        ("mrk-e30-1", "Merach rowers, treadmills and ellipticals", ("is_bike", False)),
        ("MRK-1", "FitShow and FitPlus consoles", ("is_bike", True)),
        ("ADIDAS 1234", "Treadmills with a console by iConsole+", ("is_bike", False)),
        ("I-Running 1", "Treadmills with a console by iConsole+", ("is_bike", False)),
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


@pytest.mark.parametrize(
    ("bluetooth_name", "name"),
    [
        ("SMARTBIKE-123", "SmartBike"),
        ("SMARTBIKE-1234", FTMS),
        ("SMARTBIKE-12X", FTMS),
        ("MRK-S26C-1", "Merach S26C"),
        ("MRK-S28-1", FTMS),
        ("Stages Bike 1", "Stages SB20"),
        ("Stages 12345", CYCLING_POWER),
        ("TOPUTURE TEB5 1", "Toputure TEB5"),
        ("TOPUTURE TEB1", FTMS),
        ("ECHEX-5S-1", "Echelon"),
        ("ADIDAS1234", ICONSOLE),
        ("adidas12345678", ICONSOLE),
        ("RQ123", FTMS),
        ("R-Q1234", FTMS),
        ("SCH130U", FTMS),
        ("XQ0123456789", FTMS),
    ],
)
def test_the_most_specific_name_that_matches_wins(bluetooth_name: str, name: str) -> None:
    assert profile_of(bluetooth_name).name == name


@pytest.mark.parametrize(
    ("patterns", "name", "winner"),
    [
        (("A*", "AB*"), "ABC", "AB*"),
        (("AB*", "AB"), "AB", "AB"),
        (("AB*", "AB[0-9]*"), "AB1", "AB[0-9]*"),
        (("AB?", "AB1"), "AB1", "AB1"),
        (("AB*", "A????"), "ABCDE", "AB*"),
    ],
)
def test_fixed_characters_decide_between_patterns(
    patterns: tuple[str, str], name: str, winner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tuple(
        BikeProfile(name=one, bluetooth_names=(one,), source="made up") for one in patterns
    )
    monkeypatch.setattr("drivers.profiles.load_profiles", lambda: made)
    assert profile_of(name).name == winner


@pytest.mark.parametrize(
    "bluetooth_name",
    [
        "",
        "Toaster",
        "XBIKE-1",
        "M365 scooter",
        "M3 Pro",
        "MCF-12345",
        "ICSE 12",
        "BE10 earbuds",
        "DFC1",
        "VOLTAGE",
        "Raven",
        "TUOMAS",
        "KSU123",
        "KSU12345",
        "KSUabcd",
        "CFC123",
        "BFCP-1",
        "ADIDAS123",
        "ADIDAS1234X",
        "RQ12",
        "RQ1234",
        "R-Q123",
        "XQ012345678",
        "XQ01234567890",
        "XQ012345678A",
    ],
)
def test_unknown_bike_gets_a_profile_without_peculiarities(bluetooth_name: str) -> None:
    profile = profile_of(bluetooth_name)
    assert isinstance(profile, UnknownModel)
    assert profile.model_dump(exclude={"name", "source"}, exclude_defaults=True) == {}


def test_bluetooth_name_belongs_to_one_profile_only() -> None:
    names = [name.casefold() for profile in PROFILES for name in profile.bluetooth_names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_a_name_is_not_known_by_a_few_characters_alone(profile: BikeProfile) -> None:
    """A short pattern is a whole name; others would match devices of any kind."""
    for pattern in profile.bluetooth_names:
        fixed = len(re.sub(r"\[[^]]+\]|[*?]", "", pattern))
        assert "*" not in pattern or fixed >= 3, pattern
        assert not pattern.endswith(("-", "_", "+", " ")), f"{pattern}: is a * missing?"


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_profile_has_a_source_and_known_protocols(profile: UnknownModel) -> None:
    assert profile.source
    assert all(bytes.fromhex(command) for command in profile.start or ())
    assert {*profile.services, *profile.mute, profile.protocol or "ftms"} <= set(PROTOCOLS)


def test_protocol_that_one_family_of_bikes_speaks_has_its_profile() -> None:
    assert profile_speaking("echelon").name == "Echelon"
    assert isinstance(profile_speaking("ftms"), UnknownModel)
    protocols = [profile.protocol for profile in PROFILES if profile.protocol]
    assert len(protocols) == len(set(protocols))
