"""Frame and Reading: the bytes from a bike, and the values decoded from them."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes received from the bike or sent to it, with their time.

    `at_ns` is on the monotonic clock. A Frame need not be one whole message of the bike:
    a serial port may cut anywhere.
    """

    at_ns: int
    data: bytes
    #: Sent by the gateway to the bike: a request, without which its answer may be ambiguous.
    sent: bool = False
    #: Full UUID of the Bluetooth characteristic that carried it; empty on other transports.
    characteristic: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The values that the bike reported at one instant, decoded, and nothing else.

    None means "not reported", 0 means "the bike reported zero". Nothing is smoothed or filled in.
    `at_ns` is the monotonic time at which the last of its bytes arrived.
    """

    at_ns: int
    cadence_rpm: float | None = None
    #: In the bike's own units (an ADC count, a level, a gear); calibration converts it to percent.
    resistance_raw: float | None = None
    #: Only if the bike reports percent itself, or sends the table that converts to percent.
    resistance_percent: float | None = None
    power_w: float | None = None
    speed_kmh: float | None = None
    distance_m: float | None = None
    heart_rate_bpm: float | None = None
    #: The origin of the values, if several are possible: the protocol, and if they are averages or
    #: derived.
    source: str = ""

    def said(self) -> dict[str, float | str]:
        """Return the values that were reported, by field name, without the instant."""
        fields = asdict(self)
        del fields["at_ns"]
        return {name: value for name, value in fields.items() if value not in (None, "")}
