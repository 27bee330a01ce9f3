"""The race of addresses: the first that answers, at once, and none left open."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from gateway.cloud import way
from gateway.cloud.way import addresses, is_direct, open_way
from gateway.config.cloud import CloudConfig


@pytest.fixture
async def accepted() -> AsyncIterator[tuple[int, list[asyncio.StreamReader]]]:
    readers: list[asyncio.StreamReader] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        readers.append(reader)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], readers


def resolves_to(monkeypatch: pytest.MonkeyPatch, *found: str) -> None:
    async def resolve(*_: object) -> list[tuple[int, str]]:
        return [(socket.AF_INET, address) for address in found]

    monkeypatch.setattr(way, "addresses", resolve)


def to(port: int) -> CloudConfig:
    return CloudConfig(endpoint="localhost", port=port, plaintext=True)


async def test_refused_address_is_left_for_the_next_one(
    accepted: tuple[int, list[asyncio.StreamReader]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, _ = accepted
    resolves_to(monkeypatch, "127.0.0.9", "127.0.0.1")
    _, writer = await open_way(to(port), "auto")
    assert writer.get_extra_info("peername")[0] == "127.0.0.1"
    writer.close()


async def test_error_of_the_first_address_is_raised_if_none_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolves_to(monkeypatch, "127.0.0.9", "127.0.0.8")
    monkeypatch.setattr(way, "HEAD_START_S", 0.01)
    with pytest.raises(ConnectionRefusedError, match=r"127\.0\.0\.9"):
        await open_way(to(1), "auto")


async def test_connection_that_loses_the_race_is_closed(
    accepted: tuple[int, list[asyncio.StreamReader]], monkeypatch: pytest.MonkeyPatch
) -> None:
    port, readers = accepted
    resolves_to(monkeypatch, *["127.0.0.1"] * 6)
    monkeypatch.setattr(way, "HEAD_START_S", 0.0)
    _, writer = await open_way(to(port), "auto")
    await asyncio.sleep(0.2)
    assert sum(not reader.at_eof() for reader in readers) == 1
    writer.close()


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
async def test_addresses_are_of_the_family_that_was_asked_for(family: way.Family) -> None:
    host = {"ipv4": "127.0.0.1", "ipv6": "::1"}[family]
    assert [address for _, address in await addresses(host, 1, family)] == [host]
    other: way.Family = "ipv6" if family == "ipv4" else "ipv4"
    with pytest.raises(socket.gaierror):
        await addresses(host, 1, other)


async def test_families_take_turns_and_ipv6_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    four = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"10.0.0.{n}", 1)) for n in range(9)]
    six = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (f"fd::{n}", 1, 0, 0)) for n in range(2)]

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [*four, *six])
    assert [address for _, address in await addresses("x", 1, "auto")] == [
        *("fd::0", "10.0.0.0", "fd::1", "10.0.0.1", "10.0.0.2", "10.0.0.3")
    ]


def test_only_a_fixed_family_or_a_proxy_needs_a_tunnel() -> None:
    cloud = CloudConfig(endpoint="broker.example")
    assert is_direct(cloud, "auto")
    assert not is_direct(cloud, "ipv4")
    assert not is_direct(cloud.model_copy(update={"proxy": "http://p:1"}), "auto")
