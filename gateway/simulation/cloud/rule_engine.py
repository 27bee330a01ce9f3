"""IoT Core's rules engine on this computer: subscribes, applies the rule and puts into Kinesis."""

import re
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue

from iotcore import IotCore

from gateway.simulation.cloud.kinesis import MAX_BATCH_RECORDS, Kinesis
from gateway.simulation.cloud.rule import ActionFailure, KinesisRecord, Rule
from gateway.simulation.extra import LOOPBACK

#: MQTT keep-alive in seconds. The client does not resubscribe after a lost connection, so this is
#: long enough for a busy computer.
KEEP_ALIVE_S = 60
#: How long a marker may take through broker, inbox and worker, in seconds.
DRAIN_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class _Publication:
    topic: str
    payload: bytes


class RuleEngine:
    """The rules engine, created by `open_rule_engine`.

    Every message it receives ends in the stream or in `failures`. The MQTT client's thread only
    queues messages. A worker thread applies the rule and puts the queued messages in batches.
    """

    def __init__(
        self, rule: Rule, kinesis: Kinesis, client: IotCore, drain_timeout_s: float
    ) -> None:
        self.received = 0
        self.stored = 0
        #: The input that the rule's error action would get.
        self.failures: list[ActionFailure] = []
        self._rule = rule
        self._kinesis = kinesis
        self._client = client
        self._drain_timeout_s = drain_timeout_s
        self._inbox: SimpleQueue[_Publication | None] = SimpleQueue()
        self._worker = threading.Thread(target=self._work, name="rule-engine", daemon=True)
        self._markers: dict[bytes, threading.Event] = {}

    def drain(self) -> None:
        """Wait until every message that the broker has acknowledged is stored or has failed.

        Sends a marker along the same path: broker, inbox, worker. Blocks. Raises TimeoutError if
        the marker does not arrive, because messages do not arrive then either.
        """
        topic = re.sub("[+#]", "drain", self._rule.topic_filter)
        marker = uuid.uuid4().bytes
        self._markers[marker] = threading.Event()
        self._client.publish(topic, marker)
        if not self._markers[marker].wait(self._drain_timeout_s):
            raise TimeoutError(
                f"the rule engine has not received its own message on {topic} within "
                f"{self._drain_timeout_s:g} s: its subscription is lost, or the machine is "
                "overloaded"
            )

    def _start(self) -> None:
        self._worker.start()
        self._client.subscribe(self._rule.topic_filter, self._on_message, qos=1)
        self._client.start()
        self.drain()  # returns once the subscription is active

    def _stop(self) -> None:
        self._client.stop()
        self._inbox.put(None)
        self._worker.join()

    def _on_message(self, topic: str, payload: bytes) -> None:
        self.received += payload not in self._markers
        self._inbox.put(_Publication(topic, payload))

    def _work(self) -> None:
        ended = False
        while not ended:
            batch = [self._inbox.get()]
            waiting = min(self._inbox.qsize(), MAX_BATCH_RECORDS - 1)
            batch += [self._inbox.get() for _ in range(waiting)]
            ended = None in batch
            self._process([message for message in batch if message])

    def _process(self, batch: Sequence[_Publication]) -> None:
        records: list[KinesisRecord] = []
        sources: list[_Publication] = []
        for message in batch:
            if message.payload in self._markers:
                continue
            outcome = self._rule.apply(message.topic, message.payload)
            if isinstance(outcome, ActionFailure):
                self.failures.append(outcome)
            else:
                records.append(outcome)
                sources.append(message)
        refused = self._kinesis.put(records)
        for index, reason in refused.items():
            source = sources[index]
            self.failures.append(self._rule.failure(source.topic, source.payload, reason))
        self.stored += len(records) - len(refused)
        for message in batch:
            if message.payload in self._markers:
                self._markers[message.payload].set()


@contextmanager
def open_rule_engine(
    rule: Rule, kinesis: Kinesis, mqtt311_port: int, drain_timeout_s: float = DRAIN_TIMEOUT_S
) -> Iterator[RuleEngine]:
    """Yield a subscribed rule engine. On exit, all messages it received are processed."""
    client = IotCore(
        LOOPBACK,
        mqtt311_port,
        client_id="rule-engine",
        convert_to_str=False,
        start_broker=False,
        keep_alive=KEEP_ALIVE_S,
    )
    engine = RuleEngine(rule, kinesis, client, drain_timeout_s)
    try:
        engine._start()
        yield engine
    finally:
        engine._stop()
