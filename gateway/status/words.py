"""A gateway's status in the words that the terminal and the owner's page share. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.bike.status import BikeStatus, RadioStatus
from gateway.race.results import Place
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.plausible import refused_words
from gateway.sampling.series import FieldState
from gateway.status.concerns import Concern
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.terminal.units import counted, duration, size
from gateway.timing.clock_sync import ClockSource

#: Results that are older than this, in seconds, are marked: the backend sends them every second.
STALE_RESULTS_S = 5.0
#: The age of a signal strength is shown from this many seconds on.
FRESH_SIGNAL_S = 60.0
#: Limits the bikes whose signal is listed.
MOST_SIGNALS = 4
#: How a resistance is printed, by its source: a derived one is only an estimate, and an
#: uncalibrated one may not even be a percentage.
_RESISTANCE = {
    ResistanceSource.CALIBRATED: "{:.0f}",
    ResistanceSource.DEVICE: "{:.0f}",
    ResistanceSource.UNCALIBRATED: "?{:.0f}",
    ResistanceSource.DERIVED: "≈{:.0f}",
    ResistanceSource.NONE: "",
}

#: How a clock is described that no time server is known to have set.
_CLOCK: dict[ClockSource | None, str] = {
    ClockSource.HARDWARE: "clock set by its hardware, not by a time server",
    ClockSource.CONFIG: "clock trusted by the config, not set by a time server",
}


class Level(StrEnum):
    """The meaning of a value. BAD loses data; an outage loses none, so it is ODD."""

    PLAIN = ""
    WELL = "well"
    ODD = "odd"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Words:
    """A text and its meaning."""

    text: str
    level: Level = Level.PLAIN


@dataclass(frozen=True, slots=True)
class Fact:
    """One part of the gateway, such as "cloud", in words."""

    name: str
    words: Words


#: The titles of a bike's cells, in their order.
BIKE_TITLES = ("bike", "racer", "state", "race", "second", "rpm", "%", "W")
PLACE_TITLES = ("rank", "gap")


def about(status: GatewayStatus) -> str:
    """Return the version and the time since the start."""
    return f"alleycat-gateway {status.version}, up {duration(status.uptime_s)}"


def verdict(found: Sequence[Concern]) -> str:
    """Return the line above the concerns."""
    if not found:
        return "all well"
    things = counted(len(found), "thing")
    return f"{things} {'needs' if len(found) == 1 else 'need'} attention:"


def level_of(concern: Concern) -> Level:
    return Level.BAD if concern.is_urgent else Level.ODD


def facts(status: GatewayStatus) -> Iterator[Fact]:
    """Yield what the status has about cloud, buffer, messages, computer, log and radio."""
    for name, text, level in _facts(status):
        yield Fact(name, Words(text, level))


def _facts(status: GatewayStatus) -> Iterator[tuple[str, str, Level]]:
    cloud, buffer, hours_left = status.cloud, status.buffer, status.hours_left
    yield "cloud", _cloud(cloud), Level.WELL if cloud.is_connected else Level.ODD
    soon = [one for one in cloud.certificates if one.expires_soon]
    if soon:
        yield "certificate", ", ".join(f"{one.key} {one.expiry}" for one in soon), Level.ODD
    kept = f"{counted(buffer.depth, 'message')} waiting, {buffer.on_disk:,} on disk"
    room = "" if hours_left is None else f", room for {duration(hours_left * 3600)}"
    taken = f" ({size(buffer.used_bytes)})" if buffer.used_bytes else ""
    yield "buffer", kept + taken + room, Level.PLAIN if buffer.problem is None else Level.BAD
    produced = f"{status.produced:,} produced ({status.produced_per_s:.1f}/s)"
    accepted = f"{status.accepted:,} accepted ({status.accepted_per_s:.1f}/s)"
    yield "messages", f"{produced}, {accepted} since the start", Level.PLAIN
    degrees = status.pi.temperature_c
    is_odd = not status.clock_is_set or status.pi.is_slowed_by_heat
    heat = "" if degrees is None else f", {degrees:.0f} °C"
    yield "computer", _clock(status) + heat, Level.ODD if is_odd else Level.PLAIN
    if status.log_lines_dropped:
        dropped = f"{counted(status.log_lines_dropped, 'line')} dropped since the start"
        yield "log", f"{dropped}: stderr or stdout did not take them", Level.ODD
    signals = _signals(status.bikes)
    if signals:
        yield "radio", signals, Level.PLAIN


def _clock(status: GatewayStatus) -> str:
    if not status.clock_is_set:
        return "clock not set"
    return _CLOCK.get(status.clock_source, "clock set")


def _signals(bikes: Sequence[BikeStatus]) -> str:
    """Return the signals of the bikes that are received by radio, weakest first."""
    found = sorted(
        (radio.rssi_dbm, bike.bike_id, radio)
        for bike in bikes
        if (radio := bike.radio) is not None and radio.rssi_dbm is not None
    )
    shown = found[:MOST_SIGNALS]
    more = len(found) - len(shown)
    rest = [f"and {more} with a stronger signal"] if more else []
    return ", ".join((*(f"{bike_id} {signal(radio)}" for _, bike_id, radio in shown), *rest))


def signal(radio: RadioStatus) -> str:
    """Return the strength of a bike's signal, at which adapter, and its age unless it is new."""
    age_s = radio.rssi_age_s or 0.0
    age = f" {duration(age_s)} ago" if age_s >= FRESH_SIGNAL_S else ""
    return f"{radio.rssi_dbm} dBm ({radio.adapter}){age}"


