"""IotCore: an Uplink over MQTT 5 to AWS IoT Core, through awscrt.

awscrt runs callbacks on its own thread. Each callback only puts a note into a queue that the event
loop empties; the threads share nothing else.
"""

import asyncio
import re
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

import structlog
from awscrt import mqtt5

from gateway.cloud.connack import UNREADABLE, refusal
from gateway.cloud.credential_files import CredentialFiles
from gateway.cloud.diagnosis import Diagnosis, diagnose_failure
from gateway.cloud.fallback import Fallback
from gateway.cloud.iot_client import (
    ACK_TIMEOUT_S,
    Link,
    build_client,
    call_when_overdue,
    end_of_connection,
    explain_failure,
    explain_plaintext_failure,
    name_and_message,
    publish_answer,
)
from gateway.cloud.mqtt_errors import DISCARDED
from gateway.cloud.subscriptions import Subscriptions
from gateway.cloud.tunnel import open_tunnel
from gateway.cloud.uplink import (
    Answer,
    Commands,
    CredentialsError,
    Ending,
    Feed,
    Subscription,
    UplinkListener,
    Verdict,
)
from gateway.config.cloud import CloudConfig

#: Seconds within which each attempt to connect succeeds or fails: awscrt waits 10 s each for TCP,
#: TLS and CONNACK. Only the look-up of the name may take longer, where no name server answers.
ATTEMPT_S = 45.0
#: How long results wait to be handled together, in seconds. awscrt's thread needs the interpreter's
#: lock for each result. While the event loop waits, the thread gets the lock at once; if the loop
#: handled every result when it arrives, the thread would get the lock only once in each turn.
BATCH_S = 0.001
#: The pause after a connection could not be opened for want of threads or descriptors, in seconds.
REPLACE_AGAIN_S = 1.0
#: The answer to all open messages when the gateway itself connects again.
RENEWED = Answer(Verdict.RETRY, "connecting again, with the replaced certificate files")
#: The answer to all open messages when none is answered any more. A cable that was pulled leaves
#: the connection open: awscrt would notice it by its ping, after 40 s.
SILENT = Answer(
    Verdict.RETRY,
    f"the broker does not answer: it has acknowledged no message for {ACK_TIMEOUT_S} s; check the "
    "network between this computer and the broker",
)

log = structlog.get_logger()


