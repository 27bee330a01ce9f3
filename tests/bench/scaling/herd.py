"""Simulates all gateways coming back after an outage: they reconnect and send their backlog. Pure.

The simulation goes second by second, with fractional numbers of gateways, since they are many and
alike. One race represents all: each has its share of the account's limits. Nothing is random; the
first waits have the distribution of full jitter.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.cloud.pace import BACKLOG_BURST, MESSAGES_PER_S
from gateway.config.cloud import CloudConfig
from tests.bench.scaling import limits
from tests.bench.scaling.model import Fleet

OUTAGE_S = 600
DEFAULT_PACE_PER_S: float = CloudConfig.model_fields["publish_rate_per_s"].default
#: The largest possible `publish_rate_per_s`.
FASTEST_PACE_PER_S = MESSAGES_PER_S
#: After many failures, the wait between two attempts is drawn from 0 … this, in seconds.
LONGEST_WAIT_S = round(CloudConfig.model_fields["reconnect_max_s"].default)
#: A fleet whose live messages need more than half of the account's default limit is assumed to have
#: a limit of twice what they need.
ROOM_FOR_BACKLOG = 2
#: Fewer gateways or messages than this count as none.
NEGLIGIBLE = 1e-9
#: A shard's limit, with room for rounding errors.
SHARD_TAKES_PER_S = limits.SHARD_RECORDS.value * (1 + NEGLIGIBLE)
#: Step in the search for a safe pace, in messages/s.
STEP_PER_S = 0.1


def reconnect(clients: float, accepted_per_s: float) -> Iterator[float]:
    """Yield how many clients connect in each second; each refused one draws another wait."""
    wait = LONGEST_WAIT_S
    waiting = [clients * 2 * (wait - i - 0.5) / wait**2 for i in range(wait)]
    left = clients
    while left > NEGLIGIBLE * clients:
        trying = waiting.pop(0)
        through = min(trying, accepted_per_s)
        waiting.append(0.0)
        waiting = [others + (trying - through) / wait for others in waiting]
        left -= through
        yield through


@dataclass(frozen=True, slots=True)
class Return:
    """The return of one race's gateways after an outage.

    `peak_per_s`, `shard_peak_per_s`: most backlog messages offered in one second, by all gateways
    to the account, and to one shard. `room_per_s`: messages/s that the account accepts in addition
    to live ones. `queued`: the fraction of the backlog that a shard refused and that the rule put
    into the queue of failed telemetry.
    """

    connected_s: int
    drained_s: int
    peak_per_s: float
    room_per_s: float
    shard_peak_per_s: float
    queued: float

    @property
    def is_smooth(self) -> bool:
        """Whether neither the account nor a shard refused anything."""
        return self.queued == 0 and self.peak_per_s <= self.room_per_s


@dataclass(slots=True)
class Cohort:
    """Gateways that connected in the same second.

    `left`: backlog messages that each still has. `bucket`: messages that each may send beyond its
    pace.
    """

    gateways: float
    left: float
    bucket: float

    def wants(self, pace_per_s: float) -> float:
        """Return the messages that all of them would send in this second."""
        return self.gateways * min(pace_per_s + self.bucket, self.left)

    def send(self, pace_per_s: float, granted: float) -> float:
        """Send this second's messages, return their number; `granted`: the fraction accepted."""
        sent = granted * min(pace_per_s + self.bucket, self.left)
        self.left -= sent
        self.bucket = 0.0
        return self.gateways * sent


def drain(fleet: Fleet, pace_per_s: float) -> Return:
    """Send the outage's two races, newest first, each to its own shard; return the result.

    `pace_per_s`: backlog messages/s of each gateway, in addition to its live messages.
    """
    kept = float(OUTAGE_S * fleet.bikes)
    gateways = fleet.gateways / fleet.races
    room_per_s = _room_per_s(fleet) / fleet.races
    arrivals = list(reconnect(gateways, limits.CONNECTS.value / fleet.races))
    cohorts: list[Cohort] = []
    seconds, peak, shard_peak, queued = 0, 0.0, 0.0, 0.0
    while cohorts or seconds < len(arrivals):
        if seconds < len(arrivals):
            cohorts.append(Cohort(arrivals[seconds], kept, bucket=BACKLOG_BURST))
        wanted = sum(cohort.wants(pace_per_s) for cohort in cohorts)
        granted = min(1.0, room_per_s / wanted)
        shards = [0.0, 0.0]
        for cohort in cohorts:
            is_older_race = cohort.left <= kept / 2
            shards[is_older_race] += cohort.send(pace_per_s, granted)
        cohorts = [cohort for cohort in cohorts if cohort.left > NEGLIGIBLE]
        peak, shard_peak = max(peak, wanted), max(shard_peak, *shards)
        queued += sum(max(0.0, sent - SHARD_TAKES_PER_S) for sent in shards)
        seconds += 1
    return Return(
        connected_s=len(arrivals),
        drained_s=seconds,
        peak_per_s=peak * fleet.races,
        room_per_s=room_per_s * fleet.races,
        shard_peak_per_s=shard_peak,
        queued=queued / (gateways * kept),
    )


def _room_per_s(fleet: Fleet) -> float:
    """Return the messages/s that the account accepts in addition to live ones."""
    return max(limits.PUBLISHES.value, ROOM_FOR_BACKLOG * fleet.racers) - fleet.racers


def safe_pace_per_s(fleet: Fleet) -> float:
    """Return the fastest backlog pace of a gateway at which nothing is refused."""
    steps = round((DEFAULT_PACE_PER_S - fleet.bikes) / STEP_PER_S)
    low, high = 0, max(steps, 0) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if drain(fleet, middle * STEP_PER_S).is_smooth:
            low = middle
        else:
            high = middle
    return low * STEP_PER_S
