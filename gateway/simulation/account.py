"""The account at the end of a race: what became of every message. For terminal and page. Pure."""

from collections.abc import Iterator
from itertools import groupby, islice
from operator import attrgetter

from gateway.simulation.scene import DeliveryReport, Percentiles, StreamReport, Summary
from gateway.terminal.units import counted

#: A summary lists at most this many races, and as many differences.
MAX_LISTED = 5
#: A summary lists at most this many personal records of each class.
CLASS_LISTED = 3

#: The styles of a line, as the terminal names them; "" is the fourth.
GOOD, BAD, NOTABLE = "green", "bold red", "yellow"


def account_lines(summary: Summary) -> Iterator[tuple[str, str]]:
    """Yield each line of the summary and its style."""
    if summary.interrupted:
        yield "interrupted; the results so far:", NOTABLE
    if outage := summary.outage:
        length = f"{outage.outage_s} s" if outage.outage_s else "no"
        yield (
            f"{counted(summary.racers, 'racer')}, {summary.race_s} s race, {length} network outage "
            f"(at most {counted(outage.most_buffered, 'message')} buffered)",
            "",
        )
    if delivery := summary.delivery:
        yield from _delivery_lines(summary.produced, delivery)
    if stream := summary.stream:
        yield from _stream_lines(summary.produced, stream)
    if delivery:
        yield f"from the end of a second to PUBLISH: {_times(delivery.to_publish)}", ""
        yield f"from the end of a second to PUBACK:  {_times(delivery.to_puback)}", ""
        yield (
            f"CPU: {delivery.cores:.2f} of a core; memory: at most {delivery.peak_mib:.0f} MiB",
            "",
        )


def class_lines(summary: Summary) -> Iterator[str]:
    """Yield the best personal records of each class."""
    for class_id, records in groupby(summary.class_board, key=attrgetter("class_id")):
        best = [f"{one.name} {one.personal_record:.1f}" for one in islice(records, CLASS_LISTED)]
        yield f"class {class_id}, personal records: {', '.join(best)}"


def _times(times: Percentiles) -> str:
    return f"p50 {times.p50_ms:.0f} ms, p99 {times.p99_ms:.0f} ms, max {times.max_ms:.0f} ms"


def _delivery_lines(produced: int, delivery: DeliveryReport) -> Iterator[tuple[str, str]]:
    is_whole = delivery.expected == delivery.acknowledged
    yield _acknowledged(produced, delivery), GOOD if is_whole else BAD
    if delivery.set_aside:
        yield (
            f"{counted(delivery.set_aside, 'message')} in quarantine: {delivery.reason}",
            BAD,
        )
    elif delivery.drops:
        yield (
            f"{counted(delivery.drops, 'connection')} lost during the run; "
            f"last reason: {delivery.reason}",
            NOTABLE,
        )
    if delivery.leftover:
        more = counted(delivery.leftover, "message")
        yield f"also acknowledged: {more} left by an earlier run", ""


def _acknowledged(produced: int, delivery: DeliveryReport) -> str:
    parts = [f"{delivery.acknowledged:,} of {delivery.expected:,} messages acknowledged"]
    if delivery.expected > produced:
        parts.append(f"{delivery.expected - produced:,} not produced")
    if produced > delivery.acknowledged:
        parts.append(f"{produced - delivery.acknowledged:,} NOT ACKNOWLEDGED")
    if delivery.sent > produced:
        parts.append(f"{delivery.sent - produced:,} sent again")
    return ", ".join(parts)


def _stream_lines(produced: int, stream: StreamReport) -> Iterator[tuple[str, str]]:
    lost, scattered = produced - stream.arrived, stream.scattered
    fate = f"{lost:,} LOST" if lost else "nothing lost"
    yield (
        f"{stream.arrived:,} of {produced:,} messages in the stream: {fate}, "
        f"{counted(stream.duplicates, 'duplicate')}",
        BAD if lost else GOOD,
    )
    if scattered:
        yield f"RACES {scattered} ON SEVERAL SHARDS", BAD
    else:
        yield "each race on one shard", GOOD
    for race_id, shard_ids in list(stream.shards.items())[:MAX_LISTED]:
        yield f"race {race_id} → {', '.join(shard_ids)}", ""
    if stream.rule_failures or stream.unreadable:
        yield (
            f"{counted(stream.rule_failures, 'message')} refused by the rule, "
            f"{counted(stream.unreadable, 'record')} unreadable",
            BAD,
        )
    if not stream.differences:
        same = stream.same_racers
        whom = {1: "the only racer", 2: "both racers"}.get(same, f"all {same:,} racers")
        yield f"the backend's results are as expected for {whom}", GOOD
        return
    count = counted(len(stream.differences), "racer")
    yield f"the backend's results differ for {count} (expected → actual):", BAD
    for difference in stream.differences[:MAX_LISTED]:
        yield difference, BAD
