"""The driver `serial`: a bike on a serial port that sends by itself or is polled."""

import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Self

from pydantic import Field, field_validator, model_validator

from drivers.clock import MachineClock, sleep_for
from drivers.contract import (
    BikeAbsent,
    BikeLost,
    Clock,
    DriverOptions,
    FrameListener,
    FrameSource,
    ResistanceTable,
    TableOrigin,
    ignore_frame,
)
from drivers.conversation import Conversation, first_within, resumed
from drivers.discovery import FoundBike
from drivers.protocols import PROTOCOLS
from drivers.protocols.base import SerialLine, WireProtocol
from drivers.protocols.serial.peloton import Mode, Peloton
from drivers.protocols.serial.peloton_table import (
    RESISTANCE_TABLE_SIZE,
    can_be_table,
    resistance_points,
)
from drivers.reading import Reading
from drivers.serial_line.obstacles import why_missing
from drivers.serial_line.port import open_port
from drivers.serial_line.scan import scan_ports
from drivers.serial_line.session import converse
from drivers.tuning import Tuning

SERIAL_PROTOCOLS = {name: made.line for name, made in PROTOCOLS.items() if made.line is not None}

#: How long the driver waits for an unplugged port, and how often it looks for it, in seconds.
APPEAR_S = 30.0
APPEAR_EVERY_S = 0.1
#: How long a bike has to send its first valid Reading at each speed, in seconds.
UNDERSTAND_S = 5.0
#: The key of a Peloton's table in the driver's memory.
_TABLE = "resistance_table"


