"""What a rider may see: each state as the status and the seconds that lead to it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import sin
from typing import Any

from gateway.bike.status import BikeStatus, CommandedRace, RiderStatus
from gateway.race.clock import RaceSecond
from gateway.race.races import Race, Racer
from gateway.race.results import Place
from gateway.sampling.current import CurrentValue, CurrentValues
from gateway.sampling.sampler import Sample
from gateway.status.snapshot import GatewayStatus
from gateway.telemetry.message import Telemetry, make_telemetry
from tests.support.statuses import bike_status, buffer_status, gateway_status, lost_bike, offline

LENGTH_S = 300
RACE = Race(59807781, 59807781 * LENGTH_S * 1000, LENGTH_S)
AMY = Racer(1, "Amy", 1)
RIDERS = (RiderStatus(2, "Ben", (1,)), RiderStatus(3, "Chloé", (2, 3)))
THIRD = Place(3, 12, 138.05, 0.3, 9, 142.3, 0.4)


@dataclass(frozen=True)
class Scene:
    """A status, the seconds and status before it, and whether the gateway goes away after it."""

    status: GatewayStatus
    seconds: tuple[Telemetry, ...] = ()
    is_gone: bool = False
    before: GatewayStatus | None = None


def current(cadence: float, resistance: float, power: float | None, age_s: float = 0.2) -> Any:
    is_stale = age_s > 3
    values = (cadence, resistance, power)
    made = [None if one is None else CurrentValue(one, age_s, is_stale) for one in values]
    return CurrentValues(*made)


def bike(second: int | None = 166, **changes: Any) -> BikeStatus:
    """Return Amy's bike in the middle of a race, third of twelve."""
    racing: dict[str, Any] = {
        "racer_name": AMY.name,
        "class_id": AMY.class_id,
        "race_length_s": LENGTH_S,
        "place": THIRD,
        "current": current(91.3, 44.2, 187.0),
        "own_rider": RiderStatus(1, "Amy", (1,)),
    }
    return bike_status(1, second=second, **(racing | changes))


def ridden(seconds: Iterable[int], bike_id: str = "bike-001") -> tuple[Telemetry, ...]:
    """Return messages of a rider whose output goes up and down; the last of a race is final."""
    made = []
    for second in seconds:
        resistance = 42 + 4 * sin(second / 9) + 2 * sin(second / 3)
        sample = Sample(True, 90 + 5 * sin(second / 5), round(resistance, 1), 180.0)
        at = RaceSecond(RACE, second, 0)
        made.append(
            make_telemetry("gateway-1", bike_id, AMY, at, sample, second if at.is_final else None)
        )
    return tuple(made)


def of(*bikes: BikeStatus, **changes: Any) -> GatewayStatus:
    return gateway_status(*bikes, riders=RIDERS, **changes)


def _unset_clock() -> Scene:
    undated = bike(race_id=None, second=None, race_length_s=None, place=None)
    buffer = buffer_status(unnamed=34)
    return Scene(of(undated, clock_is_set=False, clock_source=None, buffer=buffer))


def _lost() -> Scene:
    lost = lost_bike(reason="the bike stopped sending")
    faded = current(91.3, 44.2, 187.0, age_s=7.4)
    return Scene(
        of(bike(state=lost.state, reason=lost.reason, state_s=7.4, current=faded)),
        ridden(range(100, 159)),
    )


def _commanded() -> Scene:
    race = CommandedRace(71, 1, "Amy", 1, 3_642_000, 180, 42.0)
    waiting = bike(1, starts_in_s=42.0, race_id=71, race_length_s=180, place=None)
    return Scene(gateway_status(replace(waiting, commanded=(race,)), race_mode="remote"))


def _several() -> Scene:
    ben = replace(THIRD, rank=1, output=142.3, gap=None)
    chloe = replace(THIRD, rank=7, output=120.7, gap=1.9)
    others = [
        bike(bike_id="bike-002", racer_name="Ben", place=ben),
        bike(bike_id="bike-003", racer_name="Chloé", place=chloe),
    ]
    return Scene(of(bike(), *others), ridden(range(107, 166)))


RIDE = ridden(range(107, 166))
NOT_JOINED = "the pedals have not turned since the race began"

SCENES: dict[str, Callable[[], Scene]] = {
    "not-set-up": lambda: Scene(replace(gateway_status(is_set_up=False), bikes=())),
    "looking": lambda: Scene(
        of(bike(state=lost_bike().state, not_joined="x", reason="", current=None, place=None))
    ),
    "lost": _lost,
    "waiting": lambda: Scene(
        of(bike(not_joined=NOT_JOINED, place=None, current=current(0.0, 44.2, 0.0)))
    ),
    "commanded": _commanded,
    "racing": lambda: Scene(of(bike()), RIDE),
    "racing-alone": lambda: Scene(of(bike(place=None)), RIDE),
    "last-seconds": lambda: Scene(of(bike(293)), ridden(range(233, 293))),
    "finished": lambda: Scene(
        of(bike(1, race_id=59807782, not_joined=NOT_JOINED, place=None)),
        ridden(range(241, 301)),
        before=of(bike(300)),
    ),
    "cloud-away": lambda: Scene(
        of(bike(), cloud=offline(), buffer=buffer_status(depth=12, on_disk=11)), RIDE
    ),
    "in-danger": lambda: Scene(
        of(
            bike(),
            cloud=offline(),
            buffer=buffer_status(depth=720, on_disk=0, problem="no space left on the device"),
        ),
        RIDE,
    ),
    "clock-not-set": _unset_clock,
    "gone": lambda: Scene(of(bike()), RIDE, is_gone=True),
    "several": _several,
}
