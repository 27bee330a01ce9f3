"""The address family of the next attempt, after failures of several kinds."""

import socket

import pytest

from gateway.cloud import fallback
from gateway.cloud.fallback import SWALLOWED, Fallback
from gateway.config.cloud import CloudConfig

TIMEOUT = SWALLOWED[0]
CLOUD = CloudConfig(endpoint="broker.example")


def resolves_to(monkeypatch: pytest.MonkeyPatch, *families: socket.AddressFamily) -> None:
    async def resolve(*_: object) -> list[tuple[int, str]]:
        if not families:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(family, "x") for family in families]

    monkeypatch.setattr(fallback, "addresses", resolve)


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves_to(monkeypatch, socket.AF_INET6, socket.AF_INET, socket.AF_INET)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("error", SWALLOWED)
async def test_swallowed_packets_lead_to_each_family_in_turn_then_to_both(error: str) -> None:
    one = Fallback(CLOUD)
    seen = [(one.family, False)]
    for _ in range(4):
        is_exhausted = await one.after(error)
        seen.append((one.family, is_exhausted))
    assert seen == [
        *[("auto", False), ("ipv4", False), ("ipv6", False), ("auto", True), ("ipv4", False)]
    ]


@pytest.mark.usefixtures("both")
async def test_family_that_works_is_kept_and_each_is_tried_after_the_next_hole() -> None:
    one = Fallback(CLOUD)
    await one.after(TIMEOUT)
    one.keep()
    assert one.family == "ipv4"
    assert [not await one.after(TIMEOUT), one.family] == [True, "ipv4"]
    assert [not await one.after(TIMEOUT), one.family] == [True, "ipv6"]


@pytest.mark.usefixtures("both")
async def test_any_other_failure_leads_back_to_both_families() -> None:
    one = Fallback(CLOUD)
    await one.after(TIMEOUT)
    assert await one.after("AWS_IO_SOCKET_NO_ROUTE_TO_HOST")
    assert one.family == "auto"


@pytest.mark.parametrize("families", [(), (socket.AF_INET,), (socket.AF_INET6,) * 2])
async def test_endpoint_of_one_family_has_nothing_to_fall_back_to(
    monkeypatch: pytest.MonkeyPatch, families: tuple[socket.AddressFamily, ...]
) -> None:
    resolves_to(monkeypatch, *families)
    one = Fallback(CLOUD)
    assert await one.after(TIMEOUT)
    assert one.family == "auto"


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    "changes", [{"address_family": "ipv6"}, {"proxy": "http://proxy.example:3128"}]
)
async def test_family_and_way_of_the_config_are_never_changed(changes: dict[str, str]) -> None:
    cloud = CLOUD.model_copy(update=changes)
    one = Fallback(cloud)
    assert await one.after(TIMEOUT)
    assert one.family == cloud.address_family
