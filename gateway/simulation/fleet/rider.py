"""What a fake bike says in a race, without its timers and without remembering the ride. PURE.

The driver `fake` waits for each instant with a timer of its own, and keeps the whole ride for the
next one: 0.1 MB of 300 seconds. A thousand bikes in one process can afford neither.
"""

from collections.abc import Iterator
from itertools import islice

from drivers import Reading
from drivers.fake.faults import FaultOptions, Faults
from drivers.fake.pot import Pot, PotOptions
from drivers.fake.rider import STEP_S, RiderProfile, simulate
from drivers.fake.scenarios import target_at
from drivers.fake.wire import PlainVoice

_NS_PER_MS = 1_000_000
_STEP_MS = round(STEP_S * 1000)
_MS_PER_S = 1000


class FakeRider:
    """The Readings of one ride, that of the driver `fake` with this seed, from its start on."""

    stale_after_s = PlainVoice.stale_after_s

    def __init__(self, seed: int, ride_s: int) -> None:
        profile = RiderProfile.from_seed(seed)
        self._states = simulate(profile, target_at("steady", ride_s, profile), seed)
        faults, pot = Faults(FaultOptions(), seed, ride_s), Pot(PotOptions())
        self._voice = PlainVoice(faults, pot, lambda _name, _frame: None)

    def next_second(self, start_ns: int, second: int) -> Iterator[Reading]:
        """What is said in the second that starts at `start_ns`; `second` = 1, 2, … in order."""
        start_ms = (second - 1) * _MS_PER_S
        states = list(islice(self._states, _MS_PER_S // _STEP_MS))
        for ms in range(0, _MS_PER_S, self._voice.period_ms):
            state = states[ms // _STEP_MS]
            yield from self._voice.say(state, start_ms + ms, start_ns + ms * _NS_PER_MS)
