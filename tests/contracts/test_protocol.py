"""Every protocol keeps the contract of WireProtocol: it is total, and its requests end."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.protocols import PROTOCOLS
from drivers.protocols.base import WireProtocol
from drivers.reading import Frame, Reading
from gateway.bike.opened_bike import SILENCE_MAX_S
from gateway.sampling.plausible import PLAUSIBLE
from gateway.sampling.sampler import Sampler
from gateway.timing.units import NS_PER_S

ALL = pytest.mark.parametrize("name", PROTOCOLS)
ASK_EVERY_NS = 50_000_000
#: More parts than any request has.
MOST_PARTS = 20
#: As many random bytes as a bike sends in a few days, in pieces as long as a notification.
RANDOM_BYTES, PIECE_BYTES = 200_000, 20
#: The length of a ride on random bytes.
SECONDS = 120


def characteristics_of(protocol: type[WireProtocol]) -> list[str]:
    """Where its Frames may come from; one empty name for a serial line."""
    return [one for gatt in protocol.gatts for one in (*gatt.notify, gatt.command or "")] or [""]


def requests(protocol: WireProtocol, now_ns: int) -> Iterator[bytes]:
    """What it sends at one instant, fed back to it as its caller does."""
    while data := protocol.request(now_ns):
        yield data
        protocol.feed(Frame(now_ns, data, sent=True))


@ALL
def test_requests_of_an_instant_come_to_an_end(name: str) -> None:
    protocol = PROTOCOLS[name]()
    for now_ns in range(0, 60_000_000_000, ASK_EVERY_NS):
        for part, _ in enumerate(requests(protocol, now_ns), start=1):
            assert part <= MOST_PARTS


@ALL
def test_refused_requests_come_to_an_end_as_well(name: str) -> None:
    protocol = PROTOCOLS[name]()
    for now_ns in range(0, 60_000_000_000, ASK_EVERY_NS):
        assert isinstance(protocol.wanted(now_ns), str)
        for part, _ in enumerate(requests(protocol, now_ns), start=1):
            protocol.refused()
            assert part <= MOST_PARTS


@ALL
def test_any_bytes_from_anywhere_are_decoded_without_an_error(name: str) -> None:
    made = PROTOCOLS[name]
    protocol, chance = made(), random.Random(name)
    characteristics = characteristics_of(made)
    for number in range(RANDOM_BYTES // PIECE_BYTES):
        at_ns = number * ASK_EVERY_NS
        data = chance.randbytes(chance.randint(0, 2 * PIECE_BYTES))
        for reading in protocol.feed(
            Frame(at_ns, data, characteristic=chance.choice(characteristics))
        ):
            assert_within_time(reading, at_ns)
        for _ in requests(protocol, at_ns):
            pass


@ALL
def test_no_bytes_become_a_second_that_cannot_be_true(name: str) -> None:
    made = PROTOCOLS[name]
    protocol, chance, sampler = made(), random.Random(name), Sampler()
    characteristics = characteristics_of(made)
    sampler.connected(0, stale_after_s=3)
    for second in range(SECONDS):
        start_ns, end_ns = second * NS_PER_S, (second + 1) * NS_PER_S
        for at_ns in range(start_ns, end_ns, NS_PER_S // 10):
            data = chance.randbytes(chance.randint(0, 2 * PIECE_BYTES))
            frame = Frame(at_ns, data, characteristic=chance.choice(characteristics))
            for reading in protocol.feed(frame):
                sampler.add(reading)
        sample = sampler.close_second(start_ns, end_ns)
        assert 0 <= sample.cadence_rpm <= PLAUSIBLE["cadence_rpm"].highest
        assert 0 <= (sample.power_w or 0) <= PLAUSIBLE["power_w"].highest
        assert 0 <= sample.resistance_percent <= 100


def assert_within_time(reading: Reading, at_ns: int) -> None:
    assert reading.at_ns <= at_ns
    assert reading.said(), "a Reading reports something"


@ALL
@given(data=st.binary(max_size=64))
def test_recognising_any_bytes_raises_no_error(name: str, data: bytes) -> None:
    assert PROTOCOLS[name].recognises(data) in (True, False)


@ALL
def test_probe_is_answered_on_a_characteristic_of_the_protocol(name: str) -> None:
    made = PROTOCOLS[name]
    if made.probe:
        assert all(gatt.command for gatt in made.gatts), "a probe is written somewhere"
        assert not made.recognises(made.probe), "an echo of the probe is no answer"


@ALL
def test_silent_bike_is_lost_before_the_gateway_ends_its_driver(name: str) -> None:
    assert PROTOCOLS[name].lost_after_s < SILENCE_MAX_S


def test_protocols_that_share_a_characteristic_are_told_apart_by_probes() -> None:
    owners: dict[str, list[str]] = {}
    for name, made in PROTOCOLS.items():
        for characteristic in {one for gatt in made.gatts for one in gatt.notify}:
            owners.setdefault(characteristic, []).append(name)
    shared = [names for names in owners.values() if len(names) > 1]
    for names in shared:
        assert sum(not PROTOCOLS[name].probe for name in names) <= 1, names
