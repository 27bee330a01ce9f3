"""The daemon's side of `calibrate`: sessions over a unix socket with the bikes of the daemon.

A client cannot delay a race: files are written in a thread, Readings that a slow client does not
receive in time are dropped, and a client that does not answer is disconnected. When a connection
ends, for any reason, so does its trial.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog

from drivers import Reading
from gateway.calibrating.leases import CalibrationLease, CalibrationLeases
from gateway.calibrating.messages import (
    ASK_MAX_BYTES,
    FILE_NAME,
    VERSION,
    Ask,
    Done,
    Ended,
    Heard,
    Here,
    MessageError,
    Open,
    Ping,
    Refused,
    Reset,
    Rollback,
    Save,
    Tell,
    TryOut,
    Undo,
    ask_from_line,
    tell_to_line,
)
from gateway.calibrating.state import CalibrationError, CalibrationState
from gateway.host.sockets import (
    CHANGING_MODE,
    ConnectionLimit,
    noted_unix_socket,
    socket_directory,
)
from gateway.status.observer import Observer
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S

CLIENTS_MAX = 16
#: Disconnect a client that has not answered a Ping for this long, in nanoseconds.
SILENCE_NS = 10 * NS_PER_S
#: Limit of the write buffer of a client, in bytes; further Readings are dropped and counted.
WAITING_MAX_BYTES = 64 * 1024

log = structlog.get_logger()


def serve_calibration(
    state_dir: Path, leases: CalibrationLeases, observer: Observer, clock: GatewayClock
) -> AbstractAsyncContextManager[None]:
    """Serve clients until the context ends. If the socket fails, note it: the race goes on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _ClientConnection(leases, reader, writer, clock).run()

    path = socket_directory(state_dir) / FILE_NAME
    connections = ConnectionLimit(serve, CLIENTS_MAX)
    unavailable = "calibration is not available at"
    return noted_unix_socket(
        path, CHANGING_MODE, connections, unavailable, observer.note, ASK_MAX_BYTES
    )


class _ClientConnection:
    """A client's connection. In a live session it listens to the bike."""

    def __init__(
        self,
        leases: CalibrationLeases,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        clock: GatewayClock,
    ) -> None:
        self._leases = leases
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._lease: CalibrationLease | None = None
        #: The state that was sent last.
        self._state: CalibrationState | None = None
        self._pings = self._answered = 0
        #: When the client last proved that it receives and sends.
        self._here_ns = clock.monotonic_ns()
        self._is_answering = False
        self._dropped = 0

    async def run(self) -> None:
        pulse = asyncio.create_task(self._pulse())
        # Without the pulse a client that hangs would go unnoticed.
        pulse.add_done_callback(lambda _: self._writer.transport.abort())
        try:
            while True:
                ask = ask_from_line(await self._reader.readuntil(b"\n"))
                if isinstance(ask, Here):
                    self._note_pong(ask.number)
                else:
                    await self._answer(ask)
                # Lines that have already arrived are read without waiting; give the race its turn.
                await asyncio.sleep(0)
        except MessageError as error:
            self._tell(Ended(f"invalid request: {error}"))
        finally:
            pulse.cancel()
            if self._lease is not None:
                self._lease.leave()
            if self._dropped:
                log.warning(
                    "readings dropped: a calibration session reads too slowly",
                    dropped=self._dropped,
                )

    def heard(self, reading: Reading) -> None:
        if self._writer.transport.get_write_buffer_size() < WAITING_MAX_BYTES:
            self._tell(Heard(reading))
        else:
            self._dropped += 1

    def link_changed(self) -> None:
        if self._lease is not None:
            self._tell(self._lease.link)

    def _note_pong(self, number: int) -> None:
        if self._answered < number <= self._pings:
            self._answered = number
            self._here_ns = self._clock.monotonic_ns()

    async def _answer(self, ask: Ask) -> None:
        """Answer a request. The client does not count as silent meanwhile: a disk may be slow."""
        self._is_answering = True
        try:
            answer: Done | Refused = await self._do(ask)
        except CalibrationError as error:
            answer = Refused(str(error))
        finally:
            self._is_answering = False
            self._here_ns = self._clock.monotonic_ns()
        self._tell_state()
        self._tell(answer)
        await self._writer.drain()

    async def _do(self, ask: Ask) -> Done:
        """Carry out a request.

        Raises CalibrationError, or MessageError for a request that this session does not allow.
        """
        match ask, self._lease:
            case Open(), None:
                await self._open(ask)
            case (TryOut() | Undo(), CalibrationLease(is_live=True) as lease):
                return await lease.carry_out(ask)
            case (Save() | Rollback() | Reset(), CalibrationLease() as lease):
                return await lease.carry_out(ask)
            case _:
                raise MessageError(f"{ask.ask} is not allowed in this session")
        return Done()

    async def _open(self, ask: Open) -> None:
        if ask.version != VERSION:
            raise CalibrationError(
                f"the running gateway has version {VERSION} of the calibration protocol, but this "
                f"command has version {ask.version}; restart the gateway: "
                "sudo systemctl restart alleycat-gateway"
            )
        self._lease = await self._leases.take(ask.bike_id, self if ask.live else None)
        if ask.live:
            self.link_changed()

    async def _pulse(self) -> None:
        """Check the client and its lease every second; send a Ping, and the state if it is new."""
        while True:
            now_ns = self._clock.monotonic_ns()
            if not self._is_answering and now_ns - self._here_ns > SILENCE_NS:
                self._writer.transport.abort()
            elif self._lease is not None and self._lease.over:
                self._tell(Ended(self._lease.over))
                self._writer.close()
            elif self._lease is not None:
                self._tell_state()
                self._pings += 1
                self._tell(Ping(self._pings))
            await self._clock.sleep_until(now_ns + NS_PER_S)

    def _tell_state(self) -> None:
        """Send the state if it has changed; the bike may have sent its table meanwhile."""
        if self._lease is not None and self._lease.state != self._state:
            self._state = self._lease.state
            self._tell(self._state)

    def _tell(self, tell: Tell) -> None:
        if not self._writer.transport.is_closing():
            self._writer.write(tell_to_line(tell))
