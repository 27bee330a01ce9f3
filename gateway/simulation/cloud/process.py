"""Broker, rule engine, Kinesis and the backend's leaderboard, in a process of their own.

Speaks lines of JSON: {"port": …} when it is ready; then an answer to each line on standard input,
"count", "report" or "result". Ends when standard input closes, also with a parent that was killed.
"""

import json
import os
import sys
import threading
from dataclasses import asdict
from typing import Any

from gateway.config.packaged import config_path
from gateway.simulation.cloud.broker import Broker, open_broker
from gateway.simulation.cloud.kinesis import StreamReader, open_kinesis
from gateway.simulation.cloud.leaderboard import Leaderboard, StreamResult
from gateway.simulation.cloud.rule import Rule, load_rule
from gateway.simulation.cloud.rule_engine import RuleEngine, open_rule_engine

SHARDS = 4
CONSUME_EVERY_S = 0.5
NICENESS = 10


class Consumer:
    """Reads the stream on a thread of its own, and keeps the scores."""

    def __init__(self, engine: RuleEngine, reader: StreamReader) -> None:
        self.records = 0
        self._engine = engine
        self._reader = reader
        self._leaderboard = Leaderboard()
        self._scoring = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._thread.start()

    def report(self) -> StreamResult:
        """Return what has been made of the records so far."""
        with self._scoring:
            reports = self._leaderboard.reports()
            return StreamResult(
                records=self.records,
                duplicates=sum(report.duplicates for report in reports),
                unreadable=self._leaderboard.unreadable,
                rule_failures=len(self._engine.failures),
                shards={report.race_id: sorted(report.shard_ids) for report in reports},
                standings=self._leaderboard.standings(),
            )

    def result(self) -> StreamResult:
        """Report after all that the broker has acknowledged is in the stream and scored."""
        self._engine.drain()
        self.end()
        while self._consume():
            pass
        return self.report()

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(CONSUME_EVERY_S):
            self._consume()

    def _consume(self) -> int:
        records = self._reader.read()
        with self._scoring:
            for shard_id, data in records:
                self._leaderboard.add(shard_id, data)
            self.records += len(records)
        return len(records)


def serve() -> None:
    rule = load_rule(config_path("aws/template.yaml").read_text(encoding="utf-8"))
    with open_broker() as broker:
        # What comes after the broker may come later: the racers' seconds go first. In the parent's
        # own session, or Linux would weigh the two sessions against each other instead.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.nice(NICENESS)
        _serve(rule, broker)


def _serve(rule: Rule, broker: Broker) -> None:
    with (
        open_kinesis(rule.stream, SHARDS) as kinesis,
        open_rule_engine(rule, kinesis, broker.mqtt311_port) as engine,
    ):
        consumer = Consumer(engine, kinesis.open_reader())
        _say({"port": broker.mqtt5_port})
        for line in sys.stdin:
            match line.strip():
                case "count":
                    _say({"records": consumer.records})
                case "report":
                    _say(asdict(consumer.report()))
                case "result":
                    _say(asdict(consumer.result()))
        consumer.end()


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)  # noqa: T201 for the parent


if __name__ == "__main__":
    serve()
