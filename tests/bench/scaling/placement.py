"""Which shard a race lies on, and how to give each race one of its own. Pure.

Kinesis takes the MD5 of the partition key as a number of 128 bits, and each shard owns a range of
them (Kinesis API reference, PutRecord). The rule's Kinesis action has stream, key and role, but no
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
    """0 … shards - 1, of a stream whose shards own equal ranges, as a new one's do."""
    digest = md5(str(race_id).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest, "big") * shards // HASH_KEYS


def race_ids_apart(first_id: int, shards: int) -> Iterator[int]:
    """Race ids from `first_id` on, each on a shard of its own; as many as there are shards."""
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
    """Of many draws: how often two races had to share a shard, and how many of them did."""

    draws_with: float
    races_sharing: float


def simulate_sharing(races: int, shards: int, draws: int, random: Random) -> Sharing:
    """Races with ids in a row, as they come from a counter or a clock."""
    draws_with = races_sharing = 0
    for _ in range(draws):
        first_id = random.randrange(10**9)
        per_shard = Counter(shard_of(first_id + i, shards) for i in range(races))
        sharing = sum(number for number in per_shard.values() if number > 1)
        draws_with += sharing > 0
        races_sharing += sharing
    return Sharing(draws_with / draws, races_sharing / draws / races)


def sharing_probability(races: int, shards: int) -> float:
    """That at least two of them share a shard: the birthday problem."""
    if races > shards:
        return 1.0
    return 1 - exp(sum(log1p(-i / shards) for i in range(races)))


def shards_needed(races: int, probability: float) -> int:
    """So many that at least two races share one with less than this probability."""
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
    """How many ids `race_ids_apart` looks at for each that it gives."""
    tried = 0
    for _ in range(draws):
        first_id = random.randrange(10**9)
        *_, last_id = islice(race_ids_apart(first_id, shards), races)
        tried += last_id - first_id + 1
    return tried / draws / races
