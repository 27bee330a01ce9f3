"""What keeps a fleet from racing; whole races are in tests/e2e/test_fleet.py."""

import asyncio
from pathlib import Path

import pytest

from gateway.config.cloud import CloudConfig
from gateway.simulation.fleet.plan import FleetError, FleetOptions, Plan
from gateway.simulation.fleet.session import FleetTarget, run_fleet
from gateway.timing.clock import SystemClock
from tests.support.mosquitto import free_port
from tests.support.virtual_clock import VirtualClock


def test_fleet_target_is_named_by_its_broker() -> None:
    cloud = CloudConfig(endpoint="127.0.0.1", port=8883, plaintext=True)
    assert FleetTarget(cloud, "fleet-", None).name == "127.0.0.1:8883"
    assert FleetTarget(None, "fleet-", None).name == "a cloud on this computer"


async def test_fleet_does_not_race_before_the_clock_is_set(tmp_path: Path) -> None:
    clock = VirtualClock()
    clock.is_set = False
    target = FleetTarget(None, "fleet-", tmp_path / "state")
    with pytest.raises(FleetError, match="clock is not set"):
        await run_fleet(Plan(FleetOptions(1, 10)), target, clock, asyncio.Event(), lambda _: None)
    assert not (tmp_path / "state").exists()


async def test_fleet_without_a_broker_ends_at_once_with_the_reason() -> None:
    cloud = CloudConfig(endpoint="127.0.0.1", port=free_port(), plaintext=True)
    fleet = run_fleet(
        Plan(FleetOptions(5, 10)),
        FleetTarget(cloud, "fleet-", None, check="alleycat-gateway check --config own.toml"),
        SystemClock(),
        asyncio.Event(),
        lambda _: None,
    )
    with pytest.raises(FleetError, match=r"5 of 5 connections .* refused") as raised:
        async with asyncio.timeout(20):
            await fleet
    assert "`alleycat-gateway check --config own.toml` tests a single one" in str(raised.value)
