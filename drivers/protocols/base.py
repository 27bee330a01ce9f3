"""The base of every protocol: it decodes bytes to Readings, and encodes requests. Pure."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class AntChannel:
    """The settings of a protocol's channel on ANT+: the type of its devices, and their pace."""

    device_type: int
    #: The time between two pages, in 1/32768 s.
    period_ticks: int


class Evidence(StrEnum):
    """The basis for our confidence in a decoder, weakest first."""

    DOCUMENTS = "documents only"
    EXAMPLES = "published examples"
    REAL_FRAMES = "frames of real bikes"


class WireProtocol(ABC):
    """The decoding state of one connection; each connection needs a new one.

    Total: any bytes may be fed. It never raises, holds a bounded number of bytes, and always
    decodes the next good message after junk. Every protocol can be created without arguments.
    """

    #: What its decoder was tested against, apart from our own encoder.
    evidence: Evidence

    #: The services through which a Bluetooth bike may offer it, preferred first; empty: none.
    gatts: tuple[Gatt, ...] = ()
    #: The parameters of its serial line; None: not available over one.
    line: SerialLine | None = None
    #: The channel of its ANT+ devices; None: not available over ANT+.
    ant: AntChannel | None = None
    #: The Bluetooth company whose broadcast manufacturer data carries it; no connection is made.
    company_id: int | None = None

    #: A harmless request that only a bike of this protocol answers with a frame that it
    #: `recognises`, to distinguish protocols that share a service. Empty if the bike streams by
    #: itself.
    probe: bytes = b""

    #: A field not repeated for this many seconds is stale.
    stale_after_s: float = 3.0

    #: A bike that has sent Readings, but none for this many seconds, is lost even if its link is
    #: reported as connected: after an outage of its daemon, BlueZ reports that forever. Longer for
    #: bikes that send nothing while the pedals rest, but less than the 30 s that any driver has.
    lost_after_s: float = 10.0

    #: Whether a bike's resistance is always a number of its own, such as a level, never percent.
    reports_own_number: bool = False

    #: Whether a power of 0 means that the rider rests, even if another service of the bike has a
    #: cadence: that of a flywheel, which turns without its rider.
    rests_at_0_w = False

    def __init__(self) -> None:
        #: The number of bytes so far that could not be decoded.
        self.unusable_bytes = 0

    @classmethod
    def recognises(cls, data: bytes) -> bool:
        """Return whether a notification comes from a bike that speaks this protocol."""
        return bool(cls().feed(Frame(0, data)))

    @abstractmethod
    def feed(self, frame: Frame) -> list[Reading]:
        """Return the Readings that `frame` completes, possibly none, with its time.

        Frames that were `sent` must be fed as well: some answers can only be decoded if their
        request is known.
        """

    def request(self, now_ns: int) -> bytes:
        """Return the bytes to send to the bike now; empty for none.

        Called several times a second while connected, with the monotonic clock of `Frame.at_ns`.
        The caller sends the bytes at once, feeds them as a `sent` Frame, and asks for more at the
        same time until there are none: a request in several parts has one for each call.
        """
        del now_ns
        return b""

    def wanted(self, now_ns: int) -> str:
        """Return the full UUID of a Bluetooth characteristic to read now; empty for none.

        Called before `request`, at the same time. The value is fed as a Frame, unless the bike
        does not have it.
        """
        del now_ns
        return ""

    def refused(self) -> None:
        """Take note that the bike did not accept the last request."""
        return

    def starts(self, request: bytes) -> bool:
        """Return whether a request starts the bike, which sends nothing or only zeros before."""
        del request
        return False

    def never_start(self) -> None:
        """Leave out the requests that start the bike, since it disconnects at them."""
        return


class StartableProtocol(WireProtocol):
    """A protocol whose bikes may need commands of their model to start.

    `start`: the commands, as the option `start` of a bike has them.
    """

    @abstractmethod
    def __init__(self, start: Sequence[bytes] = ()) -> None:
        super().__init__()
