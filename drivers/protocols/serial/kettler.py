"""Kettler ergometers: text on a serial or USB line.

9600 baud (57600 for the Racer and newer models), 8N1; each line ends with CR LF, in both
directions. `ST` requests the status, 8 numbers separated by TABs:

    heart rate, rpm, 0.1 km/h, 100 m, target W, kJ, minutes:seconds, W

Consoles pad the numbers with zeros in different ways. Some need a command for "a computer
listens" first: `CM`, on older ones `cd`, on some `CD`. They answer ACK or RUN, or ERROR if they
expect another one. Nothing here sets the target.

Source: GoldenCheetah/GoldenCheetah (Kettler*), incyclist/devices (serial/kettler),
marcin-osowski/kettler, 360manu/kettlerUSB2BLE.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from drivers.protocols.base import Evidence, SerialLine, WireProtocol
from drivers.protocols.serial.text_lines import TextLines
from drivers.reading import Frame, Reading


class KettlerCommand(StrEnum):
    """A command for the console."""

    STATUS = "ST"
    #: "A computer listens", in all known spellings.
    COMPUTER = "CM"
    COMPUTER_CLASSIC = "cd"
    COMPUTER_CLASSIC_UPPER = "CD"


#: The commands for "a computer listens", in the order in which they are tried.
COMPUTER_COMMANDS = (
    KettlerCommand.COMPUTER,
    KettlerCommand.COMPUTER_CLASSIC,
    KettlerCommand.COMPUTER_CLASSIC_UPPER,
)
#: Valid answers without data of the ride.
_WORDS = ("ACK", "RUN", "ERROR")
#: The longest line that is decoded; a status has at most 40 bytes.
MAX_LINE_BYTES = 64

#: The interval between requests for the status.
ASK_EVERY_NS = 1_000_000_000
#: The interval before the first answer: several commands must be tried before the caller gives up.
SEEK_EVERY_NS = 500_000_000
#: After this many requests in a row without a status, the next command is tried.
MAX_UNANSWERED = 3

_STATUS = re.compile(r"(\d{1,5})\t" * 6 + r"(\d{1,3}):([0-5]\d)\t(\d{1,5})", re.ASCII)
#: There is no checksum, so a status with impossible values is rejected as a transmission error.
_MAX_BPM = 250
_MAX_RPM = 250
_MAX_SPEED_100M_PER_H = 999
_MAX_POWER_W = 2000


@dataclass(frozen=True, slots=True)
class KettlerStatus:
    """The answer to `ST`, in the console's units and order."""

    #: 0: not measured.
    heart_rate_bpm: int
    cadence_rpm: int
    speed_100m_per_h: int
    distance_100m: int
    target_power_w: int
    energy_kj: int
    #: Counts up, or down in a programme.
    time_s: int
    power_w: int


def encode_command(command: KettlerCommand) -> bytes:
    """Encode the line that sends `command` to the console."""
    return f"{command}\r\n".encode("ascii")


def decode_command(data: bytes) -> KettlerCommand | None:
    """Decode a command; return None unless `data` is exactly one."""
    return next((command for command in KettlerCommand if encode_command(command) == data), None)


def decode_status(line: str) -> KettlerStatus | None:
    """Decode a status line without its end; return None for anything else or out of range."""
    found = _STATUS.fullmatch("\t".join(field.strip(" ") for field in line.split("\t")))
    if found is None:
        return None
    bpm, rpm, speed, distance, target_w, energy_kj, minutes, seconds, power_w = map(
        int, found.groups()
    )
    if bpm > _MAX_BPM or rpm > _MAX_RPM or speed > _MAX_SPEED_100M_PER_H:
        return None
    if max(target_w, power_w) > _MAX_POWER_W:
        return None
    return KettlerStatus(
        bpm, rpm, speed, distance, target_w, energy_kj, minutes * 60 + seconds, power_w
    )


def encode_status(status: KettlerStatus) -> bytes:
    """Encode the console's status line, with the padding that most consoles use."""
    minutes, seconds = divmod(status.time_s, 60)
    fields = (
        f"{status.heart_rate_bpm:03d}",
        f"{status.cadence_rpm:03d}",
        f"{status.speed_100m_per_h:03d}",
        f"{status.distance_100m:03d}",
        f"{status.target_power_w:03d}",
        f"{status.energy_kj:04d}",
        f"{minutes:02d}:{seconds:02d}",
        f"{status.power_w:03d}",
    )
    return ("\t".join(fields) + "\r\n").encode("ascii")


class Kettler(WireProtocol):
    """The client of a Kettler console: one Reading per status.

    The raw resistance is the target power in W, because these bikes report no other resistance.
    """

    evidence = Evidence.REAL_FRAMES
    line = SerialLine(baud_rates=(9600, 57600))
    stale_after_s = 3.0
    reports_own_number = True

    def __init__(self) -> None:
        super().__init__()
        self._lines = TextLines(MAX_LINE_BYTES)
        self._meaningless_bytes = 0
        self._asked: KettlerCommand | None = None
        self._ask_ns = 0
        self._ask_every_ns = SEEK_EVERY_NS
        self._unanswered = 0
        self._next_word = 0

    def feed(self, frame: Frame) -> list[Reading]:
        """Return the Readings of the statuses that end within `frame`, in order."""
        if frame.sent:
            self._asked = decode_command(frame.data)
            return []
        readings = []
        for text in self._lines.feed(frame.data):
            status = decode_status(text)
            if status is not None:
                self._unanswered = 0
                self._ask_every_ns = ASK_EVERY_NS
                readings.append(_reading(frame.at_ns, status))
            else:
                self._take_word(text.strip())
        self.unusable_bytes = self._lines.unusable_bytes + self._meaningless_bytes
        return readings

    def request(self, now_ns: int) -> bytes:
        """Request the status; without answers, try the next command for "a computer listens"."""
        if now_ns < self._ask_ns:
            return b""
        self._ask_ns = now_ns + self._ask_every_ns
        if self._unanswered < MAX_UNANSWERED:
            self._unanswered += 1
            return encode_command(KettlerCommand.STATUS)
        self._unanswered = 0
        word = COMPUTER_COMMANDS[self._next_word]
        self._next_word = (self._next_word + 1) % len(COMPUTER_COMMANDS)
        return encode_command(word)

    def _take_word(self, word: str) -> None:
        if word not in _WORDS:
            self._meaningless_bytes += len(word)
        elif word == "ERROR" and self._asked in COMPUTER_COMMANDS[:-1]:
            # The console is connected but needs another command: try the next one at once.
            self._unanswered = MAX_UNANSWERED


def _reading(at_ns: int, status: KettlerStatus) -> Reading:
    return Reading(
        at_ns,
        cadence_rpm=status.cadence_rpm,
        resistance_raw=status.target_power_w,
        power_w=status.power_w,
        speed_kmh=status.speed_100m_per_h / 10,
        distance_m=status.distance_100m * 100,
        heart_rate_bpm=status.heart_rate_bpm or None,
    )
