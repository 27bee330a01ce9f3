"""The decoders of a capture: one for each of its protocols, as on the connection itself."""

from drivers.protocols import PROTOCOLS
from drivers.protocols.base import WireProtocol
from drivers.reading import Frame, Reading


class CaptureDecoders:
    """A decoder for each protocol, created with its first frame. Frames of no protocol are skipped.

    Every name must be one of PROTOCOLS.
    """

    def __init__(self) -> None:
        self._decoders: dict[str, WireProtocol] = {}

    def feed(self, protocol: str, frame: Frame) -> list[Reading]:
        """Return the Readings that the frame completes."""
        if not protocol:
            return []
        decoder = self._decoders.get(protocol)
        if decoder is None:
            decoder = self._decoders[protocol] = PROTOCOLS[protocol]()
        return decoder.feed(frame)

    @property
    def unusable_bytes(self) -> dict[str, int]:
        """The number of bytes that could not be decoded, by protocol; only those above 0."""
        counts = {name: decoder.unusable_bytes for name, decoder in self._decoders.items()}
        return {name: count for name, count in counts.items() if count}