class SerialOptions(DriverOptions, Tuning):
    """The `[bikes.options]` of a bike on a serial port."""

    #: Preferably a name under /dev/serial/by-id, which survives replugging; or
    #: `socket://host:port` of a serial server.
    port: str
    protocol: str
    #: Overrides the speeds that the driver tries.
    baud_rate: int | None = Field(default=None, ge=300, le=4_000_000)
    #: Peloton: poll the bike, listen to the polls of its tablet, or find out which is needed.
    mode: Mode = "auto"
    #: Peloton: the raw resistance at 0/30, 1/30 … 30/30, unless the bike reports its own table.
    resistance_table: tuple[int, ...] | None = None

    @property
    def who(self) -> str:
        return self.port

    @property
    def reports_own_number(self) -> bool:
        return PROTOCOLS[self.protocol].reports_own_number and not self.gives_percent

    @field_validator("port")
    @classmethod
    def _is_a_port(cls, port: str) -> str:
        if not (port.startswith("/") or re.fullmatch(r"socket://[^/:]+:\d{1,5}", port)):
            raise ValueError("expected a path such as /dev/serial/by-id/…, or socket://host:port")
        return port

    @field_validator("protocol")
    @classmethod
    def _is_serial(cls, protocol: str) -> str:
        if protocol not in SERIAL_PROTOCOLS:
            raise ValueError(f"expected one of: {', '.join(SERIAL_PROTOCOLS)}")
        return protocol

    @field_validator("resistance_table")
    @classmethod
    def _is_a_table(cls, table: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if table is not None and (
            len(table) != RESISTANCE_TABLE_SIZE or list(table) != sorted(set(table))
        ):
            raise ValueError(f"expected {RESISTANCE_TABLE_SIZE} numbers in increasing order")
        return table

    @model_validator(mode="after")
    def _peloton_only(self) -> Self:
        if self.protocol != "peloton" and (self.mode != "auto" or self.resistance_table):
            raise ValueError("mode and resistance_table apply only to protocol peloton")
        return self


class SerialBike(FrameSource):
    """The driver `serial`. A bike is open after its first Reading, lost when it falls silent."""

    Options = SerialOptions

    def __init__(self, options: SerialOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        #: Table and mode of a Peloton, remembered until a later connection finds others.
        self._bike_table: Sequence[int] | None = None
        self._mode = options.mode
        #: The protocol of the current connection, or of the last one.
        self._protocol = self._fresh_protocol()
        self.stale_after_s = PROTOCOLS[options.protocol].stale_after_s
        #: Why `open_bike` is waiting; see WaitingDriver.
        self.waits_because = ""

    @property
    def resistance_table(self) -> ResistanceTable | None:
        """The best known resistance table of a Peloton; None for other bikes."""
        protocol = self._protocol
        if not isinstance(protocol, Peloton):
            return None
        if protocol.bike_table:
            origin = TableOrigin.BIKE
        elif self._options.resistance_table:
            origin = TableOrigin.CONFIG
        else:
            origin = TableOrigin.ANOTHER_BIKE
        return ResistanceTable(resistance_points(protocol.table), origin)

    @property
    def memory(self) -> Mapping[str, object]:
        """The table of a Peloton, which takes six seconds to read; see RememberingDriver."""
        table = self._protocol.bike_table if isinstance(self._protocol, Peloton) else None
        return {} if table is None else {_TABLE: list(table)}

    @memory.setter
    def memory(self, memory: Mapping[str, object]) -> None:
        self._bike_table = _table_in(memory)
        self._protocol = self._fresh_protocol()

    @staticmethod
    def discover(seconds: float) -> AsyncIterator[FoundBike]:
        """Scan USB ports only, since a console may be on others."""
        return scan_ports(seconds, MachineClock())

    @asynccontextmanager
    async def open_bike(
        self, on_frame: FrameListener = ignore_frame
    ) -> AsyncIterator[AsyncIterator[Reading]]:
        options = self._options
        line = SERIAL_PROTOCOLS[options.protocol]
        await self._appear()
        heard = []
        for baud_rate in _baud_rates(options, line):
            async with open_port(options.port, baud_rate, line, self._clock) as port:
                talk = self._conversation(on_frame)
                try:
                    async with aclosing(converse(port, talk, self._clock)) as readings:
                        first = await first_within(self._clock, UNDERSTAND_S, readings)
                        if first is not None:
                            yield resumed(first, readings)
                            return
                finally:
                    self._remember()
                heard.append(f"at {baud_rate} baud {talk.silence}")
        raise BikeLost(
            f"no {options.protocol} bike answered on {options.port}: {'; '.join(heard)}; "
            "check that the bike is switched on and that its protocol is right"
        )

    async def _appear(self) -> None:
        """Wait until the port exists. Raises BikeAbsent after APPEAR_S."""
        port = self._options.port
        try:
            for _ in range(round(APPEAR_S / APPEAR_EVERY_S)):
                # Looking up a name in /dev does not block.
                if port.startswith("socket://") or os.path.lexists(port):  # noqa: ASYNC240
                    return
                self.waits_because = why_missing(port)
                await sleep_for(self._clock, APPEAR_EVERY_S)
            raise BikeAbsent(self.waits_because)
        finally:
            self.waits_because = ""

    def _conversation(self, on_frame: FrameListener) -> Conversation:
        options = self._options
        self._protocol = self._fresh_protocol()
        return Conversation(
            options.protocol, self._protocol, options, self._clock.monotonic_ns(), on_frame
        )

    def _fresh_protocol(self) -> WireProtocol:
        if self._options.protocol == "peloton":
            return Peloton(self._mode, self._options.resistance_table, self._bike_table)
        return PROTOCOLS[self._options.protocol]()

    def _remember(self) -> None:
        protocol = self._protocol
        if not isinstance(protocol, Peloton):
            return
        self._bike_table = protocol.bike_table
        if self._options.mode == "auto":
            self._mode = "poll" if protocol.is_asked else "auto"


def _table_in(memory: Mapping[str, object]) -> Sequence[int] | None:
    """Return the table in a memory; None if there is none, or if it cannot be one."""
    table = memory.get(_TABLE)
    if not isinstance(table, list) or not all(type(raw) is int for raw in table):
        return None
    return table if can_be_table(table) else None


def _baud_rates(options: SerialOptions, line: SerialLine) -> tuple[int, ...]:
    return line.baud_rates if options.baud_rate is None else (options.baud_rate,)
