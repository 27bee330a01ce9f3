"""Everybody comes back after an outage: connects, and what was kept while away. Pure.

Second by second, and in numbers that need not be whole: gateways are many and alike. A race stands
for all of them: each has its part of the account's limits. Nothing is random but the first waits,
which are spread as full jitter spreads them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.cloud.pace import BACKLOG_BURST, MESSAGES_PER_S
from gateway.config.schema import CloudConfig
from tests.bench.scaling import limits
from tests.bench.scaling.model import Fleet

OUTAGE_S = 600
DEFAULT_PACE_PER_S: float = CloudConfig.model_fields["publish_rate_per_s"].default
#: The most that `publish_rate_per_s` can be.
FASTEST_PACE_PER_S = MESSAGES_PER_S
#: The wait between two tries is drawn from 0 … this, after so many failures.
LONGEST_WAIT_S = round(CloudConfig.model_fields["reconnect_max_s"].default)
#: A fleet whose live messages need more than half of what an account may by default, is thought to
#: have been given twice what they need.
ROOM_FOR_BACKLOG = 2
#: Smaller is nobody.
NOBODY = 1e-9
#: With room for the rounding of sums.
SHARD_TAKES_PER_S = limits.SHARD_RECORDS.value * (1 + NOBODY)
#: Paces are looked for in steps of this.
STEP_PER_S = 0.1


def reconnect(clients: float, accepted_per_s: float) -> Iterator[float]:
    """How many get through in each second; who does not, draws another wait."""
    wait = LONGEST_WAIT_S
    waiting = [clients * 2 * (wait - i - 0.5) / wait**2 for i in range(wait)]
    left = clients
    while left > NOBODY * clients:
        trying = waiting.pop(0)
        through = min(trying, accepted_per_s)
        waiting.append(0.0)
        waiting = [others + (trying - through) / wait for others in waiting]
        left -= through
        yield through


@dataclass(frozen=True, slots=True)
class Return:
    """How one race's gateways came back.

    `peak_per_s`, `shard_peak_per_s`: the most of what was kept that was offered in one second, to
    the account by all, and to one shard. `room_per_s`: what the account takes beside live messages.
    `queued`: the part of what was kept that a shard refused, and that the rule put into the queue
    of failed telemetry.
    """

    connected_s: int
    drained_s: int
    peak_per_s: float
    room_per_s: float
    shard_peak_per_s: float
    queued: float

    @property
    def is_smooth(self) -> bool:
        """Nothing was refused, neither by the account nor by a shard."""
        return self.queued == 0 and self.peak_per_s <= self.room_per_s


@dataclass(slots=True)
class Cohort:
    """Gateways that connected in the same second.

    `left`: messages that each still keeps. `bucket`: what each may send beyond its pace.
    """

    gateways: float
    left: float
    bucket: float

    def wants(self, pace_per_s: float) -> float:
        """Messages in this second, of all of them."""
        return self.gateways * min(pace_per_s + self.bucket, self.left)

    def send(self, pace_per_s: float, granted: float) -> float:
        """This second's messages; `granted`: the part of them that the account takes."""
        sent = granted * min(pace_per_s + self.bucket, self.left)
        self.left -= sent
        self.bucket = 0.0
        return self.gateways * sent


def drain(fleet: Fleet, pace_per_s: float) -> Return:
    """The outage's two races, newest first, each on a shard that nothing else lies on.

    `pace_per_s`: of what was kept, of each gateway, beside its live messages.
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
        cohorts = [cohort for cohort in cohorts if cohort.left > NOBODY]
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
    """What the account takes beside the live messages."""
    return max(limits.PUBLISHES.value, ROOM_FOR_BACKLOG * fleet.racers) - fleet.racers


def safe_pace_per_s(fleet: Fleet) -> float:
    """The fastest pace for what was kept, of each gateway, at which nothing is refused."""
    steps = round((DEFAULT_PACE_PER_S - fleet.bikes) / STEP_PER_S)
    low, high = 0, max(steps, 0) + 1
    while high - low > 1:
        middle = (low + high) // 2
        if drain(fleet, middle * STEP_PER_S).is_smooth:
            low = middle
        else:
            high = middle
    return low * STEP_PER_S
