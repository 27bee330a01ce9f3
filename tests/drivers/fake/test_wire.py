"""The same bike on every wire: the same values within the wire's resolution, and its accidents."""

from typing import get_args

import pytest

from drivers.fake.faults import FaultOptions, Faults
from drivers.fake.pot import Pot, PotOptions
from drivers.fake.rider import BikeState
from drivers.fake.scenarios import Ride, Scenario
from drivers.fake.wire import VOICES, Voice, WireName
from drivers.protocols import PROTOCOLS
from drivers.protocols.serial.peloton_table import resistance_percent
from drivers.reading import Frame, Reading

STATE = BikeState(83.37, 46.28, 167.43, 31.567, 141.2)
POT = Pot(PotOptions(curve="s_shaped", noise_counts=2, hysteresis_counts=10))


def voice(wire: WireName, **options: float) -> Voice:
    faults = Faults(FaultOptions.model_validate(options), seed=1, ride_s=60)
    return VOICES[wire](faults, POT, lambda _name, _frame: None)


def say_all(speaker: Voice, state: BikeState = STATE) -> list[Reading]:
    """All that is heard of one state in one cycle at the start of the ride."""
    return [
        reading
        for ms in range(0, speaker.cycle_ms, speaker.period_ms)
        for reading in speaker.say(state, ms, at_ns=ms)
    ]


def test_plain_values_are_rounded_as_a_good_bike_would() -> None:
    assert voice("none").say(STATE, 0, at_ns=5) == [
        Reading(5, 83.4, None, 46.3, 167, 31.57, heart_rate_bpm=141)
    ]


def test_ftms_wire_rounds_to_half_turns_whole_watts_and_levels() -> None:
    assert voice("ftms").say(STATE, 0, at_ns=5) == [
        Reading(5, 83.5, 46, None, 167, 31.57, heart_rate_bpm=141)
    ]


def test_peloton_wire_sends_one_value_at_a_time() -> None:
    cadence, power, resistance = say_all(voice("peloton"))
    assert cadence == Reading(0, cadence_rpm=83)
    assert power == Reading(100, power_w=167.4)
    assert resistance.at_ns == 200
    assert resistance.resistance_raw == 780
    assert resistance.resistance_percent == pytest.approx(resistance_percent(780))


def test_rig_sends_cadence_and_pot_counts_and_no_power() -> None:
    counts = POT.counts_at(46.28, 1.0, 0.0)
    assert voice("lines").say(STATE, 0, at_ns=5) == [
        Reading(5, cadence_rpm=83.4, resistance_raw=counts)
    ]
    turned_down = STATE._replace(last_turn=-1.0, sensor_noise=2.0)
    [said] = voice("lines").say(turned_down, 0, at_ns=5)
    assert said.resistance_raw == counts + 10 + 4


def test_rig_sends_its_pot_counts_while_nobody_pedals() -> None:
    [said] = voice("lines").say(STATE._replace(cadence_rpm=0.0), 0, at_ns=5)
    assert said == Reading(5, cadence_rpm=0, resistance_raw=POT.counts_at(46.28, 1.0, 0.0))


#: How far a wire may be from the exact value: half of its resolution. The Peloton's raw
#: resistance is finest at the low end; at a rider's 40 to 60 % one count is about a quarter.
TOLERANCES: dict[WireName, dict[str, float]] = {
    "none": {
        "cadence_rpm": 0.05,
        "power_w": 0.5,
        "resistance_percent": 0.05,
        "speed_kmh": 0.005,
        "heart_rate_bpm": 0.5,
    },
    "ftms": {
        "cadence_rpm": 0.25,
        "power_w": 0.5,
        "resistance_raw": 0.5,
        "speed_kmh": 0.005,
        "heart_rate_bpm": 0.5,
    },
    "peloton": {"cadence_rpm": 0.5, "power_w": 0.05, "resistance_percent": 0.15},
    "lines": {"cadence_rpm": 0.05, "resistance_raw": 0},
}


def exact_values(wire: WireName, state: BikeState) -> dict[str, float]:
    """What would be said if it could be said to the hair."""
    percent = state.resistance_percent
    raw: float = percent
    if wire == "lines":
        raw = POT.counts_at(state.knob_percent, state.last_turn, state.sensor_noise)
    return {**state._asdict(), "resistance_percent": percent, "resistance_raw": raw}


@pytest.mark.parametrize("scenario", ["steady", "stop_and_go"])
@pytest.mark.parametrize("wire", TOLERANCES)
def test_every_wire_is_exact_within_its_resolution(wire: WireName, scenario: Scenario) -> None:
    ride, speaker = Ride(1, scenario, 60), voice(wire)
    for ms in range(0, 60_000, speaker.period_ms):
        exact = exact_values(wire, ride.state_at(ms))
        [said] = speaker.say(ride.state_at(ms), ms, at_ns=ms)
        for field, tolerance in TOLERANCES[wire].items():
            value = getattr(said, field)
            if value is not None:
                assert value == pytest.approx(exact[field], abs=tolerance + 1e-9)


