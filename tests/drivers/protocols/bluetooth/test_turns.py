"""Requests are sent in order, each after the answer to the one before it."""

from drivers.protocols.bluetooth.turns import RETRY_NS, TRIES, Turns

MS = 1_000_000
EVERY_NS = 300 * MS


def sent(turns: Turns, from_ms: int, to_ms: int, *answered: bytes) -> list[tuple[int, bytes]]:
    """Return what is sent and when, if the bike answers the requests in `answered`."""
    heard = []
    for at_ms in range(from_ms, to_ms, 50):
        if request := turns.request(at_ms * MS):
            heard.append((at_ms, request))
            if request in answered:
                turns.answered()
    return heard


def test_start_is_sent_in_order_and_then_the_poll() -> None:
    turns = Turns((b"a", b"b"), b"poll", EVERY_NS)
    assert not turns.is_started
    assert sent(turns, 1000, 2000, b"a", b"b") == [
        (1000, b"a"),
        (1300, b"b"),
        (1600, b"poll"),
        (1900, b"poll"),
    ]
    assert turns.is_started


def test_request_without_an_answer_is_repeated_and_then_given_up() -> None:
    turns = Turns((b"a", b"b"), b"poll", EVERY_NS)
    assert [request for _, request in sent(turns, 0, 5000, b"b")][: TRIES + 2] == [
        *[b"a"] * TRIES,
        b"b",
        b"poll",
    ]


def test_request_is_repeated_after_a_while() -> None:
    turns = Turns((b"a",), b"poll", EVERY_NS)
    assert [at for at, _ in sent(turns, 0, 2 * RETRY_NS // MS)] == [0, RETRY_NS // MS]


def test_answer_before_its_request_does_not_count() -> None:
    turns = Turns((b"a",), b"poll", EVERY_NS)
    turns.answered()
    assert turns.awaited == b"a"


def test_second_answer_to_a_request_does_not_count() -> None:
    turns = Turns((b"a", b"b"), b"poll", EVERY_NS)
    turns.request(0)
    turns.answered()
    turns.answered()
    assert turns.awaited == b"b"


def test_requests_that_are_added_come_before_the_next_poll() -> None:
    turns = Turns((), b"poll", EVERY_NS)
    assert sent(turns, 0, 300) == [(0, b"poll")]
    turns.add((b"a", b"b"))
    assert sent(turns, 300, 1200, b"a", b"b") == [(300, b"a"), (600, b"b"), (900, b"poll")]
