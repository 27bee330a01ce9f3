"""FE-C over Bluetooth, against notifications of real trainers.

Provenance is in the test ids: the repository that has them.
"""

import pytest

from drivers.protocols.bluetooth.fec import Fec
from drivers.reading import Frame


def read(fec: Fec, frame: str) -> list[dict[str, float | str]]:
    return [one.said() for one in fec.feed(Frame(0, bytes.fromhex(frame)))]


CANONICAL = {
    "FE-C over BLE 1.0.0": ("a4094e05101904000000ff2430", {"speed_kmh": 0, "distance_m": 0}),
    "incyclist/devices, general": (
        "a4094e0510192e480000ff2452",
        {"speed_kmh": 0, "distance_m": 72},
    ),
    "incyclist/devices, at rest": (
        "a4094e0519a500245c00002002",
        {"cadence_rpm": 0, "power_w": 0},
    ),
    "incyclist/devices, wants to be configured": (
        "a4094e05191f00000000402080",
        {"cadence_rpm": 0, "power_w": 0},
    ),
    "incyclist/devices, ridden, channel 1": ("a4094e011945ff2acf6d0020e9", {"power_w": 109}),
    "a Neo 2T at rest": ("a4094e0519d50031010000203a", {"cadence_rpm": 0, "power_w": 0}),
    "a Flux, ridden": (
        "a4094e051019f62e7a0cff348a",
        {"speed_kmh": pytest.approx(11.498, abs=0.001), "distance_m": 46},
    ),
    "a Flux at rest": ("a4094e0510196cee0000ff24b6", {"speed_kmh": 0, "distance_m": 238}),
    "synthetic, trainer": ("a4094e0519015a1027fa003059", {"cadence_rpm": 90, "power_w": 250}),
    "synthetic, general": ("a4094e0510190000401fff347b", {"speed_kmh": 28.8, "distance_m": 0}),
}


@pytest.mark.parametrize(("frame", "values"), CANONICAL.values(), ids=CANONICAL)
def test_fec_notification_gives_the_values_of_its_page(
    frame: str, values: dict[str, float]
) -> None:
    fec = Fec()
    assert read(fec, frame) == [values]
    assert fec.unusable_bytes == 0


@pytest.mark.parametrize("frame", ["a4094e0547ffffff010000207f", "a4094e0551ff00070f57000017"])
def test_other_page_over_bluetooth_is_no_error(frame: str) -> None:
    fec = Fec()
    assert read(fec, frame) == []
    assert fec.unusable_bytes == 0


NO_PAGE = {
    "wrong checksum (incyclist/devices, edited by hand)": "a4094e05101900000000303534",
    "another beginning": "a5094e0519015a1027fa003058",
    "another length": "a40a4e0519015a1027fa00305a",
    "cut": "a4094e0519015a1027fa0030",
    "only the page": "19015a1027fa0030",
    "an answer, constructed": "a4094005101904000000ff243e",
    "longer, constructed": "a40a4e0519015a1027fa0030005a",
}


@pytest.mark.parametrize("frame", NO_PAGE.values(), ids=NO_PAGE)
def test_what_is_no_fec_notification_is_unusable(frame: str) -> None:
    fec = Fec()
    assert read(fec, frame) == []
    assert fec.unusable_bytes == len(bytes.fromhex(frame))
    assert read(fec, "a4094e0519015a1027fa003059"), "the next one is decoded"
