"""Requests are sent in order, each after the answer to the one before it; later starts are rare."""

from itertools import pairwise

from drivers.protocols.bluetooth.turns import LONGEST_REST_NS, RETRY_NS, TRIES, Restarts, Turns

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


S = 1_000_000_000


def starts(restarts: Restarts, from_s: int, to_s: int) -> list[int]:
    """Return when a console that stays stopped is started."""
    return [at_s for at_s in range(from_s, to_s) if restarts.is_due(at_s * S, is_stopped=True)]


def test_console_that_stays_stopped_is_started_more_and_more_rarely() -> None:
    instants = starts(Restarts(3 * S), 0, 3600)
    pauses = [later - earlier for earlier, later in pairwise(instants)]
    assert instants[0] == 3
    assert pauses == sorted(pauses)
    assert pauses[:3] == [7, 13, 25], "doubled, after the first moment at which it is stopped again"
    assert pauses[-1] * S <= LONGEST_REST_NS + S


def test_only_turning_pedals_shorten_the_time_until_the_next_start() -> None:
    restarts = Restarts(3 * S)
    assert starts(restarts, 0, 4) == [3]
    assert not restarts.is_due(4 * S, is_stopped=False)
    assert starts(restarts, 5, 12) == [11], "it ran, but the pedals did not turn"
    restarts.turned()
    assert starts(restarts, 12, 16) == [15]
