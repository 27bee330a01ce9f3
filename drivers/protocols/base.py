"""What every protocol is: bytes in, Readings out, and what to ask the bike. Pure."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from drivers.reading import Frame, Reading


def sig_uuid(number: int) -> str:
    """The full UUID behind one of the 16-bit numbers that the Bluetooth SIG assigns."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True)
class Gatt:
    """Where a protocol lives on a Bluetooth bike. UUIDs in full, lower case."""

    service: str
    #: The characteristics that carry its Frames, one notification each.
    notify: tuple[str, ...]
    #: The characteristic that takes what `WireProtocol.request` gives.
    command: str | None = None


@dataclass(frozen=True, slots=True)
class SerialLine:
    """How a protocol's serial line is set; always 8 data bits, no parity, 1 stop bit."""

    #: Tried in this order until the bike is understood.
    baud_rates: tuple[int, ...]
    xonxoff: bool = False


class WireProtocol(ABC):
    """The decoding state of one connection; a new connection takes a new one.

    Total: any bytes at all may be fed. It never raises, holds a bounded number of bytes, and
    junk never stops the next good message. Every protocol can be made without arguments.
    """

    #: Which transports it is spoken over; None: not over this one.
    gatt: Gatt | None = None
    line: SerialLine | None = None
    #: The Bluetooth company whose manufacturer data carries it, without any connection.
    company_id: int | None = None

    #: A field not repeated for this long is stale.
    stale_after_s: float = 3.0

    def __init__(self) -> None:
        #: Bytes seen so far that meant nothing.
        self.unusable_bytes = 0

    @abstractmethod
    def feed(self, frame: Frame) -> list[Reading]:
        """The Readings that `frame` completes, stamped with its time. Maybe none.

        Frames that were `sent` are fed as well: some answers are understood by their question
        alone.
        """

    def request(self, now_ns: int) -> bytes:
        """What to send to the bike now; empty for nothing.

        Asked some twenty times a second from when the connection is made, on the monotonic clock
        of `Frame.at_ns`. What it gives is sent at once, and then fed as a Frame that was `sent`.
        """
        del now_ns
        return b""
