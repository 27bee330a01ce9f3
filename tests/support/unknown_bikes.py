"""A bike of a family that the gateway does not know, as it would be recorded."""

from collections.abc import Iterator
from random import Random

from drivers.reading import Frame

NS_PER_S = 1_000_000_000
CHARACTERISTIC = "0000ae02-0000-1000-8000-00805f9b34fb"
EVERY_S = 0.25
#: Until when the rider keeps each cadence, in seconds and rpm: the pedals rest first.
RIDE = ((10, 0.0), (15, 30.0), (35, 60.0), (40, 75.0), (60, 90.0), (80, 80.0))


def ride(seed: int = 1) -> Iterator[tuple[float, float, float]]:
    """Yield time in seconds, cadence in rpm and turns so far, four times a second."""
    chance, turns, t_s = Random(seed), 0.0, 0.0
    for until_s, rpm in RIDE:
        while t_s < until_s:
            now_rpm = rpm and rpm + chance.uniform(-1.5, 1.5)
            yield t_s, now_rpm, turns
            turns += now_rpm / 60 * EVERY_S
            t_s += EVERY_S


def frames(seed: int = 1) -> Iterator[Frame]:
    """Yield frames of 14 bytes, which differ in every way that a field can move.

    0-1 A5 10    2 rpm    3-4 speed, 0.01 km/h, big-endian    5-6 turns, little-endian
    7-8 time, ms, little-endian    9-10 ms of a turn, big-endian    11 5 W + 1 for each rpm
    12 noise    13 always 7
    """
    chance = Random(seed + 1)
    for t_s, rpm, turns in ride(seed):
        turn_ms = 60_000 / rpm if rpm else 0
        data = bytes((0xA5, 0x10, round(rpm)))
        data += round(rpm * 35.3).to_bytes(2, "big")
        data += (int(turns) + 65_500 & 0xFFFF).to_bytes(2, "little")
        data += (round(t_s * 1000) & 0xFFFF).to_bytes(2, "little")
        data += round(turn_ms).to_bytes(2, "big")
        data += bytes((round(rpm) + 40 if rpm else 0, chance.randrange(256), 7))
        yield Frame(round(t_s * NS_PER_S), data, characteristic=CHARACTERISTIC)
