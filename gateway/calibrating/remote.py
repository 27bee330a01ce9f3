"""DaemonSession: a session with a bike of the daemon, over its calibration socket."""

import asyncio
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.bike.link import LinkState
from gateway.calibrating.messages import (
    ASK_MAX_BYTES,
    TELL_MAX_BYTES,
    Action,
    Ask,
    Done,
    Ended,
    Heard,
    Here,
    MessageError,
    Open,
    Ping,
    Refused,
    Tell,
    ask_to_line,
    tell_from_line,
)
from gateway.calibrating.session import CalibrationSession
from gateway.calibrating.state import CalibrationError, CalibrationState, LinkStatus
from gateway.host.sockets import explained

#: A daemon that sends nothing for this long hangs, in seconds: it sends a Ping every second.
SILENCE_S = 10.0
#: How long an answer may take, in seconds: longer, because a disk may be slow.
ANSWER_TIMEOUT_S = 60.0


class DaemonSession(CalibrationSession):
    """A CalibrationSession that asks the daemon to carry out each action.

    Without `is_live` only the methods of SavedCalibrations can be used. Entering it connects to
    the daemon, and raises CalibrationError if that fails.
    """

    def __init__(
        self,
        socket: Path,
        bike_id: str,
        *,
        is_live: bool = True,
        silence_s: float = SILENCE_S,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        super().__init__()
        self._socket = socket
        self._bike_id = bike_id
        self._is_live = is_live
        self._silence_s = silence_s
        self._answer_timeout_s = answer_timeout_s
        self._asking = asyncio.Lock()
        self._answer: asyncio.Future[Done | Refused] | None = None
        self._link = LinkStatus(LinkState.CONNECTING)
        #: Why the session has ended; empty while it lasts.
        self._ended = ""

    async def __aenter__(self) -> Self:
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(
                self._socket, limit=TELL_MAX_BYTES
            )
        except OSError as error:
            raise CalibrationError(f"{self._socket}: {explained(error)}") from error
        self._hearing = asyncio.create_task(self._hear())
        try:
            await self._ask(Open(self._bike_id, self._is_live))
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def state(self) -> CalibrationState:
        return self._state

    @property
    def link(self) -> LinkStatus:
        return self._link

    async def carry_out(self, action: Action) -> Done:
        return await self._ask(action)

    async def _ask(self, ask: Ask) -> Done:
        """Send a request and await its answer. Raises CalibrationError if it is refused or late."""
        line = ask_to_line(ask)
        if len(line) > ASK_MAX_BYTES:
            raise CalibrationError(
                f"the calibration is too long: {len(line)} bytes; expected at most "
                f"{ASK_MAX_BYTES} bytes, which is about 500 points"
            )
        async with self._asking:
            if self._ended:
                raise CalibrationError(self._ended)
            self._answer = asyncio.get_running_loop().create_future()
            self._writer.write(line)
            try:
                async with asyncio.timeout(self._answer_timeout_s):
                    answer = await self._answer
            except TimeoutError:
                raise CalibrationError(
                    f"{self._socket}: no answer within {self._answer_timeout_s:g} s: the gateway's "
                    "disk may be hanging"
                ) from None
            finally:
                self._answer = None
        if isinstance(answer, Refused):
            raise CalibrationError(answer.why)
        return answer

    async def _hear(self) -> None:
        try:
            while True:
                async with asyncio.timeout(self._silence_s):
                    line = await self._reader.readuntil(b"\n")
                self._take(tell_from_line(line))
        except TimeoutError:
            self._end(
                f"{self._socket}: the gateway sent nothing for {self._silence_s:g} s: "
                "it may be hanging"
            )
        except (OSError, EOFError):
            self._end(
                f"{self._socket}: the gateway closed the connection: it is stopping, has too many "
                "clients, or received nothing from this session for 10 s; try again"
            )
        except (MessageError, asyncio.LimitOverrunError) as error:
            self._end(f"{self._socket}: this is not a gateway of the same version: {error}")

    def _take(self, tell: Tell) -> None:
        match tell:
            case CalibrationState():
                self._state = tell
            case LinkStatus():
                self._link = tell
                self._news.tell(tell)
            case Heard():
                self._news.tell(tell.reading)
            case Ping():
                self._writer.write(ask_to_line(Here(tell.number)))
            case Done() | Refused():
                if self._answer is not None and not self._answer.done():
                    self._answer.set_result(tell)
            case Ended():
                self._end(tell.why)

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._news.end(self._ended)
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Refused(self._ended))

    async def _close(self) -> None:
        self._end("the session has ended")
        self._hearing.cancel()
        await asyncio.wait([self._hearing])
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()
