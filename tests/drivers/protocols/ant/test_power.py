"""The pages of power meters, against those of other projects' tests, and in time."""

from dataclasses import replace

import pytest

from drivers.protocols.ant.power import (
    STOPPED_NS,
    AntPower,
    FrequencyPage,
    MeterPage,
    OffsetPage,
    PowerPage,
    TorquePage,
    decode_meter_page,
    encode_meter_page,
)
from drivers.reading import Frame, Reading
from tests.support.virtual_clock import NS_PER_S
from tests.support.wire import assert_wire

CANONICAL: dict[str, tuple[str, MeterPage]] = {
    "StephenHidem/AntPlus, torque of a crank": (
        "1201013c00089c05",
        TorquePage(1, 2048, 1436, 60),
    ),
    "StephenHidem/AntPlus, torque of a wheel": (
        "1101013c3904de01",
        TorquePage(1, 1081, 478, 60, is_crank=False),
    ),
    "StephenHidem/AntPlus, frequency": ("2001006407d00001", FrequencyPage(1, 100, 2000, 1)),
    "GoldenCheetah, offset": ("011001ffffff01f4", OffsetPage(500)),
}


@pytest.mark.parametrize(("frame", "page"), CANONICAL.values(), ids=CANONICAL)
def test_meter_page_reads_and_writes(frame: str, page: MeterPage) -> None:
    assert_wire(page, frame, decode_meter_page, encode_meter_page)


POWER = {
    "StephenHidem/AntPlus, power": ("1000ff5a00001b01", PowerPage(0, 283, 90)),
    "a PowerTap at rest": ("10ecff00be4e0000", PowerPage(236, 0, 0)),
    "StephenHidem/AntPlus, wide power": ("1001000000001122", PowerPage(1, 8721, 0)),
    "StephenHidem/AntPlus, cadence": ("1001008000000000", PowerPage(1, 0, 128)),
    "cadence unknown, constructed": ("1001ffff00006400", PowerPage(1, 100)),
}


@pytest.mark.parametrize(("frame", "page"), POWER.values(), ids=POWER)
def test_power_page_has_power_and_cadence(frame: str, page: PowerPage) -> None:
    assert decode_meter_page(bytes.fromhex(frame)) == page
    assert decode_meter_page(encode_meter_page(page)) == page


def feed(meter: AntPower, *pages: MeterPage | str, at_s: float = 0) -> list[Reading]:
    data = [bytes.fromhex(p) if isinstance(p, str) else encode_meter_page(p) for p in pages]
    return [one for page in data for one in meter.feed(Frame(round(at_s * 1e9), page))]


@pytest.mark.parametrize(
    ("pages", "cadence_rpm", "power_w"),
    [
        (("1200000000000000", "1201013c00089c05"), 60, 281.96),
        (("1100000000000000", "1101013c3904de01"), 60, 177.81),
        (("1200000000000000", "1201013c00080000"), 60, 0),
    ],
    ids=["StephenHidem/AntPlus, crank", "StephenHidem/AntPlus, wheel", "no torque, constructed"],
)
def test_power_follows_from_torque(
    pages: tuple[str, str], cadence_rpm: float, power_w: float
) -> None:
    reading = feed(AntPower(), *pages)[-1]
    assert reading.cadence_rpm == cadence_rpm
    assert reading.power_w == pytest.approx(power_w, abs=0.01)


def test_power_follows_from_torque_over_the_wrap_of_its_sums() -> None:
    before, after = TorquePage(255, 0xFC00, 0xFF00), TorquePage(1, 0x0C00, 0x0100)
    [reading] = feed(AntPower(), before, after)
    assert reading.cadence_rpm == 60, "2 turns in 4096 / 2048 s"
    assert reading.power_w == pytest.approx(6.2831853 * 16 / 2, abs=0.01), "512 / 32 Nm"


def test_power_from_a_frequency_needs_its_offset() -> None:
    meter = AntPower()
    pages = "2000000000000000", "2001006407d00001"
    assert feed(meter, *pages) == [Reading(0, cadence_rpm=60)], "hundreds of watts too much else"
    meter = AntPower()
    [reading] = feed(meter, OffsetPage(0), *pages)
    assert reading.power_w == pytest.approx(0.63, abs=0.01), "StephenHidem/AntPlus"


def test_offset_is_subtracted_from_the_frequency() -> None:
    first, second = FrequencyPage(0, 250, 0, 0), FrequencyPage(1, 250, 2000, 1000)
    [reading] = feed(AntPower(), OffsetPage(500), first, second)
    assert reading.power_w == pytest.approx(20 * 6.2831853, abs=0.01), "(1000 - 500) / 25 Nm"


