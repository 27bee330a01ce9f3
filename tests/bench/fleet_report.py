"""The results of the fleet's runs, and the targets."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

CORES_LIMIT = 1.0
MIB_LIMIT = 300.0
#: 99 % of the messages are acknowledged within a second after theirs.
PUBACK_P99_LIMIT_MS = 1000.0
LATE_LIMIT_MS = 200.0


@dataclass(frozen=True, slots=True)
class Run:
    """One race. Times are from the end of the second that a message is about.

    `cores`: CPU of the fleet's process while racing; `cloud_cores`: of the cloud, including its
    start, if the fleet started it; `other_cores`: of all other processes meanwhile. `in_stream`,
    `same_racers`: None if the stream cannot be read.
    """

    what: str
    racers: int
    connections: int
    race_s: int
    expected: int
    produced: int
    acknowledged: int
    in_stream: int | None
    same_racers: int | None
    cores: float
    peak_mib: float
    publish_p50_ms: float
    publish_p99_ms: float
    publish_max_ms: float
    puback_p50_ms: float
    puback_p99_ms: float
    puback_max_ms: float
    cloud_cores: float
    other_cores: float
    ok: bool

    @classmethod
    def of(
        cls, what: str, summary: dict[str, Any], *, cloud_cores: float, other_cores: float
    ) -> Self:
        """Return the run with the summary that `fleet --json` printed."""
        stream = summary["stream"]
        times = {
            f"{kind}_{part}": summary[f"to_{kind}"][part]
            for kind in ("publish", "puback")
            for part in ("p50_ms", "p99_ms", "max_ms")
        }
        same = ("racers", "connections", "race_s", "expected", "produced", "acknowledged", "cores")
        return cls(
            what=what,
            **{name: summary[name] for name in (*same, "peak_mib", "ok")},
            **times,
            in_stream=stream and stream["records"] - stream["duplicates"],
            same_racers=stream and stream["same_racers"],
            cloud_cores=round(cloud_cores, 3),
            other_cores=round(other_cores, 3),
        )

    @property
    def lost(self) -> int:
        """The number of expected messages that are not acknowledged or not in the stream."""
        arrived = self.acknowledged if self.in_stream is None else self.in_stream
        return self.expected - min(arrived, self.acknowledged)

    @property
    def cpu_us_per_message(self) -> float:
        return self.cores * self.race_s * 1e6 / self.expected


@dataclass(frozen=True, slots=True)
class Target:
    """A target and the measured value, in words."""

    what: str
    limit: str
    value: str
    reached: bool


@dataclass(frozen=True, slots=True)
class FleetReport:
    """A report of all runs, the full race first. `machine`: its properties by name."""

    machine: dict[str, str]
    runs: list[Run]

    @property
    def full(self) -> Run:
        return self.runs[0]

    @property
    def growth(self) -> list[Run]:
        """The runs of the growth chart, by rising number of racers."""
        return [run for run in self.runs if run.what == "growth"]

    @property
    def targets(self) -> list[Target]:
        full = self.full
        within = [
            ("CPU of the fleet's process", full.cores, CORES_LIMIT, "{:.2f} cores"),
            ("its memory at most", full.peak_mib, MIB_LIMIT, "{:.0f} MiB"),
            ("end of second to PUBACK, p99", full.puback_p99_ms, PUBACK_P99_LIMIT_MS, "{:.0f} ms"),
            ("latest second given to publish", full.publish_max_ms, LATE_LIMIT_MS, "{:.0f} ms"),
        ]
        return [
            *(
                Target(what, f"≤ {form.format(limit)}", form.format(value), value <= limit)
                for what, value, limit, form in within
            ),
            Target(
                "messages acknowledged, and in the stream",
                f"{full.expected:,}",
                f"{full.acknowledged:,} and {full.in_stream or 0:,}",
                full.lost == 0,
            ),
            Target(
                "racers with the same score in the backend",
                f"{full.racers:,}",
                f"{full.same_racers or 0:,}",
                full.same_racers == full.racers,
            ),
            *self._growth_targets(),
        ]

    def _growth_targets(self) -> Iterator[Target]:
        """Yield the targets of growth: a racer in a large fleet must not cost more."""
        first, last = self.growth[0], self.growth[-1]
        limit = last.racers / first.racers
        for what, name in (("CPU", "cores"), ("memory", "peak_mib")):
            factor = getattr(last, name) / getattr(first, name)
            yield Target(
                f"growth of {what} from {first.racers:,} to {last.racers:,} racers",
                f"≤ {limit:.0f} ×",
                f"{factor:.1f} ×",
                factor <= limit,
            )

    @classmethod
    def from_json(cls, report: dict[str, Any]) -> Self:
        return cls(report["machine"], [Run(**run) for run in report["runs"]])
