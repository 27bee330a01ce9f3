"""The stream of events of a page, whose EventSource and clock are the test's."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route

FOLLOW = """(() => {
  window.opened = [];
  window.calls = [];
  window.EventSource = class extends EventTarget {
    constructor() { super(); this.isClosed = false; opened.push(this); }
    close() { this.isClosed = true; }
  };
  window.end = module.follow("events", {
    status: ({ line }) => calls.push(line),
    gone: () => calls.push("gone"),
    back: () => calls.push("back"),
  });
})()"""
SAY = """([source, line]) => opened.at(source).dispatchEvent(
  new MessageEvent("status", { data: JSON.stringify({ line }) }))"""


class Stream:
    """A page that follows a stream. Its clock only moves in `wait`."""

    def __init__(self, page: Page, run_module: Callable[..., Any]) -> None:
        self._page = page
        self._run_module = run_module
        #: The gateway's answer when the page asks whether it may still follow.
        self.status = 200
        page.route("http://modules.test/events", self._answer)
        page.clock.install(time=0)
        page.clock.pause_at(1)
        self.follow()

    def _answer(self, route: Route) -> None:
        route.fulfill(status=self.status)

    @property
    def calls(self) -> list[str]:
        """The lines that the page received, and when the gateway was gone and back."""
        found: list[str] = self._page.evaluate("calls")
        return found

    @property
    def are_closed(self) -> list[bool]:
        """For each EventSource that was opened, oldest first: whether it is closed."""
        found: list[bool] = self._page.evaluate("opened.map(one => one.isClosed)")
        return found

    def follow(self) -> None:
        self._run_module("stream.js", FOLLOW)

    def say(self, line: str, source: int = -1) -> None:
        self._page.evaluate(SAY, [source, line])

    def fail(self) -> None:
        self._page.evaluate("opened.at(-1).dispatchEvent(new Event('error'))")

    def end(self) -> None:
        self._page.evaluate("end()")

    def wait(self, ms: int) -> None:
        self._page.clock.run_for(ms)


@pytest.fixture
def stream(page: Page, run_module: Callable[..., Any]) -> Stream:
    return Stream(page, run_module)


def test_events_reach_their_handler_as_parsed_json(stream: Stream) -> None:
    stream.say("racing")
    assert stream.calls == ["racing"]


def test_silent_gateway_is_gone_once(stream: Stream) -> None:
    stream.say("a")
    stream.wait(1800)
    assert stream.calls == ["a"]
    stream.wait(5000)
    assert stream.calls == ["a", "gone"]


@pytest.mark.parametrize("heard_at_ms", range(0, 500, 50))
def test_gateway_is_gone_within_two_seconds(stream: Stream, heard_at_ms: int) -> None:
    stream.wait(heard_at_ms)
    stream.say("a")
    stream.wait(2000)
    assert stream.calls == ["a", "gone"]


def test_page_connects_again_by_itself(stream: Stream) -> None:
    stream.say("a")
    stream.wait(2500)
    assert stream.are_closed == [True, False]
    stream.say("of the old stream", source=0)
    stream.say("b")
    assert stream.calls == ["a", "gone", "back", "b"]


def test_pauses_between_attempts_grow_to_two_seconds(stream: Stream) -> None:
    pauses_ms = []
    for attempt in range(1, 7):
        stream.fail()
        pauses_ms.append(0)
        while len(stream.are_closed) == attempt:
            stream.wait(50)
            pauses_ms[-1] += 50
    assert pauses_ms == [250, 500, 1000, 2000, 2000, 2000]


def test_page_whose_token_was_replaced_is_loaded_again(page: Page, stream: Stream) -> None:
    stream.status = 401
    with page.expect_navigation():
        stream.fail()


def test_nothing_goes_on_after_the_end(stream: Stream) -> None:
    stream.end()
    stream.fail()
    stream.wait(10_000)
    assert stream.calls == []
    assert stream.are_closed == [True]
