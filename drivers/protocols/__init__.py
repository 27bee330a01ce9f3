"""Pure protocols: bytes in, Readings out, and back. No I/O, no clock, no logging."""

from collections.abc import Mapping

from drivers.protocols.ftms import Ftms
from drivers.protocols.peloton import Peloton
from drivers.protocols.wire_protocol import WireProtocol

PROTOCOLS: Mapping[str, type[WireProtocol]] = {"ftms": Ftms, "peloton": Peloton}
