"""The name of the pages: a real Avahi publishes it, and another computer asks the network."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.web.mdns import avahi, publishing
from gateway.web.mdns.avahi import NO_BUS, NOT_RUNNING, SILENT, TAKEN
from gateway.web.mdns.publishing import FAILED, NO_ADDRESS, NamePublisher
from tests.support.avahi import PATIENCE_S, Computer, computers, needs_avahi

pytestmark = [pytest.mark.slow, needs_avahi]

NAME = "alleycat-gateway-1.local"
SERVICE = "alleycat-gateway-1._http._tcp.local"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[tuple[Computer, Computer]]:
    with computers(tmp_path) as both:
        yield both


@pytest.fixture
def pi(network: tuple[Computer, Computer], monkeypatch: pytest.MonkeyPatch) -> Computer:
    """The computer whose system bus the publisher uses."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", network[0].bus.address)
    return network[0]


@pytest.fixture
def phone(network: tuple[Computer, Computer]) -> Computer:
    return network[1]


class Told:
    """What a publisher tells, one after the other."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue()
        self.put = self._waiting.put_nowait

    async def problem(self) -> str:
        """Return the next problem."""
        name, _, problem = str(await self._next()).partition(" does not lead to the pages: ")
        assert name == f"the name {NAME}"
        return problem

    async def success(self) -> None:
        assert await self._next() is None

    async def _next(self) -> str | None:
        async with asyncio.timeout(PATIENCE_S):
            return await self._waiting.get()


@asynccontextmanager
async def running(listen: str = "0.0.0.0", port: int = 8080) -> AsyncIterator[Told]:
    told = Told()
    publisher = asyncio.create_task(NamePublisher(NAME, listen, port, told.put).run())
    try:
        yield told
    finally:
        publisher.cancel()
        await asyncio.wait([publisher])


async def test_name_leads_another_computer_to_the_pages_until_the_end(
    pi: Computer, phone: Computer
) -> None:
    pi.start_avahi()
    async with running() as told:
        await told.success()
        await phone.is_answered(NAME, pi.address)
        await phone.is_answered(NAME, type_="AAAA")  # the pages listen with IPv4 only
    await phone.is_answered(NAME)


async def test_web_server_is_found_by_browsers_of_services(pi: Computer, phone: Computer) -> None:
    pi.start_avahi()
    async with running() as told:
        await told.success()
        await phone.is_answered("_http._tcp.local", SERVICE, type_="PTR")
        await phone.is_answered(SERVICE, f"{NAME}:8080", type_="SRV")


async def test_pages_on_all_addresses_have_those_of_both_families(
    pi: Computer, phone: Computer
) -> None:
    pi.run("ip address add fd00::1/64 dev net0 nodad")
    pi.start_avahi()
    async with running("::") as told:
        await told.success()
        await phone.is_answered(NAME, pi.address)
        await phone.is_answered(NAME, "fd00::1", type_="AAAA")


async def test_pages_on_one_address_have_no_other(pi: Computer, phone: Computer) -> None:
    pi.run("ip address add 192.0.2.9/24 dev net0")
    pi.start_avahi()
    async with running("192.0.2.9") as told:
        await told.success()
        await phone.is_answered(NAME, "192.0.2.9")


async def test_pages_in_another_network_are_not_announced_here(
    pi: Computer, phone: Computer
) -> None:
    pi.run("ip link add net8 type veth peer name net9")
    pi.run("ip link set net8 up")
    pi.run("ip link set net9 up")
    pi.run("ip address add 198.51.100.1/24 dev net8")
    pi.start_avahi()
    async with running("198.51.100.1") as told:
        await told.success()
        assert phone.ask(NAME) == []
        assert phone.ask("_http._tcp.local", "PTR") == []


async def test_name_leads_to_the_new_address_when_it_has_changed(
    pi: Computer, phone: Computer
) -> None:
    pi.start_avahi()
    async with running() as told:
        await told.success()
        pi.run(f"ip address delete {pi.address}/24 dev net0")
        pi.run("ip address add 192.0.2.7/24 dev net0")
        await phone.is_answered(NAME, "192.0.2.7")


async def test_address_that_the_computer_does_not_have_is_a_problem_until_it_has(
    pi: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "FIRST_ADDRESS_S", 1.5)
    monkeypatch.setattr(publishing, "RETRY_S", 1.0)
    pi.start_avahi()
    async with running("192.0.2.7") as told:
        assert await told.problem() == NO_ADDRESS
        pi.run("ip address add 192.0.2.7/24 dev net0")
        await told.success()


async def test_name_is_published_again_when_avahi_has_been_killed(
    pi: Computer, phone: Computer
) -> None:
    pi.start_avahi()
    async with running() as told:
        await told.success()
        pi.kill_avahi()
        assert await told.problem() == NOT_RUNNING
        pi.start_avahi()
        await told.success()
        await phone.is_answered(NAME, pi.address)


async def test_name_is_published_again_when_avahi_renames_the_computer(
    pi: Computer, phone: Computer
) -> None:
    pi.start_avahi()
    async with running() as told:
        await told.success()
        await pi.rename("pi-2")
        await phone.is_answered("pi-2.local", pi.address)
        await phone.is_answered(NAME, pi.address)
        pi.run("ip address add 192.0.2.7/24 dev net0")
        await phone.is_answered(NAME, pi.address, "192.0.2.7")


async def test_avahi_that_still_probes_the_name_of_the_computer_is_waited_for(pi: Computer) -> None:
    pi.start_avahi()
    await pi.rename("pi-2")
    async with running() as told:
        await told.success()


async def test_name_is_published_when_avahi_starts_after_the_gateway(pi: Computer) -> None:
    async with running() as told:
        assert await told.problem() == NOT_RUNNING
        pi.start_avahi()
        await told.success()


async def test_avahi_that_hangs_is_a_problem(pi: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avahi, "ANSWER_S", 0.5)
    monkeypatch.setattr(publishing, "RETRY_S", 1.0)
    pi.start_avahi()
    pi.signal_avahi(signal.SIGSTOP)
    async with running() as told:
        assert await told.problem() == SILENT
        pi.signal_avahi(signal.SIGCONT)
        await told.success()


async def test_name_of_another_computer_is_left_to_it_until_it_is_gone(
    pi: Computer, phone: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "RETRY_S", 1.0)
    phone.start_avahi(host="alleycat-gateway-1")
    await pi.is_answered(NAME, phone.address)
    pi.start_avahi()
    async with running() as told:
        assert await told.problem() == TAKEN
        await pi.is_answered(NAME, phone.address)
        phone.signal_avahi(signal.SIGTERM)
        await told.success()
        await phone.is_answered(NAME, pi.address)


async def test_name_that_the_computer_has_itself_is_no_collision(
    pi: Computer, phone: Computer
) -> None:
    pi.start_avahi(host="alleycat-gateway-1")
    async with running() as told:
        await told.success()
        await phone.is_answered(NAME, pi.address)
        await phone.is_answered(SERVICE, f"{NAME}:8080", type_="SRV")


async def test_second_gateway_of_the_same_name_on_this_computer_is_a_collision(
    pi: Computer,
) -> None:
    pi.start_avahi()
    async with running() as first:
        await first.success()
        async with running(port=8081) as second:
            assert await second.problem() == TAKEN


async def test_avahi_that_may_publish_nothing_is_a_problem(pi: Computer) -> None:
    pi.start_avahi(publish="disable-user-service-publishing=yes")
    async with running() as told:
        assert (await told.problem()).startswith("Avahi refuses ")


async def test_missing_bus_is_a_problem(pi: Computer) -> None:
    pi.bus.stop()
    async with running() as told:
        assert await told.problem() == NO_BUS


async def test_bug_is_a_problem_and_ends_it(pi: Computer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publishing, "open_avahi", None)
    async with running() as told:
        assert await told.problem() == FAILED
