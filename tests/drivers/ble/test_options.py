"""What the options of a Bluetooth bike accept."""

import pytest
from pydantic import ValidationError

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
    ],
)
def test_wrong_ble_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        BleOptions.model_validate(options)


def test_address_option_may_be_in_lower_case() -> None:
    assert BleOptions(address="c0:ff:ee:00:00:01").address == "C0:FF:EE:00:00:01"
