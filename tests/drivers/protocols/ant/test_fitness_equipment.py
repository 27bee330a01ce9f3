"""The pages of FE-C, against those of real trainers and of other projects' tests."""

import pytest

from drivers.protocols.ant.fitness_equipment import (
    EffortPage,
    FitnessEquipment,
    FitnessPage,
    GeneralPage,
    SettingsPage,
    decode_fitness_page,
    encode_fitness_page,
)
from drivers.reading import Frame

GENERAL = {
    "incyclist/ant-plus": ("1019fd259d270035", 36.508, 37, 0),
    "StephenHidem/AntPlus": ("1000804000804634", 117.965, 64, 70),
    "StephenHidem/AntPlus, its distance is not valid": ("1019898c8d200030", 29.999, None, 0),
    "FE-C over BLE 1.0.0": ("101904000000ff24", 0, 0, None),
    "incyclist/devices": ("10192e480000ff24", 0, 72, None),
    "a Flux": ("1019f62e7a0cff34", 11.498, 46, None),
    "speed unknown, constructed": ("10190000ffffff20", None, None, None),
}


@pytest.mark.parametrize(
    ("page", "speed_kmh", "distance_m", "heart_rate_bpm"), GENERAL.values(), ids=GENERAL
)
def test_general_page_has_speed_distance_and_heart_rate(
    page: str, speed_kmh: float | None, distance_m: int | None, heart_rate_bpm: int | None
) -> None:
    decoded = decode_fitness_page(bytes.fromhex(page))
    assert isinstance(decoded, GeneralPage)
    assert decoded.speed_kmh == pytest.approx(speed_kmh, abs=0.001)
    assert (decoded.distance_m, decoded.heart_rate_bpm) == (distance_m, heart_rate_bpm)


EFFORT = {
    "incyclist/devices, cadence unknown while ridden": ("1945ff2acf6d0020", None, 109, True),
    "incyclist/devices, at rest": ("19a500245c000020", 0, 0, True),
    "incyclist/devices, wants to be configured": ("191f000000004020", 0, 0, True),
    "a Neo 2T at rest": ("19d5003101000020", 0, 0, True),
    "StephenHidem/AntPlus, trainer": ("1901800000550a00", 128, 2645, True),
    "StephenHidem/AntPlus, bike": ("15ffffff3c960000", 60, 150, False),
    "StephenHidem/AntPlus, bike, wide power": ("15ffffff57120100", 87, 274, False),
    "trainer, all unknown, constructed": ("1900ff0000ff0f30", None, None, True),
    "bike, all unknown, constructed": ("15ffffffffffff30", None, None, False),
}


@pytest.mark.parametrize(
    ("page", "cadence_rpm", "power_w", "is_trainer"), EFFORT.values(), ids=EFFORT
)
def test_effort_page_has_cadence_and_power(
    page: str, cadence_rpm: int | None, power_w: int | None, is_trainer: bool
) -> None:
    assert decode_fitness_page(bytes.fromhex(page)) == EffortPage(cadence_rpm, power_w, is_trainer)


@pytest.mark.parametrize(
    ("page", "percent"),
    [("11ffffffff7f5030", 40), ("11ffffffff7fc830", 100), ("11ffffffff7fff30", None)],
)
def test_settings_page_has_the_resistance_in_half_percent(page: str, percent: float | None) -> None:
    assert decode_fitness_page(bytes.fromhex(page)) == SettingsPage(percent)


@pytest.mark.parametrize(
    "page",
    [
        GeneralPage(36, 200, 140),
        GeneralPage(),
        SettingsPage(12.5),
        SettingsPage(),
        EffortPage(90, 0xABC),
        EffortPage(),
        EffortPage(90, 3000, is_trainer=False),
        EffortPage(is_trainer=False),
    ],
)
def test_fitness_page_reads_as_it_was_written(page: FitnessPage) -> None:
    assert decode_fitness_page(encode_fitness_page(page)) == page


@pytest.mark.parametrize(
    "page", [EffortPage(90, 0x1000), EffortPage(256, 0), GeneralPage(300), GeneralPage(0, 256)]
)
def test_value_that_does_not_fit_a_fitness_page_is_refused(page: FitnessPage) -> None:
    with pytest.raises((ValueError, OverflowError)):
        encode_fitness_page(page)


def read(equipment: FitnessEquipment, *pages: str) -> list[dict[str, float | str]]:
    return [
        reading.said()
        for page in pages
        for reading in equipment.feed(Frame(0, bytes.fromhex(page)))
    ]


def test_distance_goes_on_when_its_byte_wraps() -> None:
    pages = [encode_fitness_page(GeneralPage(distance_m=m)).hex() for m in (250, 255, 3, 3, 90, 10)]
    distances = [one["distance_m"] for one in read(FitnessEquipment(), *pages)]
    assert distances == [250, 255, 259, 259, 346, 522]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("19013c0000000030", {"cadence_rpm": 0, "power_w": 0}),
        (EffortPage(None, 0), {"cadence_rpm": 0, "power_w": 0}),
        (EffortPage(60, 1), {"cadence_rpm": 60, "power_w": 1}),
        (EffortPage(60, 256), {"cadence_rpm": 60, "power_w": 256}),
        (EffortPage(60, None), {"cadence_rpm": 60}),
        (EffortPage(60, 0, is_trainer=False), {"cadence_rpm": 60, "power_w": 0}),
    ],
)
def test_flywheel_that_turns_without_power_is_no_pedalling(
    page: str | EffortPage, expected: dict[str, float]
) -> None:
    data = page if isinstance(page, str) else encode_fitness_page(page).hex()
    assert read(FitnessEquipment(), data) == [expected]


def test_heart_rate_0_of_a_trainer_is_none() -> None:
    assert read(FitnessEquipment(), "1019fd259d270035") == [
        {"speed_kmh": pytest.approx(36.508, abs=0.001), "distance_m": 37}
    ]


def test_other_pages_give_no_reading_and_are_no_error() -> None:
    equipment = FitnessEquipment()
    others = ("47ffffff01000020", "51ff00070f570000", "1a00000000000030", "36ffffffff64000f")
    assert read(equipment, *others, "1900ff0000ff0f30") == []
    assert equipment.unusable_bytes == 0


def test_what_is_no_page_is_unusable() -> None:
    equipment = FitnessEquipment()
    assert read(equipment, "19015a1027fa00", "", "19015a1027fa003000") == []
    assert equipment.unusable_bytes == 7 + 9
