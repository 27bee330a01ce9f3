"""The status as Prometheus metrics: https://prometheus.io/docs/practices/naming/."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.bike.status import BikeStatus
from gateway.cloud.certificates import SECONDS_PER_DAY, CertificateStatus
from gateway.status.concerns import concerns
from gateway.status.snapshot import GatewayStatus
from gateway.terminal.printable import printable
from gateway.timing.clock_sync import ClockSource

PREFIX = "alleycat_gateway"
BIKE_LABELS = ("bike_id", "racer")


def metrics_text(status: GatewayStatus) -> bytes:
    """Return the status in Prometheus' text format, version 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(status))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, status: GatewayStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        about = {"version": status.version, "thing_name": status.thing_name}
        yield InfoMetricFamily(PREFIX, "Version and thing name of the gateway.", about)
        state, refusal = printable(status.cloud.state), printable(status.cloud.refusal or "")
        cloud = {"state": state, "refusal": refusal}
        yield InfoMetricFamily(f"{PREFIX}_cloud", "State of the cloud, and any refusal.", cloud)
        for name, text, total in _counters(status):
            yield CounterMetricFamily(f"{PREFIX}_{name}", text, total)
        for name, text, value in _gauges(status):
            if value is not None:
                yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value)
        yield _of_certificates(status.cloud.certificates)
        yield from _of_bikes(status.bikes)


def _counters(status: GatewayStatus) -> Iterator[tuple[str, str, int]]:
    buffer = status.buffer
    yield "messages_produced_total", "Messages produced since the start.", status.produced
    yield "messages_accepted_total", "Messages acknowledged by the cloud.", status.accepted
    yield "messages_lost_total", "Messages dropped for lack of room, or unreadable.", buffer.lost
    yield "seconds_lost_total", "Seconds not sampled: the process stalled.", status.lost_seconds
    yield (
        "log_lines_dropped_total",
        "Lines that stderr or stdout did not take.",
        status.log_lines_dropped,
    )


def _gauges(status: GatewayStatus) -> Iterator[tuple[str, str, float | None]]:
    buffer, pi = status.buffer, status.pi
    hours_left = status.hours_left
    room_s = None if hours_left is None else hours_left * 3600
    problem = buffer.problem is not None
    yield "uptime_seconds", "Time since the start.", status.uptime_s
    yield (
        "concerns",
        "Problems that need attention; `alleycat-gateway status` lists them.",
        len(concerns(status)),
    )
    yield "clock_set", "1 if the wall clock is set.", status.clock_is_set
    is_from_server = status.clock_source is ClockSource.TIME_SERVER
    yield "clock_from_time_server", "1 if a time server has set the clock.", is_from_server
    yield from _of_the_cloud(status)
    yield "messages_buffered", "Messages not acknowledged yet.", buffer.depth
    yield "messages_on_disk", "Messages not acknowledged yet that are on disk.", buffer.on_disk
    yield "messages_quarantined", "Messages that are no longer sent.", buffer.quarantined
    yield "seconds_unnamed", "Seconds kept until the clock is set.", buffer.unnamed
    yield "buffer_problem", "1 if the buffer's disk has a problem.", problem
    yield (
        "files_set_aside",
        "Files in the state directory that could not be used and were set aside.",
        status.files_set_aside,
    )
    yield "buffer_used_bytes", "Room that the buffer takes on the disk.", buffer.used_bytes
    yield "buffer_free_bytes", "Room left for the buffer.", buffer.free_bytes
    yield "buffer_room_seconds", "Racing time left without a cloud.", room_s
    yield "temperature_celsius", "Temperature of the board.", pi.temperature_c
    yield "undervoltage", "1 if the power supply is too weak.", pi.is_undervolted


def _of_the_cloud(status: GatewayStatus) -> Iterator[tuple[str, str, float | None]]:
    cloud = status.cloud
    yield "cloud_connections", "Connections to the cloud that are needed.", cloud.connections
    yield "cloud_connected", "Connections to the cloud that are up.", cloud.connected
    yield "cloud_state_seconds", "Time since the cloud came online or went offline.", cloud.state_s
    yield "cloud_refused_seconds", "Time since the first refusal; 0 if none.", cloud.refused_s
    yield (
        "cloud_takeovers",
        "Takeovers by another client of the same name in the last ten minutes.",
        cloud.takeovers,
    )
    yield (
        "cloud_brief_hangups",
        "New connections that the broker closed in the last ten minutes without a reason.",
        cloud.brief_hangups,
    )
    yield "pace_ratio", "Current share of the normal sending rate.", cloud.pace_share
    yield (
        "subscriptions_refused",
        "Subscriptions that the broker refuses: race commands, results.",
        _refused_subscriptions(status),
    )


def _refused_subscriptions(status: GatewayStatus) -> int:
    results = None if status.results is None else status.results.refusal
    return sum(refusal is not None for refusal in (status.cloud.commands_refusal, results))


def _of_certificates(certificates: tuple[CertificateStatus, ...]) -> Metric:
    left = GaugeMetricFamily(
        f"{PREFIX}_certificate_remaining_seconds",
        "Time until the certificate expires; below 0 once it has.",
        labels=("file",),
    )
    for one in certificates:
        if one.days_left is not None:
            left.add_metric((one.key,), one.days_left * SECONDS_PER_DAY)
    return left


def _of_bikes(bikes: tuple[BikeStatus, ...]) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(f"{PREFIX}_bike_{name}", text, labels=BIKE_LABELS)
        for name, text in (
            ("connected", "1 if the bike is connected."),
            ("state_seconds", "Time since the connection state last changed."),
            ("race_second", "Current second of the bike's race."),
            ("cadence_rpm", "Cadence in the last whole second."),
            ("resistance_ratio", "Calibrated resistance in the last whole second, 0 to 1."),
            ("power_watts", "Power in the last whole second, if the bike reports it."),
            ("losses_per_hour", "Losses of the connected bike in the last hour."),
            ("rssi_dbm", "Strength of the bike's last signal that could be measured."),
            ("rssi_age_seconds", "Time since that signal."),
        )
    }
    for bike in bikes:
        for name, value in _of_bike(bike):
            if value is not None:
                families[name].add_metric(_labels(bike), value)
    yield from families.values()
    adapters = InfoMetricFamily(
        f"{PREFIX}_bike_radio", "The adapter that receives the bike.", labels=BIKE_LABELS
    )
    for bike in bikes:
        if bike.radio is not None:
            adapters.add_metric(_labels(bike), {"adapter": printable(bike.radio.adapter)})
    yield adapters


def _labels(bike: BikeStatus) -> tuple[str, str]:
    """Return the values of BIKE_LABELS, which are shown in terminals as well."""
    return printable(bike.bike_id), printable(bike.racer_name)


def _of_bike(bike: BikeStatus) -> Iterator[tuple[str, float | None]]:
    yield "connected", bike.is_connected
    yield "state_seconds", bike.state_s
    yield "race_second", bike.second
    yield "losses_per_hour", bike.losses_per_hour
    if bike.radio is not None:
        yield "rssi_dbm", bike.radio.rssi_dbm
        yield "rssi_age_seconds", bike.radio.rssi_age_s
    sample = bike.sample
    if sample is not None and sample.present:
        yield "cadence_rpm", sample.cadence_rpm
        yield "resistance_ratio", round(sample.resistance_percent / 100, 4)
        yield "power_watts", sample.power_w
