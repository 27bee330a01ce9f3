"""The process of the local cloud: broker, rule engine, Kinesis and the backend's leaderboard.

It prints lines of JSON: {"port": …} when it is ready, then an answer to each line on standard
input: "count", "report" or "result". It exits when standard input closes, even if the parent was
killed.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from itertools import groupby
from operator import itemgetter
from typing import Any

from gateway.cloud.iot_requests import NoAnswer, open_connection
from gateway.config.cloud import CloudConfig
from gateway.config.packaged import config_path
from gateway.simulation.cloud.arrivals import ArrivalMeter, Arrivals
from gateway.simulation.cloud.broker import Broker, open_broker
from gateway.simulation.cloud.kinesis import StreamReader, open_kinesis
from gateway.simulation.cloud.leaderboard import Leaderboard, StreamResult
from gateway.simulation.cloud.parent import print_for_parent
from gateway.simulation.cloud.results import RESULTS_TOPIC, ResultsFeed
from gateway.simulation.cloud.rule import Rule, load_rule
from gateway.simulation.cloud.rule_engine import RuleEngine, open_rule_engine
from gateway.simulation.extra import LOOPBACK
from gateway.timing.units import NS_PER_MS

SHARDS = 4
#: Seconds between two polls of the stream, as with AWS Lambda. The records of a poll are a batch.
POLL_EVERY_S = 1.0
NICENESS = 10
#: How long the connection for the results may take to come up, in seconds.
CONNECT_WITHIN_S = 10.0


class Consumer:
    """A thread that reads the stream, keeps the scores, and publishes each change of them."""

    def __init__(
        self, engine: RuleEngine, reader: StreamReader, publish: Callable[[str, bytes], None]
    ) -> None:
        self._engine = engine
        self._reader = reader
        self._meter = ArrivalMeter(reader.shard_ids)
        self._publish = publish
        self._results = ResultsFeed()
        self._leaderboard = Leaderboard()
        self._scoring = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._thread.start()

    @property
    def arrivals(self) -> Arrivals:
        """The arrivals so far."""
        with self._scoring:
            return self._meter.arrivals

    def report(self) -> StreamResult:
        """Return the results so far."""
        with self._scoring:
            reports = self._leaderboard.reports()
            return StreamResult(
                records=self._meter.arrivals.records,
                duplicates=sum(report.duplicates for report in reports),
                unreadable=self._leaderboard.unreadable,
                rule_failures=len(self._engine.failures),
                shards={report.race_id: sorted(report.shard_ids) for report in reports},
                standings=self._leaderboard.standings(),
            )

    def result(self) -> StreamResult:
        """Return the results once every message that the broker acknowledged is scored."""
        self._engine.drain()
        self.end()
        while self._consume():
            pass
        return self.report()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(POLL_EVERY_S):
            self._consume()

    def _consume(self) -> int:
        records = self._reader.read()
        now_ms = time.time_ns() // NS_PER_MS
        with self._scoring:
            for shard_id, of_shard in groupby(records, key=itemgetter(0)):
                self._leaderboard.add_poll(shard_id, [data for _, data in of_shard])
            self._meter.add_poll(records, now_ms)
            races, standings = self._leaderboard.reports(), self._leaderboard.standings()
        for message in self._results.messages(races, standings, now_ms):
            with suppress(NoAnswer):  # gateways can do without these results
                self._publish(RESULTS_TOPIC, message)
        return len(records)


def serve() -> None:
    rule = load_rule(config_path("aws/template.yaml").read_text(encoding="utf-8"))
    with open_broker() as broker:
        # The racers' seconds have priority over the work behind the broker, which may be late. The
        # process shares its parent's session: between two sessions, Linux would divide the CPU by
        # session and ignore the niceness.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.nice(NICENESS)
        _serve(rule, broker)


def _serve(rule: Rule, broker: Broker) -> None:
    cloud = CloudConfig(endpoint=LOOPBACK, port=broker.mqtt5_port, plaintext=True)
    with (
        open_kinesis(rule.stream, SHARDS) as kinesis,
        open_rule_engine(rule, kinesis, broker.mqtt311_port) as engine,
        # The rule engine's client sends at most 10 KiB, the results of 600 racers.
        open_connection(cloud, "backend", CONNECT_WITHIN_S) as backend,
    ):
        consumer = Consumer(engine, kinesis.open_reader(), backend.publish)
        try:
            _answer({"port": broker.mqtt5_port})
            _answer_questions(consumer)
        finally:
            consumer.end()


def _answer_questions(consumer: Consumer) -> None:
    """Answer each line on standard input until it closes."""
    for line in sys.stdin:
        match line.strip():
            case "count":
                _answer(asdict(consumer.arrivals))
            case "report":
                _answer(asdict(consumer.report()))
            case "result":
                _answer(asdict(consumer.result()))


def _answer(answer: dict[str, Any]) -> None:
    print_for_parent(json.dumps(answer))


if __name__ == "__main__":
    serve()
