"""A gateway's status on a terminal of at least 80 × 24."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gateway.bike.status import BikeStatus, RadioStatus
from gateway.race.results import Place
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.plausible import refused_words
from gateway.sampling.series import FieldState
from gateway.status.concerns import Command, Concern, concerns, service_command
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.terminal.printable import one_line
from gateway.terminal.units import counted, duration, size
from gateway.timing.clock_sync import ClockSource

#: Up to FEW_BIKES bikes are all listed. Of more, SHOWN_OF_MANY are listed, disconnected ones first.
FEW_BIKES = 8
SHOWN_OF_MANY = 6
#: Results that are older than this, in seconds, are marked: the backend sends them every second.
STALE_RESULTS_S = 5.0
#: The age of a signal strength is shown from this many seconds on.
FRESH_SIGNAL_S = 60.0
#: Limits the bikes whose signal is listed.
MOST_SIGNALS = 4
#: Limits the concerns that are listed.
MOST_CONCERNS = 5

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

#: Styles. BAD marks problems that lose data; an outage loses none, so it is ODD.
WELL, ODD, BAD = "green", "yellow", "bold red"


def status_view(status: GatewayStatus, command: Command = service_command) -> RenderableType:
    """Return the whole status for display, with advice to run commands in that form."""
    verdict = _verdict(concerns(status, command))
    if not status.is_set_up:
        return Group(_heading(status), *verdict)
    return Group(_heading(status), *verdict, "", _facts(status), "", *_bikes(status.bikes))


def _heading(status: GatewayStatus) -> Text:
    about = f"  alleycat-gateway {one_line(status.version)}, up {duration(status.uptime_s)}"
    return Text.assemble((one_line(status.thing_name), "bold"), (about, "dim"))


def _verdict(found: Sequence[Concern]) -> Iterator[RenderableType]:
    if not found:
        yield Text("all well", style=WELL)
        return
    things = counted(len(found), "thing")
    yield Text(f"{things} {'needs' if len(found) == 1 else 'need'} attention:")
    shown = found if len(found) <= MOST_CONCERNS else found[: MOST_CONCERNS - 1]
    for concern in shown:
        text = Text(one_line(concern.text), style=BAD if concern.is_urgent else ODD)
        yield Padding(text, (0, 0, 0, 2), expand=False)
    if len(shown) < len(found):
        yield f"  … and {len(found) - len(shown)} more; --json lists all"


def _facts(status: GatewayStatus) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, text, style in _fact_lines(status):
        table.add_row(Text(name, style="dim"), Text(one_line(text), style=style))
    return table


def _fact_lines(status: GatewayStatus) -> Iterator[tuple[str, str, str]]:
    cloud, buffer, hours_left = status.cloud, status.buffer, status.hours_left
    yield "cloud", _cloud(cloud), WELL if cloud.is_connected else ODD
    soon = [one for one in cloud.certificates if one.expires_soon]
    if soon:
        yield "certificate", ", ".join(f"{one.key} {one.expiry}" for one in soon), ODD
    kept = f"{counted(buffer.depth, 'message')} waiting, {buffer.on_disk:,} on disk"
    room = "" if hours_left is None else f", room for {duration(hours_left * 3600)}"
    taken = f" ({size(buffer.used_bytes)})" if buffer.used_bytes else ""
    yield "buffer", kept + taken + room, "" if buffer.problem is None else BAD
    produced = f"{status.produced:,} produced ({status.produced_per_s:.1f}/s)"
    accepted = f"{status.accepted:,} accepted ({status.accepted_per_s:.1f}/s)"
    yield "messages", f"{produced}, {accepted} since the start", ""
    degrees = status.pi.temperature_c
    is_odd = not status.clock_is_set or status.pi.is_slowed_by_heat
    heat = "" if degrees is None else f", {degrees:.0f} °C"
    yield "machine", _clock(status) + heat, ODD if is_odd else ""
    if status.log_lines_dropped:
        dropped = counted(status.log_lines_dropped, "line")
        yield "log", f"{dropped} dropped since the start: stderr or stdout did not take them", ODD
    signals = _signals(status.bikes)
    if signals:
        yield "radio", signals, ""


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
    more = [f"and {len(found) - len(shown)} stronger"] if len(shown) < len(found) else []
    return ", ".join((*(f"{bike_id} {_signal(radio)}" for _, bike_id, radio in shown), *more))


def _signal(radio: RadioStatus) -> str:
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


def _bikes(bikes: Sequence[BikeStatus]) -> Iterator[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="dim")
    is_ranked = any(bike.place is not None for bike in bikes)
    for title in ("bike", "racer"):
        width = 8 if is_ranked else 14
        table.add_column(title, no_wrap=True, overflow="ellipsis", max_width=width)
    table.add_column("state", no_wrap=True, overflow="ellipsis")
    for title in ("race", "second", "rpm", "%", "W", *(("rank", "gap") if is_ranked else ())):
        table.add_column(title, justify="right", no_wrap=True)
    away = [bike for bike in bikes if not bike.is_connected]
    shown = bikes
    if len(bikes) > FEW_BIKES:
        there = [bike for bike in bikes if bike.is_connected]
        yield Text(f"{len(bikes)} bikes: {len(there)} connected, {len(away)} away")
        shown = [*away, *there][:SHOWN_OF_MANY]
    for bike in shown:
        table.add_row(*_bike_cells(bike), *_place_cells(bike.place))
    yield table
    for bike in shown:
        yield from (Text(one_line(remark), style="dim") for remark in _remarks(bike))
    if len(shown) < len(bikes):
        more_away = len(away) - len(shown)
        yield f"… and {len(bikes) - len(shown)} more" + (
            f", {more_away} of them away" if more_away > 0 else ""
        )


def _remarks(bike: BikeStatus) -> Iterator[str]:
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
        changed = f"{bike.bike_id}: the changed racer, {bike.next_racer_name},"
        yield f"{changed} rides from the next race on"
    if bike.is_rider_chosen and bike.own_rider is not None:
        yield f"{bike.bike_id}: a rider was chosen instead of its own, {bike.own_rider.name}"
    if bike.losses_per_hour:
        often = counted(bike.losses_per_hour, "time")
        yield f"{bike.bike_id} was lost {often} in the last hour"


def _bike_cells(bike: BikeStatus) -> Iterator[RenderableType]:
    state = "simulated" if bike.is_simulated and bike.is_connected else bike.state.value
    if not bike.is_connected:
        state += f" {duration(bike.state_s)}"
    yield Text(one_line(bike.bike_id))
    yield Text(one_line(bike.racer_name))
    yield Text(state, style=WELL if bike.is_connected else ODD)
    yield str(bike.race_id) if bike.has_joined else ""
    yield str(bike.second) if bike.has_joined and bike.starts_in_s is None else ""
    sample = bike.sample
    if sample is None or not sample.present:
        yield from ("", "", "")
        return
    is_live = sample.cadence is FieldState.LIVE
    yield Text(f"{sample.cadence_rpm:.0f}", style="" if is_live else ODD)
    yield _RESISTANCE[sample.resistance_source].format(sample.resistance_percent)
    yield "" if sample.power_w is None else f"{sample.power_w:.0f}"


def _place_cells(place: Place | None) -> Iterator[RenderableType]:
    if place is None or place.rank is None:
        return
    style = ODD if place.age_s > STALE_RESULTS_S else ""
    yield Text(f"{place.rank}/{place.racers}", style=style)
    yield Text("" if place.gap is None else f"{place.gap:.2f}", style=style)
