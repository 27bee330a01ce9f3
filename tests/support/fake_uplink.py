"""An Uplink without a network; tests connect it, cut it and choose its answers."""

import asyncio
from collections.abc import Callable

from gateway.cloud.uplink import Answer, Ending, Feed, Subscription, UplinkListener, Verdict

ACCEPTED = Answer(Verdict.ACCEPTED)


class FakeUplink:
    """An Uplink that passes the same contract suite as IotCore.

    `answer`: returns the answer to a payload, or None to leave it unanswered until a cut.
    `delivered`: the accepted payloads in order of arrival. `sent`: everything sent.
    """

    def __init__(self, answer: Callable[[bytes], Answer | None] = lambda _: ACCEPTED) -> None:
        self.answer = answer
        self.delivered: list[bytes] = []
        self.sent: list[bytes] = []
        self.connected = False
        self._open: dict[int, bytes] = {}
        self._listener: UplinkListener | None = None
        self.subscriptions: dict[str, Subscription] = {}

    @property
    def open_tickets(self) -> int:
        return len(self._open)

    @property
    def unanswered(self) -> list[bytes]:
        return list(self._open.values())

    def subscribe(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.topic] = subscription

    def start(self, listener: UplinkListener) -> None:
        self._listener = listener

    def publish(self, ticket: int, payload: bytes) -> None:
        assert self.connected
        self.sent.append(payload)
        self._open[ticket] = payload
        asyncio.get_running_loop().call_soon(self._reply, ticket, payload)

    async def stop(self) -> None:
        self._listener = None

    def connect(self) -> None:
        assert self._listener is not None
        self.connected = True
        self._listener.on_up()

    def receive(self, topic: str, payload: bytes) -> None:
        """Receive a message of a Feed."""
        feed = self.subscriptions[topic]
        assert isinstance(feed, Feed)
        feed.take(payload)

    def cut(
        self,
        reason: str = "network down",
        verdict: Verdict = Verdict.RETRY,
        ending: Ending = Ending.OTHER,
    ) -> None:
        self.connected = False
        tickets, self._open = list(self._open), {}
        if self._listener is None:
            return
        self._listener.on_down(reason, ending)
        for ticket in tickets:
            self._listener.on_answer(ticket, Answer(verdict, reason))

    def answer_all(self, answer: Answer) -> None:
        """Answer all unanswered payloads now, in order."""
        for _ in range(self.open_tickets):
            self.answer_oldest(answer)

    def answer_oldest(self, answer: Answer) -> None:
        """Answer the first unanswered payload now."""
        self._tell(next(iter(self._open)), answer)

    def _reply(self, ticket: int, payload: bytes) -> None:
        if self._open.get(ticket) is not payload or self._listener is None:
            return
        answer = self.answer(payload)
        if answer is not None:
            self._tell(ticket, answer)

    def _tell(self, ticket: int, answer: Answer) -> None:
        assert self._listener is not None
        payload = self._open.pop(ticket)
        if answer.verdict is Verdict.ACCEPTED:
            self.delivered.append(payload)
        self._listener.on_answer(ticket, answer)