def _cloud(cloud: CloudStatus) -> str:
    since = duration(cloud.state_s)
    several = f", {cloud.connected} of {cloud.connections} connections"
    if cloud.is_connected:
        return f"connected for {since}" + several * (cloud.connections > 1)
    if not cloud.connected:
        return f"offline for {since}"
    away = cloud.connections - cloud.connected
    return f"{cloud.connected} of {cloud.connections} connections up, {away} offline for {since}"


def remarks(bike: BikeStatus) -> Iterator[str]:
    """Yield sentences about what the cells of a bike do not show."""
    if bike.starts_in_s is not None:
        yield f"{bike.bike_id}: race {bike.race_id} begins in {duration(bike.starts_in_s)}"
    elif bike.not_joined:
        yield f"{bike.bike_id} has not joined race {bike.race_id}: {bike.not_joined}"
    if bike.resistance_doubt:
        instead = "races use one derived from power and cadence instead"
        yield f"{bike.bike_id}: {bike.resistance_doubt}; {instead}"
    if bike.refused:
        yield f"{bike.bike_id}: {refused_words(bike.refused)}"
    if bike.next_racer_name:
        yield f"{bike.bike_id}: {bike.next_racer_name} rides from the next race on"
    if bike.is_rider_chosen and bike.own_rider is not None:
        yield f"{bike.bike_id}: a rider was chosen in place of {bike.own_rider.name}"
    if bike.losses_per_hour:
        often = counted(bike.losses_per_hour, "time")
        yield f"{bike.bike_id} was lost {often} in the last hour"


def bike_cells(bike: BikeStatus) -> Iterator[Words]:
    """Yield the cells of a bike; their titles are BIKE_TITLES."""
    state = "simulated" if bike.is_simulated and bike.is_connected else bike.state.value
    if not bike.is_connected:
        state += f" {duration(bike.state_s)}"
    yield Words(bike.bike_id)
    yield Words(bike.racer_name)
    yield Words(state, Level.WELL if bike.is_connected else Level.ODD)
    yield Words(str(bike.race_id) if bike.has_joined else "")
    yield Words(str(bike.second) if bike.has_joined and bike.starts_in_s is None else "")
    sample = bike.sample
    if sample is None or not sample.present:
        yield from (Words(""),) * 3
        return
    is_live = sample.cadence is FieldState.LIVE
    yield Words(f"{sample.cadence_rpm:.0f}", Level.PLAIN if is_live else Level.ODD)
    yield Words(_RESISTANCE[sample.resistance_source].format(sample.resistance_percent))
    yield Words("" if sample.power_w is None else f"{sample.power_w:.0f}")


def place_cells(place: Place | None) -> Iterator[Words]:
    """Yield rank and gap, if the backend has sent them; their titles are PLACE_TITLES."""
    if place is None or place.rank is None:
        return
    level = Level.ODD if place.age_s > STALE_RESULTS_S else Level.PLAIN
    yield Words(f"{place.rank}/{place.racers}", level)
    yield Words("" if place.gap is None else f"{place.gap:.2f}", level)