class IotCore:
    """The Uplink to one endpoint. It must be created and used on the event loop.

    Certificate files that are replaced on disk are used from the next connection on.
    """

    def __init__(self, cloud: CloudConfig, client_id: str) -> None:
        self._cloud = cloud
        self._client_id = client_id
        self.files = CredentialFiles(cloud)
        self._explain = explain_plaintext_failure if cloud.plaintext else explain_failure
        self._subscriptions = Subscriptions(self._from_sdk)
        self._handling: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._notes: deque[Callable[[], None]] = deque()
        self._notes_lock = threading.Lock()
        self._notes_awaited = False
        #: The publishes that are not answered yet, by ticket.
        self._pending: dict[int, Future[Any]] = {}
        self._is_watching = False
        #: The highest ticket that has an answer.
        self._answered = -1
        self._connected = False
        self._stopping = False
        self._listener: UplinkListener | None = None
        self._fallback = Fallback(cloud)
        #: Why the last attempt to connect failed, if that was found out.
        self.diagnosis: Diagnosis | None = None
        self._judging: asyncio.Task[None] | None = None
        #: Runs while the outcome of an attempt to connect is awaited.
        self._attempt: asyncio.Task[None] | None = None
        self._link = self._new_link()
        #: The end of the link, and the start of the one that replaces it.
        self._replacing: asyncio.Task[None] | None = None

    def subscribe(self, subscription: Subscription) -> None:
        self._subscriptions.add(subscription)

    @property
    def refusals(self) -> dict[str, str]:
        """Why the broker refuses a subscription, by topic."""
        return self._subscriptions.refusals

    def start(self, listener: UplinkListener) -> None:
        self._listener = listener
        self._link.client.start()

    def renew(self) -> None:
        """Connect again if the certificate files were replaced; otherwise do nothing."""
        if self.files.replacement() is None:
            return
        self._relink()
        if self._connected:
            self._down(RENEWED, Ending.OTHER)

    def hasten(self) -> None:
        """Try to connect now instead of after the back-off; do nothing if connected."""
        if self._listener is not None and not self._connected:
            self._relink()

    def publish(self, ticket: int, payload: bytes) -> None:
        packet = mqtt5.PublishPacket(
            topic=self._cloud.topic, payload=payload, qos=mqtt5.QoS.AT_LEAST_ONCE
        )
        future = self._pending[ticket] = self._link.client.publish(packet)
        future.add_done_callback(self._from_sdk(partial(self._on_published, ticket)))
        if not self._is_watching:
            self._watch()

    async def stop(self) -> None:
        self._stopping, self._connected = True, False
        self._pending.clear()
        self._subscriptions.end(may_be_cause=False)
        self._end_attempt()
        self._end_judging()
        if self._replacing is not None:
            await self._replacing
        await self._link.end()

    def _new_link(self) -> Link:
        """Return a link whose events count only until it is stopped or replaced."""
        family = self._fallback.family
        link = Link(family, open_tunnel(self._cloud, family))

        def is_in_use() -> bool:
            return link is self._link and self._replacing is None and not self._stopping

        def on(handler: Callable[[Any], None]) -> Callable[[Any], None]:
            return self._from_sdk(lambda data: handler(data) if is_in_use() else None)

        link.client = build_client(
            self._cloud,
            self._client_id,
            self.files.load(),
            link.tunnel,
            on_lifecycle_event_attempting_connect_fn=on(self._on_attempt),
            on_lifecycle_event_connection_success_fn=on(self._on_connected),
            on_lifecycle_event_connection_failure_fn=on(self._on_failed),
            on_lifecycle_event_disconnection_fn=on(self._on_disconnected),
            on_lifecycle_event_stopped_fn=self._from_sdk(lambda _: link.stopped.set()),
            on_publish_callback_fn=on(self._on_received),
        )
        return link

    def _relink(self) -> None:
        """Replace the link, unless that is under way: the new link has yet to read the files."""
        if self._replacing is None and not self._stopping:
            self._end_attempt()
            self._replacing = self._loop.create_task(self._replace())

    async def _replace(self) -> None:
        while not self._stopping:
            if await self._is_replaced():
                break
            await asyncio.sleep(REPLACE_AGAIN_S)
        self._replacing = None

    async def _is_replaced(self) -> bool:
        """Replace the link; return whether this computer allowed it.

        The old link ends first: a broker lets a client id connect only once.
        """
        try:
            await self._link.end()
            if not self._stopping:
                self._link = self._new_link()
                self._link.client.start()
        except (OSError, RuntimeError, CredentialsError) as error:
            reason = f"this computer cannot open a new connection: {error}"
            self._down(Answer(Verdict.RETRY, reason), Ending.OTHER)
            return False
        return True

    def _from_sdk(self, handler: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a callback for awscrt's thread that runs `handler` on the event loop."""
        return partial(self._note, handler)

    def _note(self, handler: Callable[[Any], None], data: Any) -> None:
        """Leave a note, from any thread; only the first one of a batch wakes the loop."""
        with self._notes_lock:
            self._notes.append(partial(handler, data))
            wake, self._notes_awaited = not self._notes_awaited, True
        if wake:
            with suppress(RuntimeError):  # the loop has ended and needs no more notes
                self._loop.call_soon_threadsafe(self._loop.call_later, BATCH_S, self._read_notes)

    def _read_notes(self) -> None:
        while (note := self._next_note()) is not None:
            try:
                note()
            except Exception as error:
                # A bug in one handler must not block the notes behind it.
                self._loop.call_exception_handler({"message": "uplink", "exception": error})

    def _next_note(self) -> Callable[[], None] | None:
        with self._notes_lock:
            if self._notes:
                return self._notes.popleft()
            self._notes_awaited = False
            return None

    def _on_attempt(self, _data: mqtt5.LifecycleAttemptingConnectData) -> None:
        """Await the outcome. Another attempt before it shows that awscrt has dropped an event."""
        if self._connected or self._attempt is not None:
            self._on_refused(UNREADABLE)
        self._end_attempt()
        self._attempt = self._loop.create_task(self._await_outcome())

    async def _await_outcome(self) -> None:
        await asyncio.sleep(ATTEMPT_S)
        found = await diagnose_failure(self._cloud, self._link.family, "")
        self._on_refused(found or UNREADABLE)

    def _on_refused(self, diagnosis: Diagnosis) -> None:
        self.diagnosis = diagnosis
        self._down(Answer(Verdict.SUSPECT, str(diagnosis)), Ending.OTHER)

    def _end_attempt(self) -> None:
        if self._attempt is not None:
            self._attempt.cancel()
        self._attempt = None

    def _end_judging(self) -> None:
        if self._judging is not None:
            self._judging.cancel()

    def _on_connected(self, data: mqtt5.LifecycleConnectSuccessData) -> None:
        self._end_attempt()
        self._end_judging()
        if data.connack_packet.reason_code is not mqtt5.ConnectReasonCode.SUCCESS:
            # To awscrt, every code below 128 is an acceptance.
            self._on_refused(refusal(self._cloud, self._client_id, data.connack_packet))
            return
        self._connected, self.diagnosis = True, None
        self._fallback.keep()
        self._subscriptions.begin(self._link.client)
        self._attached_listener().on_up()

    def _on_failed(self, data: mqtt5.LifecycleConnectFailureData) -> None:
        self._end_attempt()
        if self._judging is None or self._judging.done():
            self._judging = self._loop.create_task(self._judge(data))

    async def _judge(self, data: mqtt5.LifecycleConnectFailureData) -> None:
        """Try another address family after some failures; report any other, with its cause."""
        name, family = name_and_message(data.exception)[0], self._link.family
        if data.connack_packet is not None or await self._fallback.after(name):
            if data.connack_packet is None:
                self.diagnosis = await diagnose_failure(self._cloud, family, name)
            else:
                self.diagnosis = refusal(self._cloud, self._client_id, data.connack_packet)
            reason = self._explain(data) if self.diagnosis is None else str(self.diagnosis)
            self._down(Answer(Verdict.RETRY, reason), Ending.OTHER)
        if self._fallback.family != family:
            log.info("connecting over another address family", family=self._fallback.family)
            self._relink()
        self.renew()

    def _on_disconnected(self, data: mqtt5.LifecycleDisconnectData) -> None:
        if self._connected:  # otherwise the reason is known already
            self._down(*end_of_connection(data))
        self.renew()

    def _watch(self) -> None:
        """Give up the publishes that are open now when their results are overdue; then watch again.

        A publish waits for at most twice that time.
        """
        self._is_watching = bool(self._pending)
        if self._is_watching:
            call_when_overdue(partial(self._give_up, dict(self._pending)))

    def _give_up(self, sent: dict[int, Future[Any]]) -> None:
        for ticket, future in sent.items():
            self._on_published(ticket, future)
        self._watch()

    def _down(self, answer: Answer, ending: Ending) -> None:
        """Answer all open publishes; the SDK would leave them pending until the next connect."""
        self._subscriptions.end(may_be_cause=answer.verdict is Verdict.SUSPECT)
        self._connected = False
        tickets = list(self._pending)
        self._pending.clear()
        listener = self._attached_listener()
        listener.on_down(answer.reason, ending)
        for ticket in tickets:
            listener.on_answer(ticket, answer)

    def _on_published(self, ticket: int, future: Future[Any]) -> None:
        if self._pending.get(ticket) is not future:
            return  # answered already, or when the connection broke
        answer = publish_answer(future, self._cloud.topic)
        if answer is not DISCARDED:
            self._answered = max(self._answered, ticket)
        elif self._answered < ticket:
            self._relink()
            self._down(SILENT, Ending.OTHER)
            return
        del self._pending[ticket]
        self._attached_listener().on_answer(ticket, answer)

    def _on_received(self, data: mqtt5.PublishReceivedData) -> None:
        packet = data.publish_packet
        match self._subscriptions.of(packet.topic):
            case Feed() as feed:
                feed.take(bytes(packet.payload or b""))
            case Commands() if packet.retain:
                # Sent again after each reconnect, whatever has happened since.
                log.warning(
                    "retained command ignored",
                    topic=packet.topic,
                    expected="a command published without the retain flag",
                )
            case Commands() as commands:
                handling = self._loop.create_task(self._answer_command(commands, packet))
                self._handling.add(handling)
                handling.add_done_callback(self._handling.discard)

    async def _answer_command(self, commands: Commands, command: mqtt5.PublishPacket) -> None:
        response = await commands.handle(bytes(command.payload or b""))
        topic = command.response_topic
        if topic is None:
            return
        expected = f"{commands.topic}/…"
        if not re.fullmatch(rf"{re.escape(commands.topic)}/[\w-]{{1,64}}", topic, re.ASCII):
            # IoT Core ends the connection on a publish to a topic that it or the policy forbids.
            log.warning(
                "response to a race command not sent: unexpected response topic",
                response_topic=topic,
                expected=expected,
            )
            return
        self._link.client.publish(
            mqtt5.PublishPacket(
                topic=topic,
                payload=response,
                qos=mqtt5.QoS.AT_LEAST_ONCE,
                correlation_data_bytes=command.correlation_data_bytes,
            )
        )

    def _attached_listener(self) -> UplinkListener:
        assert self._listener is not None
        return self._listener
