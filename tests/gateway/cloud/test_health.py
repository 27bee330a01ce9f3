"""The dates of loaded certificates by a virtual clock, and what a broker refuses."""

import asyncio
import datetime as dt
from pathlib import Path

import pytest
import trustme

from gateway.cloud.health import LOOK_EVERY_S, CloudHealth
from gateway.cloud.iot_core import IotCore
from gateway.config.cloud import CloudConfig
from tests.support.virtual_clock import VirtualClock

END = dt.datetime(2030, 6, 1, tzinfo=dt.UTC)
BEGIN = END - dt.timedelta(days=100)


@pytest.fixture
def cloud(tmp_path: Path) -> CloudConfig:
    ca = trustme.CA()
    issued = ca.issue_cert("gateway-1", not_before=BEGIN, not_after=END)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    return CloudConfig(
        endpoint="broker.example",
        ca_file=tmp_path / "ca.pem",
        certificate_file=tmp_path / "cert.pem",
        private_key_file=tmp_path / "key.pem",
    )


def at(now: dt.datetime) -> VirtualClock:
    return VirtualClock(wall_ms=round(now.timestamp() * 1000))


async def test_days_left_pass_with_the_clock(cloud: CloudConfig) -> None:
    clock = at(END - dt.timedelta(days=8))
    health = CloudHealth([IotCore(cloud, "gateway-1")], clock)
    own, ca = health.certificates
    assert (own.key, own.valid_from, own.valid_until) == ("certificate_file", BEGIN, END)
    assert ca.key == "ca_file"
    assert own.days_left == pytest.approx(8)
    clock.step_wall(9 * 86_400_000)
    clock.reanchor()
    (own, _) = health.certificates
    assert own.days_left == pytest.approx(-1)
    assert own.is_expired


async def test_certificate_from_the_future_is_early(cloud: CloudConfig) -> None:
    clock = at(BEGIN - dt.timedelta(seconds=1))
    (own, _) = CloudHealth([IotCore(cloud, "gateway-1")], clock).certificates
    assert own.is_early
    assert own.problem is not None
    assert "not valid before" in own.problem


async def test_certificate_from_the_future_is_early_by_a_clock_that_is_not_trusted(
    cloud: CloudConfig,
) -> None:
    clock = at(BEGIN - dt.timedelta(minutes=10))
    clock.is_set = False
    (own, _) = CloudHealth([IotCore(cloud, "gateway-1")], clock).certificates
    assert (own.days_left, own.is_early) == (None, True)


async def test_certificates_are_not_expired_without_a_clock(cloud: CloudConfig) -> None:
    clock = at(END + dt.timedelta(days=9))
    clock.is_set = False
    (own, _) = CloudHealth([IotCore(cloud, "gateway-1")], clock).certificates
    assert (own.days_left, own.is_early, own.problem) == (None, False, None)


async def test_files_on_disk_are_looked_at_now_and_then(cloud: CloudConfig) -> None:
    clock = at(BEGIN)
    health = CloudHealth([IotCore(cloud, "gateway-1")], clock)
    looking = asyncio.create_task(health.run())
    await clock.settle()
    assert health.problem is None
    assert cloud.private_key_file is not None
    cloud.private_key_file.write_text("half")
    await clock.run_for(LOOK_EVERY_S)
    assert health.problem is not None
    assert "not in use" in health.problem
    looking.cancel()


async def test_files_that_one_of_two_connections_has_not_loaded_are_reported(
    cloud: CloudConfig,
) -> None:
    clock, uplinks = at(BEGIN), [IotCore(cloud, name) for name in ("gateway-1", "gateway-1:2")]
    health = CloudHealth(uplinks, clock)
    looking = asyncio.create_task(health.run())
    assert cloud.ca_file is not None
    cloud.ca_file.write_text(cloud.ca_file.read_text() * 2)
    uplinks[0].files.load()
    await clock.run_for(LOOK_EVERY_S)
    assert health.problem is not None
    assert "were replaced" in health.problem
    uplinks[1].files.load()
    assert health.problem is None
    looking.cancel()


async def test_broker_without_tls_has_no_certificates() -> None:
    cloud = CloudConfig(endpoint="127.0.0.1", port=1883, plaintext=True)
    health = CloudHealth([IotCore(cloud, "gateway-1")], at(BEGIN))
    assert health.certificates == ()
    assert health.problem is None
    assert health.refusal("a/topic") is None
