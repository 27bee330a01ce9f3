"""The metrics page: what Prometheus' own parser reads is what the status says."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from gateway.bike.status import RadioStatus, ResultsStatus
from gateway.cloud.certificates import CertificateStatus
from gateway.host.board import PiHealth
from gateway.status.metrics import metrics_text
from gateway.status.snapshot import GatewayStatus
from gateway.timing.clock_sync import ClockSource
from tests.support.hostile import HOSTILE, MARK, complaint
from tests.support.statuses import (
    bike_status,
    buffer_status,
    gateway_status,
    lost_bike,
    offline,
)

ROOT = Path(__file__).parents[3]
#: Base units, and what names end in that have none: https://prometheus.io/docs/practices/naming/.
UNITS = ("seconds", "bytes", "celsius", "ratio", "watts", "rpm")


def families(status: GatewayStatus) -> dict[str, Metric]:
    found = text_string_to_metric_families(metrics_text(status).decode())
    return {family.name.removeprefix("alleycat_gateway_"): family for family in found}


def value(status: GatewayStatus, name: str) -> float:
    (sample,) = families(status)[name].samples
    return float(sample.value)


def by_bike(status: GatewayStatus, name: str) -> dict[str, float]:
    return {one.labels["bike_id"]: one.value for one in families(status)[f"bike_{name}"].samples}


def test_metrics_contain_nothing_that_a_terminal_obeys() -> None:
    name = f"{HOSTILE}\udcff"
    radio = RadioStatus(name, rssi_dbm=-60)
    cloud = replace(offline(name), refusal=name)
    status = gateway_status(bike_status(racer_name=name, radio=radio), cloud=cloud)
    page = metrics_text(status).decode()
    assert page.count(MARK) > 3
    assert complaint(page) == ""


OFFLINE = gateway_status(
    lost_bike(1),
    bike_status(2),
    cloud=offline(),
    clock_is_set=False,
    clock_source=None,
    lost_seconds=3,
    buffer=buffer_status(depth=90, on_disk=88, lost=12, quarantined=2, unnamed=40, problem="full"),
    pi=PiHealth(61.2, True),
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("messages_produced", 10_800),
        ("messages_accepted", 10_799),
        ("messages_lost", 12),
        ("seconds_lost", 3),
        ("uptime_seconds", 10_800),
        ("clock_set", 0),
        ("clock_from_time_server", 0),
        ("cloud_connections", 1),
        ("cloud_connected", 0),
        ("cloud_state_seconds", 720),
        ("pace_ratio", 1),
        ("messages_buffered", 90),
        ("messages_on_disk", 88),
        ("messages_quarantined", 2),
        ("seconds_unnamed", 40),
        ("buffer_problem", 1),
        ("buffer_used_bytes", 358_400),
        ("buffer_free_bytes", 9 * 846_000),
        ("buffer_room_seconds", 23_793.75),
        ("temperature_celsius", 61.2),
        ("undervoltage", 1),
        ("concerns", 8),
    ],
)
def test_each_metric_is_the_number_of_the_status(name: str, expected: float) -> None:
    assert value(OFFLINE, name) == expected


def test_metrics_distinguish_a_time_server_from_a_clock_that_merely_runs() -> None:
    for source in ClockSource:
        status = gateway_status(clock_source=source)
        is_from_server = source is ClockSource.TIME_SERVER
        assert (value(status, "clock_set"), value(status, "clock_from_time_server")) == (
            1,
            is_from_server,
        )


def test_each_bike_has_its_own_metrics() -> None:
    assert by_bike(OFFLINE, "connected") == {"bike-001": 0, "bike-002": 1}
    assert by_bike(OFFLINE, "state_seconds") == {"bike-001": 180, "bike-002": 3600}
    assert by_bike(OFFLINE, "race_second") == {"bike-001": 103, "bike-002": 103}
    assert by_bike(OFFLINE, "cadence_rpm") == {"bike-002": 87.2}
    assert by_bike(OFFLINE, "resistance_ratio") == {"bike-002": 0.54}
    assert by_bike(OFFLINE, "power_watts") == {"bike-002": 163}


def test_reception_and_losses_of_each_bike_are_metrics() -> None:
    radio = RadioStatus("hci1", -71, 12.5)
    status = gateway_status(
        bike_status(1, radio=radio, losses_per_hour=2),
        bike_status(2, radio=RadioStatus("hci0")),
        bike_status(3),
    )
    assert by_bike(status, "rssi_dbm") == {"bike-001": -71}
    assert by_bike(status, "rssi_age_seconds") == {"bike-001": 12.5}
    losses = {"bike-001": 2, "bike-002": 0, "bike-003": 0}
    assert by_bike(status, "losses_per_hour") == losses
    samples = families(status)["bike_radio_info"].samples
    adapters = {one.labels["bike_id"]: one.labels["adapter"] for one in samples}
    assert adapters == {"bike-001": "hci1", "bike-002": "hci0"}


def test_time_left_of_each_certificate_is_a_metric() -> None:
    begin, end = (datetime(year, 6, 1, tzinfo=UTC) for year in (2029, 2030))
    certificates = (
        CertificateStatus("certificate_file", begin, end, 1.5),
        CertificateStatus("ca_file", begin, end, None),
    )
    status = gateway_status(cloud=replace(gateway_status().cloud, certificates=certificates))
    samples = families(status)["certificate_remaining_seconds"].samples
    assert [(one.labels, one.value) for one in samples] == [({"file": "certificate_file"}, 129_600)]


def test_refused_subscriptions_are_counted() -> None:
    cloud = replace(gateway_status().cloud, commands_refusal="not authorized")
    results = ResultsStatus("results", refusal="not authorized")
    assert value(gateway_status(), "subscriptions_refused") == 0
    assert value(gateway_status(cloud=cloud), "subscriptions_refused") == 1
    assert value(gateway_status(cloud=cloud, results=results), "subscriptions_refused") == 2


def test_metric_names_follow_the_conventions() -> None:
    for name, family in families(OFFLINE).items():
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge")
        for sample in family.samples:
            assert sample.name.startswith("alleycat_gateway_")
            assert sample.name.endswith("_total") == (family.type == "counter")
        tail = name.rpartition("_")[2]
        assert tail in UNITS or tail not in ("ms", "minutes", "hours", "percent", "kib", "mib", "s")


def test_info_metric_names_thing_and_version() -> None:
    (sample,) = families(gateway_status())["info"].samples
    assert sample.labels == {"thing_name": "gateway-1", "version": "0.1.0"}


def test_refusal_and_signs_of_a_namesake_are_metrics() -> None:
    cloud = replace(
        offline(), refusal="not authorised", refused_s=9.5, takeovers=2, brief_hangups=3
    )
    status = gateway_status(cloud=cloud)
    assert value(status, "cloud_refused_seconds") == 9.5
    assert value(status, "cloud_takeovers") == 2
    assert value(status, "cloud_brief_hangups") == 3
    (sample,) = families(status)["cloud_info"].samples
    assert sample.labels == {"state": "connection refused", "refusal": "not authorised"}


def test_unknown_metrics_are_left_out() -> None:
    unknown = gateway_status(buffer=buffer_status(free_bytes=None), pi=PiHealth())
    missing = {"buffer_free_bytes", "buffer_room_seconds", "temperature_celsius", "undervoltage"}
    assert not missing & families(unknown).keys()
    assert missing <= families(gateway_status()).keys()


def test_metric_label_holds_any_racer_name() -> None:
    name = 'Zoë "The\\Wheel"\n{x="1"} 7'
    status = gateway_status(bike_status(racer_name=name))
    (sample,) = families(status)["bike_connected"].samples
    assert sample.labels["racer"] == name


@pytest.mark.slow
def test_a_gateway_without_metrics_does_not_load_the_library() -> None:
    program = "import sys, gateway.daemon; print('prometheus_client' in sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert ended.stdout == "False\n"
