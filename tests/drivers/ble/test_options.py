"""What the options of a Bluetooth bike accept."""

import pytest
from pydantic import ValidationError

from drivers.ble.bluez import BluetoothLink
from drivers.ble.options import BleOptions


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "expected an address, a name or an equipment_id; `alleycat-gateway scan`"),
        ({"address": "C0FFEE"}, "expected an address such as C0:FF:EE:12:34:56"),
        ({"name": "x", "protocol": "peloton"}, "expected one of: auto, keiser, ftms"),
        ({"name": "x", "services": ["peloton"]}, "expected only names from this list: ftms"),
        ({"name": "x", "start": ["7"]}, "start"),
        (
            {"name": "x", "start": ["00", ""]},
            "expected commands of 1 to 128 bytes; one has 0 bytes",
        ),
        ({"name": "x", "start": ["00" * 129]}, "one has 129 bytes"),
        ({"equipment_id": 256}, "equipment_id"),
        ({"name": "x", "second_power_meter": "pedal"}, "expected an address such as"),
        (
            {"address": "c0:ff:ee:00:00:01", "second_power_meter": "C0:FF:EE:00:00:01"},
            "expected the address of another meter",
        ),
        (
            {
                "name": "x",
                "second_power_meter": "C0:FF:EE:00:00:01",
                "power_from": [[0, 0, 2, 0]],
            },
            "expected no power_from",
        ),
        *(
            (one | {"second_power_meter": "C0:FF:EE:00:00:01"}, "a Keiser reports the power of")
            for one in (
                {"equipment_id": 56},
                {"name": "M3"},
                {"address": "C0:FF:EE:00:00:02", "protocol": "keiser"},
                {"equipment_id": 0, "protocol": "keiser"},
            )
        ),
    ],
)
def test_wrong_ble_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        BleOptions.model_validate(options)


def test_address_option_may_be_in_lower_case() -> None:
    assert BleOptions(address="c0:ff:ee:00:00:01").address == "C0:FF:EE:00:00:01"


@pytest.mark.parametrize(
    ("options", "who"),
    [
        ({"address": "C0:FF:EE:00:00:01", "equipment_id": 1, "name": "M3"}, "C0:FF:EE:00:00:01"),
        ({"name": "M3", "equipment_id": 1}, "Keiser 1"),
        ({"name": "M3", "equipment_id": 0}, "Keiser 0"),
        ({"equipment_id": 1}, "Keiser 1"),
        ({"name": "M3"}, "M3"),
    ],
)
def test_bike_is_identified_as_it_is_looked_for(options: dict[str, object], who: str) -> None:
    """Two bikes of the config with the same identity are one."""
    assert BleOptions.model_validate(options).who == who


@pytest.mark.parametrize(
    ("options", "is_linked"),
    [
        ({"address": "C0:FF:EE:00:00:01"}, True),
        ({"address": "C0:FF:EE:00:00:01", "name": "another name"}, True),
        ({"address": "C0:FF:EE:00:00:02", "name": "IC Bike"}, False),
        ({"name": "IC Bike"}, True),
        ({"name": "another name"}, False),
    ],
)
def test_link_of_another_bike_with_the_same_name_is_not_ended(
    options: dict[str, object], is_linked: bool
) -> None:
    link = BluetoothLink("/org/bluez/hci0/dev_C0", "C0:FF:EE:00:00:01", "IC Bike")
    assert BleOptions.model_validate(options).is_linked(link) is is_linked
