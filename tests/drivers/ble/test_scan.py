"""What a device is taken for by its advertisement, and why."""

import pytest
from bleak.backends.device import BLEDevice
from bleak.uuids import normalize_uuid_str

from drivers.ble.driver import BleBike
from drivers.ble.radio import Advertisement
from drivers.ble.scan import guess, scan_air
from drivers.ble.session import GATT_PROTOCOLS
from drivers.clock import MachineClock
from drivers.profiles import BikeProfile
from drivers.protocols.base import Gatt
from tests.support.bluez import Bluez, bikes

FITNESS = normalize_uuid_str("1826")
NORDIC_UART = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
MICROCHIP_UART = "49535343-fe7d-4ae5-8fa9-9fafd205e455"
ECHELON = GATT_PROTOCOLS["echelon"][0].service
KEISER = bytes.fromhex("063000383803460573000d00042701000a")


def advertisement(
    name: str = "",
    services: tuple[str, ...] = (),
    service_data: dict[str, bytes] | None = None,
    manufacturer_data: dict[int, bytes] | None = None,
) -> Advertisement:
    return Advertisement(
        "C0:FF:EE:00:00:01",
        name,
        is_passing=False,
        rssi_dbm=-60,
        services=frozenset(map(normalize_uuid_str, services)),
        service_data=service_data or {},
        manufacturer_data=manufacturer_data or {},
        device=BLEDevice("C0:FF:EE:00:00:01", name, {}),
    )


