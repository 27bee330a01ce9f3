"""`tail` for people: one line for each second of each bike, with what became of it. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.tail.events import TailEvent
from gateway.telemetry.message import Telemetry
from gateway.terminal.printable import one_line
from gateway.terminal.units import counted, duration

HEADER = "    time      race  second  bike      racer     rpm    %     W"

#: How long a line waits for the acknowledgement before it is shown without one, in seconds.
PATIENCE_S = 1.0


class TailView:
    """A view of the messages. A line is shown when its message is acknowledged, or late.

    A message shown as `waiting` gets a second line when it is acknowledged after all.
    """

    def __init__(self) -> None:
        #: The messages not shown yet, with the time at which they were produced, oldest first.
        self._open: dict[str, tuple[Telemetry, float]] = {}

    def lines(self, event: TailEvent, now_s: float) -> Iterator[str]:
        """Yield the lines that an event adds; `now_s` is the wall clock."""
        message = event.message
        if message is None:
            yield f"{counted(event.events, 'event')} skipped: this terminal was too slow"
        elif event.state == "produced":
            self._open[message.uuid] = message, now_s
        else:
            was_open = self._open.pop(message.uuid, None) is not None
            age_s = now_s - message.device_timestamp / 1000
            is_late = not was_open and age_s >= PATIENCE_S
            after = f" after {duration(age_s)}" if is_late else ""
            yield _line(message, f"acknowledged{after}")

    def late_lines(self, now_s: float) -> Iterator[str]:
        """Yield the lines of messages that have not been acknowledged in time."""
        for uuid, (message, produced_s) in list(self._open.items()):
            if now_s - produced_s >= PATIENCE_S:
                del self._open[uuid]
                yield _line(message, "waiting")


def _line(message: Telemetry, state: str) -> str:
    at = datetime.fromtimestamp(message.device_timestamp / 1000, UTC).astimezone()
    power = "" if message.power is None else f"{message.power:.0f}"
    return (
        f"{at:%H:%M:%S} {message.race_id:>9}  {message.second:>6}  {one_line(message.bike_id):<8}  "
        f"{one_line(message.name):<8.8}  {message.cadence:>3.0f}  {message.resistance:>3.0f}  "
        f"{power:>4}  {state}{', final' if message.is_final else ''}"
    )
