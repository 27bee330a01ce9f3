"""The shard that a race is on, and race ids on separate shards. Pure.

Kinesis uses the MD5 of the partition key as a number of 128 bits, and each shard owns a range of
these (Kinesis API reference, PutRecord). The rule's Kinesis action has stream, key and role, but no
explicit hash key (AWS IoT Core guide, "Kinesis Data Streams").
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5
from itertools import count, islice
from math import exp, log1p
from random import Random

HASH_KEYS = 2**128


def shard_of(race_id: int, shards: int) -> int:
    """Return the shard, 0 … shards - 1, in a new stream, whose shards own equal ranges."""
    digest = md5(str(race_id).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big") * shards // HASH_KEYS


def race_ids_apart(first_id: int, shards: int) -> Iterator[int]:
    """Yield race ids from `first_id` on, each on its own shard, until all shards are used."""
    taken: set[int] = set()
    for race_id in count(first_id):
        if len(taken) == shards:
            return
        shard = shard_of(race_id, shards)
        if shard not in taken:
            taken.add(shard)
            yield race_id


@dataclass(frozen=True, slots=True)
class Sharing:
    """The result of many draws: the fraction with a shared shard, and of races that share one."""

    draws_with: float
    races_sharing: float


def simulate_sharing(races: int, shards: int, draws: int, random: Random) -> Sharing:
    """Simulate races with successive ids, as a counter or a clock gives them."""
    draws_with = races_sharing = 0
    for _ in range(draws):
        first_id = random.randrange(10**9)
        per_shard = Counter(shard_of(first_id + i, shards) for i in range(races))
        sharing = sum(number for number in per_shard.values() if number > 1)
        draws_with += sharing > 0
        races_sharing += sharing
    return Sharing(draws_with / draws, races_sharing / draws / races)


def sharing_probability(races: int, shards: int) -> float:
    """Return the probability that at least two races share a shard: the birthday problem."""
    if races > shards:
        return 1.0
    return 1 - exp(sum(log1p(-i / shards) for i in range(races)))


def shards_needed(races: int, probability: float) -> int:
    """Return the number of shards at which two races share one with less than `probability`."""
    low, high = races - 1, races
    while sharing_probability(races, high) >= probability:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if sharing_probability(races, middle) >= probability:
            low = middle
        else:
            high = middle
    return high


def ids_tried_per_race(races: int, shards: int, draws: int, random: Random) -> float:
    """Return how many ids `race_ids_apart` tries for each that it yields."""
    tried = 0
    for _ in range(draws):
        first_id = random.randrange(10**9)
        *_, last_id = islice(race_ids_apart(first_id, shards), races)
        tried += last_id - first_id + 1
    return tried / draws / races
