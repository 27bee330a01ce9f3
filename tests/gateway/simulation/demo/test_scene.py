from gateway.simulation.demo.scene import Summary, Tally
from tests.support.telemetry import message


def test_the_tally_tells_lost_from_duplicate() -> None:
    tally = Tally()
    messages = [message(second) for second in (1, 2, 300)]
    for telemetry in messages:
        tally.on_telemetry(telemetry)
    tally.arrived.update([messages[0].uuid, messages[0].uuid, messages[2].uuid])
    assert (tally.lost, tally.duplicates, tally.finals) == (1, 1, 1)


def summary(lost: int = 0, shards: tuple[str, ...] = ("shard-1",)) -> Summary:
    return Summary(
        racers=1,
        produced=10,
        in_kinesis=10 - lost,
        lost=lost,
        duplicates=0,
        shards={"7": list(shards)},
        race_s=10,
        outage_s=0,
        seed=1,
        most_buffered=0,
        rule_failures=0,
        leaderboard=(),
    )


def test_it_went_well_only_if_nothing_is_lost_and_each_race_is_on_one_shard() -> None:
    assert summary().ok
    assert not summary(lost=1).ok
    assert not summary(shards=("shard-1", "shard-2")).ok
