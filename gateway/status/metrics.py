"""The status as Prometheus metrics: https://prometheus.io/docs/practices/naming/."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from gateway.bike.status import BikeStatus
from gateway.status.concerns import concerns
from gateway.status.snapshot import GatewayStatus

PREFIX = "alleycat_gateway"
BIKE_LABELS = ("bike_id", "racer")


def metrics_text(status: GatewayStatus) -> bytes:
    """In the text format, version 0.0.4."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(status))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, status: GatewayStatus) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        status = self._status
        about = {"version": status.version, "thing_name": status.thing_name}
        yield InfoMetricFamily(PREFIX, "Which gateway this is.", about)
        for name, text, total in _counters(status):
            yield CounterMetricFamily(f"{PREFIX}_{name}", text, total)
        for name, text, value in _gauges(status):
            if value is not None:
                yield GaugeMetricFamily(f"{PREFIX}_{name}", text, value)
        yield from _of_bikes(status.bikes)


def _counters(status: GatewayStatus) -> Iterator[tuple[str, str, int]]:
    buffer = status.buffer
    yield "messages_produced_total", "Messages made since the start.", status.produced
    yield "messages_accepted_total", "Messages acknowledged by the cloud.", status.accepted
    yield "messages_lost_total", "Messages given up for want of room, or unreadable.", buffer.lost
    yield "seconds_lost_total", "Seconds that nobody sampled.", status.lost_seconds


def _gauges(status: GatewayStatus) -> Iterator[tuple[str, str, float | None]]:
    buffer, cloud, pi = status.buffer, status.cloud, status.pi
    hours_left = status.hours_left
    room_s = None if hours_left is None else hours_left * 3600
    problem = buffer.problem is not None
    yield "uptime_seconds", "Since the start.", status.uptime_s
    yield (
        "concerns",
        "Things that need somebody's attention; `status` names them.",
        len(concerns(status)),
    )
    yield "clock_set", "1 if the wall clock is set.", status.clock_is_set
    yield "cloud_connections", "Connections to the cloud that are wanted.", cloud.connections
    yield "cloud_connected", "Connections to the cloud that hold.", cloud.connected
    yield "cloud_state_seconds", "For how long it has been connected, or not.", cloud.state_s
    yield "pace_ratio", "Part of its pace that the broker bears.", cloud.pace_share
    yield "messages_buffered", "Messages that are not acknowledged yet.", buffer.depth
    yield "messages_on_disk", "Of them, those on disk.", buffer.on_disk
    yield "messages_quarantined", "Messages that are not sent any more.", buffer.quarantined
    yield "seconds_unnamed", "Seconds that wait for the clock to be set.", buffer.unnamed
    yield "buffer_problem", "1 if the buffer's disk has a problem.", problem
    yield "buffer_used_bytes", "Size of the buffer's file.", buffer.used_bytes
    yield "buffer_free_bytes", "Room left for the buffer.", buffer.free_bytes
    yield "buffer_room_seconds", "Racing without a cloud that there is room for.", room_s
    yield "temperature_celsius", "Of the board.", pi.temperature_c
    yield "undervoltage", "1 if the power supply is too weak.", pi.is_undervolted


def _of_bikes(bikes: tuple[BikeStatus, ...]) -> Iterator[Metric]:
    families = {
        name: GaugeMetricFamily(f"{PREFIX}_bike_{name}", text, labels=BIKE_LABELS)
        for name, text in (
            ("connected", "1 if the bike is connected."),
            ("state_seconds", "For how long it has been connected, or not."),
            ("race_second", "Second of the race that it rides."),
            ("cadence_rpm", "In the last whole second."),
            ("resistance_ratio", "In the last whole second, calibrated, 0 to 1."),
            ("power_watts", "In the last whole second, if the bike says it."),
        )
    }
    for bike in bikes:
        for name, value in _of_bike(bike):
            if value is not None:
                families[name].add_metric((bike.bike_id, bike.racer_name), value)
    yield from families.values()


def _of_bike(bike: BikeStatus) -> Iterator[tuple[str, float | None]]:
    yield "connected", bike.is_connected
    yield "state_seconds", bike.state_s
    yield "race_second", bike.second
    sample = bike.sample
    if sample is not None and sample.present:
        yield "cadence_rpm", sample.cadence_rpm
        yield "resistance_ratio", round(sample.resistance_percent / 100, 4)
        yield "power_watts", sample.power_w