@pytest.mark.parametrize(
    ("wire", "fields"), [(wire, set(fields)) for wire, fields in TOLERANCES.items()]
)
def test_wire_sends_each_value_once_in_a_cycle(wire: WireName, fields: set[str]) -> None:
    heard = say_all(voice(wire))
    for field in fields:
        assert sum(getattr(said, field) is not None for said in heard) == 1


@pytest.mark.parametrize("state", [BikeState(0, 0, 0, 0, 40), BikeState(500, 100, 4_000, 200, 220)])
@pytest.mark.parametrize("wire", ["none", "ftms", "peloton"])
def test_wire_can_send_the_ends_of_the_scales(wire: WireName, state: BikeState) -> None:
    heard = say_all(voice(wire), state)
    assert [said.cadence_rpm for said in heard if said.cadence_rpm is not None] == [
        state.cadence_rpm
    ]
    assert [said.power_w for said in heard if said.power_w is not None] == [state.power_w]


def say_minute(speaker: Voice) -> list[list[Reading]]:
    """What is heard of one state, by tick, for a minute; `at_ns` is always 0."""
    return [speaker.say(STATE, ms, at_ns=0) for ms in range(0, 60_000, speaker.period_ms)]


def test_a_split_ftms_record_is_two_notifications_the_closing_one_first() -> None:
    split = [heard for heard in say_minute(voice("ftms", split_per_min=3)) if len(heard) != 1]
    closing = Reading(0, speed_kmh=31.57, heart_rate_bpm=141)
    assert split == [[closing, Reading(0, 83.5, 46, None, 167)]] * 3


def test_cut_ftms_notification_gives_the_fields_left_in_it() -> None:
    cut = [heard for heard in say_minute(voice("ftms", cut_per_min=3)) if heard[0].power_w is None]
    assert cut == [[Reading(0, speed_kmh=31.57)]] * 3


def test_a_split_peloton_message_is_heard_all_the_same() -> None:
    assert say_minute(voice("peloton", split_per_min=10)) == say_minute(voice("peloton"))


def test_a_split_line_is_heard_all_the_same() -> None:
    assert say_minute(voice("lines", split_per_min=10)) == say_minute(voice("lines"))


def test_a_corrupt_line_is_left_out_and_the_next_one_is_not() -> None:
    heard = say_minute(voice("lines", corrupt_per_min=10))
    assert heard.count([]) == 10
    assert [one for one in heard if one] == say_minute(voice("lines"))[10:]


def test_a_cut_line_takes_the_next_one_with_it() -> None:
    heard = say_minute(voice("lines", cut_per_min=10))
    lost = [tick for tick, readings in enumerate(heard) if not readings]
    assert len(lost) == 20
    assert all(second == first + 1 for first, second in zip(lost[::2], lost[1::2], strict=True))


@pytest.mark.parametrize("fault", ["cut_per_min", "corrupt_per_min"])
def test_a_damaged_peloton_message_is_lost_and_the_next_one_is_not(fault: str) -> None:
    heard = say_minute(voice("peloton", **{fault: 10}))
    lost = [tick for tick, readings in enumerate(heard) if not readings]
    assert len(lost) == 10
    clean = say_minute(voice("peloton"))
    assert [one for one in heard if one] == [
        one for tick, one in enumerate(clean) if tick not in lost
    ]


@pytest.mark.parametrize("wire", get_args(WireName))
def test_a_duplicate_is_heard_twice(wire: WireName) -> None:
    twice = [heard for heard in say_minute(voice(wire, duplicate_per_min=3)) if len(heard) == 2]
    assert len(twice) == 3
    assert all(first == second for first, second in twice)


@pytest.mark.parametrize("wire", ["peloton", "lines"])
def test_split_and_duplicated_messages_are_still_heard(wire: WireName) -> None:
    unlucky = voice(wire, split_per_min=30, duplicate_per_min=30, cut_per_min=30)
    assert sum(len(readings) for readings in say_minute(unlucky)) > 500


@pytest.mark.parametrize("wire", ["ftms", "peloton", "lines"])
def test_wire_shows_its_frames_to_a_listener(wire: WireName) -> None:
    shown: list[tuple[str, Frame]] = []
    faults = Faults(FaultOptions(), seed=1, ride_s=60)
    speaker = VOICES[wire](faults, POT, lambda name, frame: shown.append((name, frame)))
    readings = say_all(speaker)
    protocol = PROTOCOLS[wire]()
    assert [name for name, _ in shown] == [wire] * len(shown)
    assert [one for _, frame in shown for one in protocol.feed(frame)] == readings
