"""The fake bike as a driver: it repeats the same ride, aligned with the wall clock."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from drivers.contract import (
    BikeAbsent,
    BikeLost,
    Clock,
    DriverOptions,
    FrameListener,
    FrameSource,
    ResistanceTable,
    TableOrigin,
    ignore_frame,
)
from drivers.discovery import FoundBike
from drivers.fake.faults import FaultOptions, Faults
from drivers.fake.inputs import Hand, Rhythm
from drivers.fake.pot import Pot, PotOptions
from drivers.fake.rider import BikeState
from drivers.fake.scenarios import Ride, Scenario
from drivers.fake.wire import VOICES, Voice, WireName
from drivers.protocols import PROTOCOLS
from drivers.protocols.serial.peloton_table import DEFAULT_RESISTANCE_TABLE, resistance_points
from drivers.reading import Reading

_NS_PER_MS = 1_000_000


class FakeBikeOptions(DriverOptions):
    """`[bikes.options]` of a fake bike."""

    #: The seed of the rider: it determines preferences, limits and all random events.
    seed: int = 1
    scenario: Scenario = "steady"
    #: "none" gives decoded values; the others encode them and decode them with the real protocol.
    wire: WireName = "none"
    #: The length of a ride. Rides follow each other: one starts at every multiple of this length
    #: since the epoch, plus the offset.
    ride_s: int = Field(default=300, ge=10, le=3600)
    ride_offset_ms: int = Field(default=0, ge=0)
    #: A file with the rider's cadence in rpm. Without it the scenario determines the cadence.
    rhythm_file: Path | None = None
    #: A file with the position of the knob in percent. Without it the rider turns the knob.
    knob_file: Path | None = None
    #: The potentiometer on the knob of a home-made rig; needs wire "lines".
    pot: PotOptions = PotOptions()
    faults: FaultOptions = FaultOptions()

    @property
    def who(self) -> str:
        return f"seed {self.seed}"

    @property
    def reports_own_number(self) -> bool:
        return self.wire != "none" and PROTOCOLS[self.wire].reports_own_number

    @model_validator(mode="after")
    def _faults_fit_the_wire(self) -> Self:
        faults = self.faults
        if self.wire == "none" and (faults.split_per_min or faults.cut_per_min):
            raise ValueError(
                "faults split_per_min and cut_per_min need a wire: ftms, peloton or lines"
            )
        if self.wire not in ("peloton", "lines") and faults.corrupt_per_min:
            raise ValueError("fault corrupt_per_min needs a wire with a checksum: peloton or lines")
        wrong_powers = {
            "zero_power_per_min": faults.zero_power_per_min != 0,
            "power_factor": faults.power_factor != 1,
        }
        for name, is_set in wrong_powers.items():
            if self.wire == "lines" and is_set:
                raise ValueError(
                    f"fault {name} needs a wire that reports power: none, ftms or peloton"
                )
        return self

    @model_validator(mode="after")
    def _pot_fits_the_wire(self) -> Self:
        if self.wire != "lines" and self.pot != PotOptions():
            raise ValueError(
                f'pot needs wire = "lines"; with wire = "{self.wire}" the bike has its own sensor'
            )
        return self


class FakeBike(FrameSource):
    """A seeded rider on a bike with physics, configured by FakeBikeOptions.

    Every ride is the same, and the values at an instant of it do not depend on when the bike was
    opened: a bike that is opened late or again continues as if it had never stopped. With a
    `knob_file`, this is true of the pedals only: the file determines the knob.
    """

    Options = FakeBikeOptions

    def __init__(self, options: FakeBikeOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        rhythm = None if options.rhythm_file is None else Rhythm(options.rhythm_file)
        self._ride = Ride(options.seed, options.scenario, options.ride_s, rhythm)
        file = options.knob_file
        self._hand = None if file is None else Hand(file, options.seed)
        self._pot = Pot(options.pot)
        self._faults = Faults(options.faults, options.seed, options.ride_s)
        self._ride_ns = options.ride_s * 1000 * _NS_PER_MS
        self.stale_after_s = VOICES[options.wire].stale_after_s

    @property
    def resistance_table(self) -> ResistanceTable | None:
        """With wire "peloton", the table that the raw resistance is computed from."""
        if self._options.wire != "peloton":
            return None
        return ResistanceTable(resistance_points(DEFAULT_RESISTANCE_TABLE), TableOrigin.BIKE)

    @staticmethod
    async def discover(seconds: float) -> AsyncIterator[FoundBike]:
        """Yield the fake bike at once: it is always present."""
        del seconds
        yield FoundBike("Fake bike", "this computer", "simulated", {"seed": 1})

    @asynccontextmanager
    async def open_bike(
        self, on_frame: FrameListener = ignore_frame
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        """Yield Readings at the wire's rate; `at_ns` is when one was due, however late it is read.

        Raises BikeAbsent while the bike is off, BikeLost while a fault keeps it away. A bike that
        switches itself off while open stops sending; if the link drops, the iterator raises
        BikeLost.
        """
        now_ns = self._clock.monotonic_ns()
        now_ms = (now_ns - self._ride_start_ns(now_ns)) // _NS_PER_MS
        self._expect_link(now_ms)
        if self._ride.is_switched_off(now_ms):
            raise BikeAbsent("the fake bike has switched itself off for the rest of the ride")
        async with aclosing(self._readings(now_ns, on_frame)) as readings:
            yield readings

    async def _readings(
        self, from_ns: int, on_frame: FrameListener
    ) -> AsyncGenerator[Reading, None]:
        voice = VOICES[self._options.wire](self._faults, self._pot, on_frame)
        period_ns = voice.period_ms * _NS_PER_MS
        start_ns = self._ride_start_ns(from_ns)
        tick = -((start_ns - from_ns) // period_ns)
        while True:
            for ms in range(tick * voice.period_ms, self._options.ride_s * 1000, voice.period_ms):
                at_ns = start_ns + ms * _NS_PER_MS
                # Simulate before the wait, so that catching up with a ride delays no Reading.
                due = self._readings_at(ms, at_ns, voice)
                await self._clock.sleep_until(at_ns)
                self._expect_link(ms)
                for reading in due:
                    yield replace(reading, source="fake")
            end_ns = start_ns + self._ride_ns
            await self._clock.sleep_until(end_ns)
            # The wall clock may have been corrected during the ride: continue at the nearest tick,
            # so that a difference of a few microseconds neither repeats nor skips one.
            start_ns = self._ride_start_ns(end_ns)
            tick = max(0, (end_ns - start_ns + period_ns // 2) // period_ns)

    def _readings_at(self, ms: int, at_ns: int, voice: Voice) -> list[Reading]:
        if self._ride.is_switched_off(ms) or self._faults.is_missing(ms):
            return []
        state = self._state_at(self._faults.shown_ms(ms), ms, at_ns)
        return voice.say(self._faults.distort(state, ms, ms + voice.cycle_ms), ms, at_ns)

    def _state_at(self, shown_ms: int, ms: int, at_ns: int) -> BikeState:
        """Return the state at `shown_ms` into the ride, as sent at `ms`, which is `at_ns`."""
        state = self._ride.state_at(shown_ms)
        if self._hand is None:
            return state
        return self._hand.hold(state, at_ns - (ms - shown_ms) * _NS_PER_MS)

    def _ride_start_ns(self, monotonic_ns: int) -> int:
        """Return the start, on the monotonic clock, of the ride at this instant."""
        ride_ms = self._options.ride_s * 1000
        since_ms = self._clock.wall_ms_at(monotonic_ns) - self._options.ride_offset_ms
        start_ms = since_ms - since_ms % ride_ms + self._options.ride_offset_ms
        return self._clock.monotonic_ns_at(start_ms)

    def _expect_link(self, ms: int) -> None:
        reason = self._faults.lost_because(ms)
        if reason is not None:
            raise BikeLost(reason)
