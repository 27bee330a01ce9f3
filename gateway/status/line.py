"""The gateway's status in one line, as `systemctl status` shows it. Pure."""

from collections.abc import Iterator

from gateway.bike.status import BikeStatus
from gateway.race.results import Place
from gateway.status.snapshot import GatewayStatus
from gateway.terminal.units import duration

#: Limits the length of the line, so that it fits next to "Status:" on a terminal.
MOST_CHARACTERS = 120
NOT_SET_UP = "not set up yet: sudo alleycat-gateway setup"
#: Up to this many seconds per bike are in flight rather than backlog, and are not shown.
BACKLOG_S = 5


def status_line(status: GatewayStatus) -> str:
    """Return at most MOST_CHARACTERS, without names and line breaks.

    Example: "race 59807781 · 87 rpm · 54 % · cloud offline 12 min · 2,161 buffered (room
    for 9 h)".
    """
    if not status.is_set_up:
        return NOT_SET_UP
    parts = (_racing(status), *_riding(status), *_losing(status), _cloud(status), *_kept(status))
    line = " · ".join(parts)
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def race_line(bike: BikeStatus) -> str:
    """Return the part that a bike's racer has in the race; empty without a race.

    Example: "race 59807781, second 103, rank 3 of 12, 4.25 behind the racer ahead".
    """
    if bike.race_id is None:
        return ""
    if bike.starts_in_s is not None:
        return f"race {bike.race_id} begins in {duration(bike.starts_in_s)}"
    if bike.not_joined:
        return f"race {bike.race_id} not joined: {bike.not_joined}"
    return ", ".join((f"race {bike.race_id}", f"second {bike.second}", *_place(bike.place)))


def _place(place: Place | None) -> Iterator[str]:
    if place is not None and place.rank is not None:
        yield f"rank {place.rank} of {place.racers}"
        yield "in the lead" if place.gap is None else f"{place.gap:.2f} behind the racer ahead"


def _racing(status: GatewayStatus) -> str:
    if not status.clock_is_set:
        return "clock not set"
    races = {bike.race_id for bike in status.bikes if bike.has_joined}
    if not races:
        is_waiting = any(bike.not_joined for bike in status.bikes)
        return "waiting for a rider" if is_waiting else "idle"
    return f"race {races.pop()}" if len(races) == 1 else f"{len(races)} races"


def _riding(status: GatewayStatus) -> Iterator[str]:
    bikes = status.bikes
    if len(bikes) > 1:
        connected = sum(bike.is_connected for bike in bikes)
        away = connected < len(bikes)
        yield f"{connected} of {len(bikes)} bikes" if away else f"{len(bikes)} bikes"
        return
    (bike,) = bikes
    if not bike.is_connected:
        yield f"bike {bike.state.value} for {duration(bike.state_s)}"
    elif bike.sample is not None:
        yield f"{bike.sample.cadence_rpm:.0f} rpm"
        yield f"{bike.sample.resistance_percent:.0f} %"
    if bike.place is not None and bike.place.rank is not None:
        yield f"rank {bike.place.rank} of {bike.place.racers}"


def _losing(status: GatewayStatus) -> Iterator[str]:
    buffer = status.buffer
    if buffer.problem is not None:
        yield "disk trouble"
    if buffer.lost:
        yield f"{buffer.lost:,} lost"
    if status.lost_seconds:
        yield f"{status.lost_seconds:,} s lost"


def _cloud(status: GatewayStatus) -> str:
    cloud = status.cloud
    if cloud.is_connected:
        return "cloud connected"
    if cloud.connected:
        return f"cloud: {cloud.connected} of {cloud.connections} connected"
    return f"cloud offline {duration(cloud.state_s)}"


def _kept(status: GatewayStatus) -> Iterator[str]:
    depth, hours_left = status.buffer.depth, status.hours_left
    is_draining = status.cloud.is_connected and status.clock_is_set
    if depth <= (BACKLOG_S * len(status.bikes) if is_draining else 0):
        return
    if is_draining or hours_left is None:
        yield f"{depth:,} buffered"
    else:
        yield f"{depth:,} buffered (room for {duration(hours_left * 3600)})"
