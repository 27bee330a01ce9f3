"""Frame and Reading: what the bike sent, and what it said by it."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes as the bike sent them, with their time of arrival.

    `at_ns` is on the monotonic clock. One Frame need not be one message of the bike:
    a serial port cuts where it likes.
    """

    at_ns: int
    data: bytes
    #: By the gateway to the bike, for once: a question that its answer may not repeat.
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What the bike said at one instant, decoded, and nothing it did not say.

    None means "not said", 0 means "the bike said zero". Nothing is smoothed or filled in.
    `at_ns` is the monotonic time at which the last byte of it arrived.
    """

    at_ns: int
    cadence_rpm: float | None = None
    #: In the bike's own units (an ADC count, a level, a gear); calibration makes percent of it.
    resistance_raw: float | None = None
    #: Only when the bike itself speaks in percent, or gives the table that makes percent.
    resistance_percent: float | None = None
    power_w: float | None = None
    speed_kmh: float | None = None
    distance_m: float | None = None
    heart_rate_bpm: float | None = None
    #: Who said it, when there is more than one who could have: the protocol, and what is special.
    source: str = ""

    def said(self) -> dict[str, float | str]:
        """What it says, by field, without the instant."""
        fields = asdict(self)
        del fields["at_ns"]
        return {name: value for name, value in fields.items() if value not in (None, "")}
