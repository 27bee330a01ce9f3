"""Looking up a host: with a resolver that is silent, nothing waits for the end of it."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from drivers.lookup import look_up

#: The longest silence of the resolver, and a shorter time for what does not wait for it.
SILENCE_S, PROMPT_S = 10.0, 5.0


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a resolver that answers only at the end of the test."""
    end = threading.Event()

    def resolve(*_: object) -> list[object]:
        end.wait(SILENCE_S)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield
    end.set()


async def test_address_needs_no_resolver() -> None:
    assert await look_up("127.0.0.1", 1) == [(socket.AF_INET, "127.0.0.1")]


async def test_address_of_one_link_keeps_its_interface() -> None:
    assert await look_up("fe80::1%lo", 1) == [(socket.AF_INET6, "fe80::1%1")]


async def test_unknown_name_is_an_error_of_the_lookup() -> None:
    with pytest.raises(socket.gaierror):
        await look_up("nowhere.invalid", 1)


def test_event_loop_ends_during_a_lookup(silent_resolver: None) -> None:
    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await look_up("broker.example", 1)

    began = time.monotonic()
    asyncio.run(give_up())
    assert time.monotonic() - began < PROMPT_S