def test_repeated_page_is_no_news() -> None:
    meter = AntPower()
    page = PowerPage(7, 200, 90)
    assert feed(meter, page, page, page, "50ffffff01000100", page) == [
        Reading(0, cadence_rpm=90, power_w=200)
    ]
    assert len(feed(meter, PowerPage(8, 200, 90))) == 1


def test_meter_that_only_repeats_itself_has_stopped() -> None:
    meter = AntPower()
    page, stopped_s = PowerPage(7, 200, 90), STOPPED_NS / 1e9
    feed(meter, page)
    assert feed(meter, page, at_s=stopped_s - 0.25) == []
    assert feed(meter, page, at_s=stopped_s) == [Reading(STOPPED_NS, cadence_rpm=0, power_w=0)]
    assert feed(meter, PowerPage(8, 150, 70), at_s=stopped_s + 1)[0].power_w == 150


@pytest.mark.parametrize("rest_s", [4.25, 17, 31, 32, 33, 40, 64.5, 600])
@pytest.mark.parametrize("offset", [(), (OffsetPage(500),)], ids=["torque", "frequency"])
def test_period_that_may_have_wrapped_during_a_rest_is_not_used(
    offset: tuple[OffsetPage, ...], rest_s: float
) -> None:
    def page(event: int, at_s: float) -> MeterPage:
        if offset:
            return FrequencyPage(event, 250, round(at_s * 2000) & 0xFFFF, event * 1000)
        return TorquePage(event, round(at_s * 2048) & 0xFFFF, event * 1436)

    meter = AntPower()
    feed(meter, *offset, page(0, 0))
    [riding] = feed(meter, page(1, 1), at_s=1)
    assert riding.cadence_rpm == 60
    for second in range(2, int(rest_s) + 1):
        feed(meter, page(1, 1), at_s=second)
    assert feed(meter, page(2, rest_s + 1), at_s=rest_s + 1) == []
    [again] = feed(meter, page(3, rest_s + 2), at_s=rest_s + 2)
    assert again == replace(riding, at_ns=round((rest_s + 2) * 1e9))


def test_slow_turn_is_no_rest() -> None:
    pages = TorquePage(1, 0, 0), TorquePage(2, 4 * 2048, 1436)
    meter = AntPower()
    assert [feed(meter, page, at_s=at_s) for at_s, page in zip((0, 4), pages, strict=True)][1]


def test_meter_that_sends_two_kinds_has_one_power() -> None:
    meter = AntPower()
    first = feed(meter, PowerPage(1, 280), TorquePage(1, 0, 0))
    second = feed(meter, PowerPage(2, 285), TorquePage(2, 2048, 1436))
    assert [one.power_w for one in first + second if one.power_w is not None] == [280, 285]
    assert [one.cadence_rpm for one in second] == [None, 60], "the cadence of the torque's page"


@pytest.mark.parametrize("is_crank", [True, False], ids=["crank", "wheel"])
@pytest.mark.parametrize(
    ("event", "period"),
    [(1, 2048), (1, 52048), (1, 56650)],
    ids=["longer period than the time that has passed", "57 turns a second", "1052 rpm"],
)
def test_sums_that_start_over_give_no_power(event: int, period: int, is_crank: bool) -> None:
    meter, arrival_s = AntPower(), 3
    restarted = TorquePage(event, period, 640, 90, is_crank)
    before = TorquePage(200, 50000, 30280, 90, is_crank)
    pages = (TorquePage(199, 47952, 29640, 90, is_crank), before, restarted)
    times_ns = (0, NS_PER_S, (1 + arrival_s) * NS_PER_S)
    readings = [
        reading
        for at_ns, page in zip(times_ns, pages, strict=True)
        for reading in meter.feed(Frame(at_ns, encode_meter_page(page)))
    ]
    assert [one.power_w for one in readings if one.power_w is not None] == [
        pytest.approx(125.66, abs=0.01)
    ]


def test_fast_wheel_has_a_power() -> None:
    pages = (TorquePage(n, n * 128, n * 64, is_crank=False) for n in range(2))
    assert [one.power_w for one in feed(AntPower(), *pages)] == [pytest.approx(201.06, abs=0.01)]


def test_period_of_0_gives_no_power() -> None:
    pages = TorquePage(1, 100, 50), TorquePage(2, 100, 90)
    assert feed(AntPower(), *pages) == []
    assert (
        feed(AntPower(), OffsetPage(0), FrequencyPage(1, 0, 0, 0), FrequencyPage(2, 0, 9, 9)) == []
    )


def test_other_pages_of_a_meter_are_no_error() -> None:
    meter = AntPower()
    assert feed(meter, "1300ff0000000000", "50ffffff01000100", "01acffffffff0000") == []
    assert meter.unusable_bytes == 0
    assert feed(meter, "1000ff5a00001b") == []
    assert meter.unusable_bytes == 7
