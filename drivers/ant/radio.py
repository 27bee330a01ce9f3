"""The radio of a stick, shared by all ANT+ bikes of this process: each has a channel of its own."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from weakref import WeakKeyDictionary

from drivers.ant import commands
from drivers.ant.stick import Stick, network_key
from drivers.contract import BikeLost, Clock
from drivers.protocols.ant.messages import (
    AntMessage,
    MessageReader,
    ReceivedPage,
    decode_page,
    encode_message,
)
from drivers.protocols.base import AntChannel

#: How often a stick that does not answer is opened: on a Pi, the first attempts often fail.
OPENINGS = 4
#: How long a stick may take to be opened, or to be released by an earlier user, in seconds.
OPEN_S = 5.0
#: How long it has to answer a command, in seconds.
ANSWER_S = 2.0
#: How long it may take to start, in seconds. Not all report that they have started.
START_S = 0.5
#: Limit of waiting pages; beyond it the oldest are dropped.
MAX_WAITING = 64

_SILENT = (
    "the ANT stick does not answer: unplug it and plug it in again, in another port or in a "
    "powered USB hub if that does not help"
)


class AntListener:
    """The pages that one channel receives. `opening`: the commands that open it."""

    def __init__(self, radio: "AntRadio", clock: Clock, opening: Sequence[AntMessage]) -> None:
        self._radio = radio
        self._clock = clock
        self._opening = opening
        self._heard: asyncio.Queue[tuple[int, ReceivedPage] | None] = asyncio.Queue()

    async def next(self, timeout_s: float) -> tuple[int, ReceivedPage] | None:
        """Return the next page after the time of its arrival, or None after `timeout_s`.

        Raises BikeLost. A channel that has closed, because its search has ended, is opened again.
        """
        try:
            async with self._clock.timeout(timeout_s):
                received = await self._heard.get()
        except TimeoutError:
            if self._heard.empty():
                return None
            received = self._heard.get_nowait()
        if received is None:
            await self._radio.reopen(self._clock, self._opening)
        return received

    def put(self, page: ReceivedPage | None) -> None:
        """Add a page, or None once the channel has closed."""
        if self._heard.qsize() >= MAX_WAITING:
            self._heard.get_nowait()
        self._heard.put_nowait(None if page is None else (self._clock.monotonic_ns(), page))


class AntRadio:
    """An open stick and its channels."""

    def __init__(self) -> None:
        self.users = 0
        #: Why the stick was lost; empty while it is there.
        self.loss = ""
        self._stick = Stick(self._hear, self._lose)
        self._reader = MessageReader()
        self._channels = 8
        self._receptions: dict[int, AntListener] = {}
        #: Channels that were left, until the stick has closed them.
        self._leaving: set[int] = set()
        #: Answers that are waited for: to a command on a channel, or another message.
        self._awaited: dict[tuple[int, int], asyncio.Future[bytes]] = {}
        self._commanding = asyncio.Lock()

    async def open(self, clock: Clock) -> None:
        """Open the stick and prepare it. Raises BikeLost, TimeoutError if it does not answer."""
        async with clock.timeout(OPEN_S):
            await self._stick.open()
        with suppress(TimeoutError):
            await self._exchange(clock, AntMessage(commands.RESET, bytes(1)), commands.STARTED)
        asked = AntMessage(commands.REQUEST, bytes((0, commands.CAPABILITIES)))
        self._channels = next(iter(await self._exchange(clock, asked, commands.CAPABILITIES)), 0)
        await self._command(clock, commands.prepare(network_key()))

    def close(self) -> None:
        """Release the stick soon. Its reset ends the read that it would wait for."""
        self._stick.write(encode_message(AntMessage(commands.RESET, bytes(1))))
        self._stick.close()

    async def wait_closed(self, clock: Clock) -> None:
        """Return once the stick is released. Raises BikeLost if it is not."""
        try:
            async with clock.timeout(OPEN_S):
                await self._stick.wait_closed()
        except TimeoutError as error:
            raise BikeLost(
                "an earlier attempt to use the ANT stick has not finished: "
                "unplug it and plug it in again"
            ) from error

    @asynccontextmanager
    async def receive(
        self, clock: Clock, channel: AntChannel, device_number: int
    ) -> AsyncIterator[AntListener]:
        """Open a channel for one device. Raises BikeLost."""
        taken = self._receptions.keys() | self._leaving
        number = next((one for one in range(self._channels) if one not in taken), None)
        if number is None:
            raise BikeLost(
                f"all {self._channels} channels of the ANT stick are in use: each bike and each "
                "heart rate strap on ANT+ needs one"
            )
        opening = commands.open_channel(number, channel, device_number)
        async with self._opened(clock, number, opening) as reception:
            yield reception

    @asynccontextmanager
    async def scan(self, clock: Clock) -> AsyncIterator[AntListener]:
        """Receive every device. Raises BikeLost, also if a bike has a channel."""
        if self._receptions:
            raise BikeLost("the ANT stick cannot scan while it receives a bike")
        async with self._opened(clock, 0, commands.open_scan()) as reception:
            yield reception

    async def reopen(self, clock: Clock, opening: Sequence[AntMessage]) -> None:
        """Open a channel that has closed. Raises BikeLost."""
        unassign = AntMessage(commands.UNASSIGN, opening[0].payload[:1])
        await self._open_channel(clock, (unassign, *opening))

    @asynccontextmanager
    async def _opened(
        self, clock: Clock, number: int, opening: Sequence[AntMessage]
    ) -> AsyncIterator[AntListener]:
        reception = self._receptions[number] = AntListener(self, clock, opening)
        try:
            await self._open_channel(clock, opening)
            yield reception
        finally:
            del self._receptions[number]
            self._leaving.add(number)
            self._send(AntMessage(commands.CLOSE, bytes((number,))))

    async def _open_channel(self, clock: Clock, opening: Sequence[AntMessage]) -> None:
        try:
            await self._command(clock, opening)
        except TimeoutError as error:
            raise BikeLost(_SILENT) from error

    async def _command(self, clock: Clock, messages: Sequence[AntMessage]) -> None:
        for message in messages:
            code = (await self._exchange(clock, message, commands.ANSWER))[-1]
            if code != 0:
                raise BikeLost(
                    f"the ANT stick refused the command {message.id:#04x} with code {code}: "
                    "unplug it and plug it in again"
                )

    async def _exchange(self, clock: Clock, message: AntMessage, answer: int) -> bytes:
        """Send a message and return the payload of its answer. Raises BikeLost, TimeoutError."""
        is_command = answer == commands.ANSWER
        key = (message.payload[0], message.id) if is_command else (-1, answer)
        async with self._commanding:
            if self.loss:
                raise BikeLost(self.loss)
            awaited: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._awaited[key] = awaited
            self._send(message)
            try:
                async with clock.timeout(START_S if answer == commands.STARTED else ANSWER_S):
                    return await awaited
            finally:
                del self._awaited[key]

    def _send(self, message: AntMessage) -> None:
        self._stick.write(encode_message(message))

    def _hear(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            received, answer = decode_page(message), commands.decode_answer(message)
            if received is not None and received.channel in self._receptions:
                self._receptions[received.channel].put(received)
            elif answer is None:
                self._settle((-1, message.id), message.payload)
            elif answer.to != commands.EVENT:
                self._settle((answer.channel, answer.to), message.payload)
            if answer is not None:
                self._follow(answer)

    def _settle(self, key: tuple[int, int], payload: bytes) -> None:
        awaited = self._awaited.get(key)
        if awaited is not None and not awaited.done():
            awaited.set_result(payload)

    def _follow(self, answer: commands.StickAnswer) -> None:
        """Follow the end of a channel: free it if it was left, else report it."""
        number = answer.channel
        was_closed = answer.to == commands.CLOSE and answer.code != 0
        if number in self._leaving and (answer.is_closed or was_closed):
            self._leaving.discard(number)
            self._send(AntMessage(commands.UNASSIGN, bytes((number,))))
        elif number in self._receptions and answer.is_closed:
            self._receptions[number].put(None)

    def _lose(self, reason: str) -> None:
        self.loss = reason
        for awaited in self._awaited.values():
            if not awaited.done():
                awaited.set_exception(BikeLost(reason))
        for reception in self._receptions.values():
            reception.put(None)


class _Share:
    """The last radio that was opened in an event loop, with the lock for opening it."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.radio: AntRadio | None = None


_shares: WeakKeyDictionary[asyncio.AbstractEventLoop, _Share] = WeakKeyDictionary()


@asynccontextmanager
async def shared_radio(clock: Clock) -> AsyncIterator[AntRadio]:
    """Yield the radio, which the first user opens and the last one closes. Raises BikeLost."""
    share = _shares.setdefault(asyncio.get_running_loop(), _Share())
    async with share.lock:
        radio = share.radio
        if radio is None or radio.users == 0 or radio.loss:
            radio = await _open_radio(clock, share)
        radio.users += 1
    try:
        yield radio
    finally:
        radio.users -= 1
        if radio.users == 0:
            radio.close()


async def _open_radio(clock: Clock, share: _Share) -> AntRadio:
    for _ in range(OPENINGS):
        if share.radio is not None:
            await share.radio.wait_closed(clock)
        radio = share.radio = AntRadio()
        try:
            await radio.open(clock)
        except TimeoutError:
            radio.close()
        except BaseException:
            radio.close()
            raise
        else:
            return radio
    raise BikeLost(_SILENT)
