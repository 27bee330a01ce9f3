"""What a device is taken for by its advertisement, and why."""

import pytest
from bleak.backends.device import BLEDevice
from bleak.uuids import normalize_uuid_str

from drivers.ble.driver import BleBike
from drivers.ble.radio import Advertisement
from drivers.ble.scan import guess, scan_air
from drivers.clock import MachineClock
from tests.support.bluez import Bluez, bikes

FITNESS = normalize_uuid_str("1826")
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
        advertisement("Tread", services=("1826",), service_data={FITNESS: b"\x01\x01\x00"}),
        advertisement(manufacturer_data={0x004C: b"\x02\x15"}),
    ],
    ids=["nothing", "stranger", "battery", "treadmill", "beacon"],
)
def test_advertisement_of_another_device_gives_no_guess(heard: Advertisement) -> None:
    assert guess(heard) is None


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
