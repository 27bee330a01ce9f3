"""A Sampler as tests use it, with times in seconds of a race."""

from typing import Any

from drivers import Reading
from gateway.sampling.calibration import AS_SAID, Calibration
from gateway.sampling.current import CurrentValues
from gateway.sampling.sampler import Sample, Sampler

NS_PER_S = 1_000_000_000
START_NS = 7_000_000_123


class SampledRide:
    """A Sampler with its times in seconds of the race. Second s covers [s - 1, s)."""

    def __init__(
        self,
        stale_after_s: float = 3.0,
        calibration: Calibration = AS_SAID,
        start_ns: int = START_NS,
    ) -> None:
        self.sampler = Sampler(calibration)
        self._stale_after_s = stale_after_s
        self._start_ns = start_ns

    def connect(self, at_s: float = 0) -> "SampledRide":
        self.sampler.connected(self._ns(at_s), self._stale_after_s)
        return self

    def lose(self, at_s: float) -> None:
        self.sampler.disconnected(self._ns(at_s))

    def say(self, at_s: float, cadence_rpm: float | None = None, **fields: Any) -> None:
        self.sampler.add(Reading(self._ns(at_s), cadence_rpm=cadence_rpm, **fields))

    def close(self, second: int) -> Sample:
        return self.sampler.close_second(self._ns(second - 1), self._ns(second))

    def current(self, at_s: float) -> CurrentValues:
        return self.sampler.current(self._ns(at_s))

    def _ns(self, at_s: float) -> int:
        return self._start_ns + round(at_s * NS_PER_S)
