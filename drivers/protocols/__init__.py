"""Pure protocols: bytes in, Readings out, and back. No I/O, no clock, no logging."""

from collections.abc import Callable, Mapping
from typing import Protocol

from drivers.protocols.ftms import Ftms
from drivers.protocols.peloton import Peloton
from drivers.reading import Frame, Reading


class WireProtocol(Protocol):
    """The decoding state of one connection; a new connection takes a new one.

    Total: any bytes at all may be fed. It never raises, holds a bounded number of bytes, and
    junk never stops the next good message.
    """

    #: A field not repeated for this long is stale.
    stale_after_s: float
    #: Bytes seen so far that meant nothing.
    unusable_bytes: int

    def feed(self, frame: Frame) -> list[Reading]:
        """The Readings that `frame` completes, stamped with its time. Maybe none."""
        ...


PROTOCOLS: Mapping[str, Callable[[], WireProtocol]] = {"ftms": Ftms, "peloton": Peloton}
