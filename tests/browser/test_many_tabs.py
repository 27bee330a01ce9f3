"""As many open pages as one address may have, and more: Chromium's tabs among other readers.

A tab of Chromium takes a tenth of a core, so only some of the pages are tabs. A context has five of
them: a browser opens no more than six connections to a host.
"""

import re
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from threading import Event, Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from gateway.web.connections import STREAMS_PER_ADDRESS_MAX
from tests.browser.conftest import PHONE, WebGateway
from tests.support.subscriber import Subscriber

TABS = 5
#: How long a page may take on a busy machine to show what has changed, in ms.
SHOWN_MS = 30_000
GONE = "The gateway does not answer"
READ_BYTES = 1 << 16


class Readers:
    """Connections that follow the events of a rider's page. A thread receives them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._is_over = Event()
        self._thread = Thread(target=self._receive)
        self._thread.start()

    def __len__(self) -> int:
        return len(self._selector.get_map())

    def fill(self) -> None:
        """Open streams until no address may have more."""
        while len(self) < STREAMS_PER_ADDRESS_MAX - TABS:
            if not self.open():
                time.sleep(0.1)

    def leave(self, number: int) -> None:
        """Close some connections."""
        for key in list(self._selector.get_map().values())[:number]:
            self._close(key.fileobj)

    def end(self) -> None:
        self._is_over.set()
        self._thread.join()
        self.leave(len(self))

    def open(self) -> bool:
        """Open a connection; return whether it is accepted."""
        one = socket.create_connection(("127.0.0.1", self._port))
        with suppress(ConnectionError):
            one.sendall(b"GET /events?page=rider HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if one.recv(READ_BYTES).startswith(b"HTTP/1.1 200"):
                self._selector.register(one, selectors.EVENT_READ)
                return True
        one.close()
        return False

    def _close(self, one: object) -> None:
        assert isinstance(one, socket.socket)
        self._selector.unregister(one)
        one.close()

    def _receive(self) -> None:
        while not self._is_over.wait(0.05):
            for key, _ in self._selector.select(0):
                assert isinstance(key.fileobj, socket.socket)
                with suppress(OSError):
                    key.fileobj.recv(READ_BYTES)


@contextmanager
def tabs(browser: Browser, gateway: WebGateway) -> Iterator[tuple[BrowserContext, list[Page]]]:
    """Yield a browser with five tabs of the rider's page."""
    with browser.new_context(viewport=PHONE) as context:
        opened = [context.new_page() for _ in range(TABS)]
        for page in opened:
            page.goto(f"{gateway.url}#bike-1")
            expect_live(page)
        yield context, opened


def expect_live(page: Page) -> None:
    """Expect the page to show that the race goes on."""
    expect(page.locator("article:visible")).to_have_attribute(
        "data-state", "racing", timeout=SHOWN_MS
    )
    clock = page.locator("article:visible [data-part=clock]")
    before = clock.inner_text()
    expect(clock).not_to_have_text(before, timeout=SHOWN_MS)
    expect(page.locator("article:visible [data-part=cadence]")).to_have_text(re.compile(r"^\d+$"))


@pytest.fixture
def readers(gateway: WebGateway) -> Iterator[Readers]:
    readers = Readers(gateway.web_port)
    yield readers
    readers.end()


def test_pages_beyond_the_limit_are_told_and_come_in_when_others_go(
    browser: Browser, gateway: WebGateway, subscriber: Subscriber, readers: Readers
) -> None:
    gateway.race_length_s = 3600
    gateway.start()
    with tabs(browser, gateway) as (_, first), tabs(browser, gateway) as (away, last):
        away.set_offline(True)
        gateway.kill()
        for page in last:
            expect(page.get_by_role("status")).to_contain_text(GONE, timeout=SHOWN_MS)
        gateway.start()
        gateway.wait_for_log("cloud connected", times=2)
        for page in first:
            expect_live(page)
        since = len(subscriber.messages)
        readers.fill()
        away.set_offline(False)
        for page in last:
            page.wait_for_event("response", is_refusal)
            expect(page.get_by_role("status")).to_contain_text(GONE)
        last[0].reload()
        expect(last[0].locator("#notice")).to_contain_text(GONE, timeout=SHOWN_MS)
        for page in first:
            expect_live(page)
        assert not readers.open()
        readers.leave(TABS)
        for page in last:
            expect_live(page)
        assert len(readers) == STREAMS_PER_ADDRESS_MAX - 2 * TABS
    assert_no_second_is_missing(subscriber, since)


def is_refusal(response: Response) -> bool:
    """Return whether the gateway refuses a stream to a page, since too many are open."""
    status: int = response.status
    return status == HTTPStatus.SERVICE_UNAVAILABLE


def assert_no_second_is_missing(subscriber: Subscriber, since: int) -> None:
    """Assert that the seconds of each bike follow one another, from some message to the present."""
    known = len(subscriber.messages)
    messages = subscriber.wait_for(lambda messages: len(messages) >= known + 4)[since:]
    for bike_id in ("bike-1", "bike-2"):
        seconds = [one.second for one in messages if one.bike_id == bike_id]
        assert seconds == list(range(seconds[0], seconds[0] + len(seconds))), bike_id
