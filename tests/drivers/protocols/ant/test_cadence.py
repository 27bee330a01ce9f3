"""The pages of cadence sensors: counters that repeat, wrap and stop."""

from collections.abc import Callable

import pytest

from drivers.protocols.ant.cadence import AntCadence, encode_cadence_page
from drivers.protocols.ant.speed_cadence import AntSpeedCadence, encode_speed_cadence_page
from drivers.protocols.base import AntChannel
from drivers.reading import Frame


def cadences(sensor: AntSpeedCadence, *pages: bytes, every_s: float = 0.25) -> list[float | None]:
    frames = [Frame(round(n * every_s * 1e9), page) for n, page in enumerate(pages)]
    return [reading.cadence_rpm for frame in frames for reading in sensor.feed(frame)]


def test_combined_sensor_counts_the_crank_before_the_wheel() -> None:
    pages = map(bytes.fromhex, ("0000000000000000", "0004020000040500"))
    assert cadences(AntSpeedCadence(), *pages) == [120], "StephenHidem/AntPlus"


def test_cadence_sensor_counts_after_4_bytes_of_its_page() -> None:
    pages = map(bytes.fromhex, ("0000000000000000", "0001020300040200"))
    assert cadences(AntCadence(), *pages) == [120], "StephenHidem/AntPlus"


@pytest.mark.parametrize(
    ("sensor", "encode"),
    [(AntSpeedCadence, encode_speed_cadence_page), (AntCadence, encode_cadence_page)],
)
def test_cadence_is_measured_over_repetitions_and_wraps(
    sensor: type[AntSpeedCadence], encode: object
) -> None:
    assert callable(encode)
    pages = [
        encode((0xFFFE + turn) & 0xFFFF, (0xFC00 + turn * 1024) & 0xFFFF)
        for turn in range(6)
        for _ in range(4)
    ]
    assert set(cadences(sensor(), *pages)) == {60}


def test_alternating_bit_of_a_page_is_ignored() -> None:
    pages = [encode_cadence_page(turn, turn * 1024) for turn in range(4)]
    alternating = [bytes((page[0] | 0x80 * (n % 2),)) + page[1:] for n, page in enumerate(pages)]
    assert set(cadences(AntCadence(), *alternating, every_s=1)) == {60}


def test_sensor_that_reports_that_it_has_stopped_has_no_cadence() -> None:
    assert cadences(AntCadence(), encode_cadence_page(7, 900, is_stopped=True)) == [0]
    assert cadences(AntCadence(), bytes.fromhex("85 01 ffff 8403 0700")) == [0]
    for page in ("03", "45"):
        another = bytes.fromhex(f"{page} 01 ffff 8403 0700")
        assert cadences(AntCadence(), another) == [], "another page"


def test_cadence_sensors_are_heard_on_the_channels_of_their_profiles() -> None:
    """Tigge/openant openant/devices/bike_speed_cadence.py."""
    assert AntCadence.ant == AntChannel(device_type=122, period_ticks=8102)
    assert AntSpeedCadence.ant == AntChannel(device_type=121, period_ticks=8086)


@pytest.mark.parametrize(
    ("sensor", "encode"),
    [(AntSpeedCadence, encode_speed_cadence_page), (AntCadence, encode_cadence_page)],
)
@pytest.mark.parametrize(("turns", "ticks"), [(0x8001, 1024), (1, 0x8400)])
def test_jump_by_half_a_counter_is_no_cadence(
    sensor: type[AntSpeedCadence], encode: Callable[[int, int], bytes], turns: int, ticks: int
) -> None:
    assert cadences(sensor(), encode(0, 0), encode(turns, ticks), every_s=1) == []


def test_sensor_that_only_repeats_itself_has_stopped() -> None:
    turning = [encode_speed_cadence_page(turn, turn * 512) for turn in range(4)]
    heard = cadences(AntSpeedCadence(), *turning, *turning[-1:] * 16, every_s=0.5)
    assert heard[0] == 120
    assert heard[-1] == 0


@pytest.mark.parametrize("sensor", [AntSpeedCadence, AntCadence])
def test_what_is_no_page_of_a_sensor_is_unusable(sensor: type[AntSpeedCadence]) -> None:
    made = sensor()
    assert cadences(made, bytes(7), bytes(9)) == []
    assert made.unusable_bytes == 16
