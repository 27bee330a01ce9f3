"""The base of every protocol: it decodes bytes to Readings, and encodes requests. Pure."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from drivers.reading import Frame, Reading


def sig_uuid(number: int) -> str:
    """Return the full UUID for a 16-bit number that the Bluetooth SIG has assigned."""
    return f"0000{number:04x}-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True)
class Gatt:
    """The service and characteristics of a protocol on a Bluetooth bike: full UUIDs, lower case."""

    service: str
    #: The characteristics that carry its Frames, one notification each.
    notify: tuple[str, ...]
    #: The characteristic to which the result of `WireProtocol.request` is written.
    command: str | None = None


@dataclass(frozen=True, slots=True)
class SerialLine:
    """The settings of a protocol's serial line; always 8 data bits, no parity, 1 stop bit."""

    #: Tried in this order until the bike's data can be decoded.
    baud_rates: tuple[int, ...]
    xonxoff: bool = False


class WireProtocol(ABC):
    """The decoding state of one connection; each connection needs a new one.

    Total: any bytes may be fed. It never raises, holds a bounded number of bytes, and always
    decodes the next good message after junk. Every protocol can be created without arguments.
    """

    #: The parameters of each transport; None: not available over it.
    gatt: Gatt | None = None
    line: SerialLine | None = None
    #: The Bluetooth company whose broadcast manufacturer data carries it; no connection is made.
    company_id: int | None = None

    #: A field not repeated for this many seconds is stale.
    stale_after_s: float = 3.0

    #: Whether a bike's resistance is always a number of its own, such as a level, never percent.
    reports_own_number: bool = False

    def __init__(self) -> None:
        #: The number of bytes so far that could not be decoded.
        self.unusable_bytes = 0

    @abstractmethod
    def feed(self, frame: Frame) -> list[Reading]:
        """Return the Readings that `frame` completes, possibly none, with its time.

        Frames that were `sent` must be fed as well: some answers can only be decoded if their
        request is known.
        """

    def request(self, now_ns: int) -> bytes:
        """Return the bytes to send to the bike now; empty for none.

        Called about twenty times a second while connected, with the monotonic clock of
        `Frame.at_ns`. The caller sends the bytes at once, then feeds them as a `sent` Frame.
        """
        del now_ns
        return b""