@pytest.mark.parametrize(
    ("heard", "protocol", "why"),
    [
        (advertisement(services=("1826",)), "ftms", "advertises the ftms service"),
        (
            advertisement(service_data={FITNESS: b"\x01\x20\x00"}),
            "ftms",
            "advertises itself as an indoor bike",
        ),
        (advertisement(services=("1816", "1818")), "cycling_power", "cycling_power service"),
        (advertisement(services=("180d",)), "heart_rate", "; use it together with a bike"),
        (
            advertisement("SUITO 123"),
            "auto",
            "its name matches 'Other bikes that are known to speak FTMS'",
        ),
        (advertisement(services=(bikes.IFIT,)), "ifit", "advertises the ifit service"),
        (
            advertisement(services=(bikes.GYMCONNECT,)),
            "auto",
            "may be a bike: advertises the gymconnect service, as other gym machines do",
        ),
        (advertisement("Woodway", services=(bikes.GYMCONNECT,)), "auto", "may be a bike"),
        (
            advertisement("CHRONO 12", services=(bikes.GYMCONNECT,)),
            "gymconnect",
            "advertises the gymconnect service",
        ),
        (advertisement("Woodway", services=(bikes.GYMCONNECT, "1818")), "cycling_power", ""),
        (advertisement("RQ123"), "auto", "its name matches 'Other bikes that are known to"),
        (advertisement(services=(bikes.SCHWINN,)), "schwinn", "advertises the schwinn service"),
        (
            advertisement("PM5 432331249 Bike", services=(bikes.PM5_DISCOVERY,)),
            "auto",
            "its name matches 'Concept2 BikeErg (PM5)'",
        ),
        (
            advertisement("iConsole+0147", services=("fff0",)),
            "auto",
            "its name matches 'iConsole+, Toorx and other bikes with their console'",
        ),
        (advertisement("iConsole+0028", services=("fff0", "1826")), "ftms", "the ftms service"),
        (advertisement("Flywheel 1", services=(NORDIC_UART,)), "flywheel", "its name matches"),
        (advertisement("Flywheel 1"), "flywheel", "its name matches 'Flywheel'"),
        (advertisement("ECHEX-5S-113399"), "echelon", "its name matches 'Echelon'"),
        (
            advertisement("C01_12345", services=("1826",), service_data={FITNESS: b"\1\2\0"}),
            "cross_trainer",
            "advertises itself as a cross trainer",
        ),
        (advertisement("C01_12345", services=("1826",)), "cross_trainer", "cross_trainer service"),
        (advertisement("THINK X5", services=("1826", "1818")), "cycling_power", "cycling_power"),
        (advertisement("THINK X5", services=("1826",)), "auto", "its name matches"),
        (advertisement("Flywheel 1", services=("1826",)), "ftms", "advertises the ftms service"),
        (advertisement("Tacx Neo 11565", services=("1816",)), "auto", "its name matches"),
        (advertisement("SUITO 1", services=("180d",)), "auto", "its name matches"),
        (advertisement("iConsole+0147", services=("1826",)), "ftms", "advertises the ftms service"),
        (advertisement("M3", manufacturer_data={0x0102: KEISER}), "keiser", "equipment_id 56"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_protocol_is_guessed_from_an_advertisement(
    heard: Advertisement, protocol: str, why: str
) -> None:
    guessed = guess(heard)
    assert guessed is not None
    assert guessed.protocol == protocol
    assert why in guessed.why


@pytest.mark.parametrize(
    "heard",
    [
        advertisement(),
        advertisement("Toaster"),
        advertisement(services=("180f",)),
        advertisement("LED strip", services=("fff0",)),
        advertisement("module", services=("49535343-fe7d-4ae5-8fa9-9fafd205e455",)),
        advertisement("Tread", services=("1826",), service_data={FITNESS: b"\x01\x01\x00"}),
        advertisement("Row", services=("1826",), service_data={FITNESS: b"\x01\x10\x00"}),
        advertisement(manufacturer_data={0x004C: b"\x02\x15"}),
        advertisement("MCF-12345", services=(NORDIC_UART,)),
        advertisement("Watch", services=(NORDIC_UART, "180f")),
        advertisement("Printer", services=(MICROCHIP_UART,)),
        advertisement("Lamp", services=("fff0", "ffe0")),
        advertisement("M365 scooter"),
        advertisement("M365 scooter", services=(NORDIC_UART,)),
        advertisement("M3"),
        advertisement("M3i"),
        advertisement("FLYWHEELER", services=(NORDIC_UART,)),
        advertisement("ECH-STRIDE-12", services=("1826",)),
        advertisement("STRIDE-12", services=(ECHELON,)),
        advertisement("XCX-001048", services=("1826", "1816", "1818")),
        advertisement("ROWSPORT-12", services=(ECHELON,)),
        advertisement("ROW-7S-12", services=(ECHELON,)),
        advertisement("ROW-S12", services=(ECHELON,)),
        advertisement("I_TL12", services=(bikes.IFIT,)),
        advertisement("i_it12", services=(bikes.IFIT,)),
        advertisement("NT_IFIT TREADMILL", services=(bikes.IFIT,)),
        advertisement("I_EL12", services=(bikes.IFIT,)),
        advertisement("I_FS12", services=(bikes.IFIT,)),
        advertisement("I_VE12", services=(bikes.IFIT,)),
        advertisement("I_RW12", services=(bikes.IFIT,)),
        advertisement("KICKR RUN 12", services=("1826", bikes.GYMCONNECT)),
        advertisement("MRK-R06-12", services=("fff0", "1826")),
        advertisement("ADIDAS 1234", services=("fff0",)),
        advertisement("BFCP-12", services=("fff0",)),
    ],
    ids=lambda heard: (
        f"{heard.name or 'no name'} {' '.join(sorted(one[:8] for one in heard.services))}"
    ),
)
def test_advertisement_of_another_device_gives_no_guess(heard: Advertisement) -> None:
    assert guess(heard) is None


class TestSharedService:
    """Two protocols over a service that any device may have."""

    @pytest.fixture(autouse=True)
    def _two_protocols(self, monkeypatch: pytest.MonkeyPatch) -> None:
        gatt = Gatt(normalize_uuid_str("fff0"), (normalize_uuid_str("fff1"),))
        known = {"ftms": GATT_PROTOCOLS["ftms"], "one": (gatt,), "two": (gatt,)}
        monkeypatch.setattr("drivers.ble.scan.GATT_PROTOCOLS", known)

    def test_device_without_a_known_name_gives_no_guess(self) -> None:
        assert guess(advertisement("Lamp", services=("fff0",))) is None

    def test_name_of_one_of_them_does_not_decide(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = BikeProfile(
            name="Console", bluetooth_names=("Con+*",), protocol="one", source="made up"
        )
        monkeypatch.setattr("drivers.profiles.load_profiles", lambda: (made,))
        guessed = guess(advertisement("Con+0147", services=("fff0",)))
        assert guessed is not None
        assert guessed.protocol == "auto"
        assert guessed.why == (
            "may be a bike: its name matches 'Console'; connecting shows what it speaks"
        )


@pytest.mark.slow
async def test_scan_finds_each_bike_once_with_the_options_to_open_it(bluez: Bluez) -> None:
    ftms = bikes.ftms_bike(bluez, name="IC Bike")
    bikes.keiser_m3i(bluez, KEISER)
    bluez.add_device(name="lamp", services={"180f": {}})
    found = [bike async for bike in scan_air(1.0, MachineClock())]
    assert {(one.name, one.where) for one in found} == {
        ("IC Bike", ftms.address),
        ("M3", "C0:FF:EE:00:00:02"),
    }
    options = {one.name: BleBike.Options.model_validate(one.options) for one in found}
    assert options["IC Bike"].address == ftms.address
    assert options["M3"].equipment_id == 56
    keiser = next(one for one in found if one.name == "M3")
    assert keiser.reading is not None
    assert keiser.reading.cadence_rpm == 82.4
    assert keiser.rssi_dbm == -60
    assert "Connect" not in bluez.members()


@pytest.mark.slow
async def test_scan_promises_nothing_by_a_general_service_or_a_short_name(bluez: Bluez) -> None:
    """The bike of cagnulein/qdomyos-zwift src/devices/mcfbike, and what is no bike at all."""
    for name, service in {
        "MCF-12345": NORDIC_UART,
        "Watch": NORDIC_UART,
        "M365 scooter": NORDIC_UART,
        "Lamp": "fff0",
    }.items():
        bluez.add_device(name=name, services={service: {}})
    flywheel = bikes.flywheel_bike(bluez)
    found = [bike async for bike in scan_air(0.5, MachineClock())]
    assert [one.where for one in found] == [flywheel.address]


@pytest.mark.slow
async def test_scan_offers_the_name_of_a_device_with_a_changing_address(bluez: Bluez) -> None:
    bike = bikes.ftms_bike(bluez, name="mine")
    bike.address = "4A:FF:EE:00:00:01"
    (found,) = [bike async for bike in scan_air(0.5, MachineClock())]
    assert found.options == {"name": "mine"}


@pytest.mark.slow
async def test_scan_with_an_adapter_finds_its_bikes_and_offers_it_as_an_option(
    bluez: Bluez,
) -> None:
    hci1 = bluez.add_adapter()
    near = bikes.ftms_bike(bluez, name="near hci0")
    far = bluez.add_device(name="far", services={"1826": {}}, adapter=hci1)
    strap = bluez.add_device(name="strap", services={"180d": {}}, adapter=hci1)
    await bluez.settle()
    found = {one.name: one.options async for one in BleBike.discover_with("hci1", 0.5)}
    assert found == {
        "far": {"address": far.address, "adapter": "hci1"},
        "strap": {"heart_rate": strap.address},
    }
    assert [one.options async for one in BleBike.discover(0.5)] == [{"address": near.address}]
