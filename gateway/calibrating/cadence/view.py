"""The screen of a cadence check."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from gateway.calibrating.measuring.cadence_words import in_rpm
from gateway.calibrating.measuring.metronome import ASCII_LETTERS, LETTERS, mark
from gateway.calibrating.state import LinkStatus
from gateway.calibrating.view.ride import BAR_WIDTH


@dataclass(frozen=True, slots=True)
class CadenceScreen:
    """One moment of a check. None means not reported, or nothing to show.

    `said_rpm` is the cadence that the bike reports, `other_rpm` that of the second sensor. `done`
    is the share of the measurement that is over, `phase` that of the metronome's turn.
    """

    bike_id: str
    link: LinkStatus
    said_rpm: float | None
    scale: float
    instruction: str
    doing: str = ""
    other: str = ""
    other_rpm: float | None = None
    done: float | None = None
    phase: float | None = None
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def values(self) -> list[str]:
        """The cadences now, in words."""
        values = [f"the bike reports {_rpm(self.said_rpm)}"]
        if self.said_rpm is not None and self.scale != 1:
            values.append(f"counted as {_rpm(self.said_rpm * self.scale)} (× {self.scale:g})")
        if self.other:
            values.append(f"{self.other} reports {_rpm(self.other_rpm)}")
        return values

    @property
    def numbers(self) -> dict[str, float | None]:
        """The cadences now, for JSON."""
        return {"said_rpm": self.said_rpm, "other_rpm": self.other_rpm}

    @property
    def picture(self) -> RenderableType | None:
        """The metronome's mark."""
        return None if self.phase is None else _Mark(self.phase)


@dataclass(frozen=True, slots=True)
class _Mark:
    """The metronome's mark, in Unicode or ASCII depending on the console."""

    phase: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        letters = ASCII_LETTERS if options.ascii_only else LETTERS
        yield Text(mark(self.phase, BAR_WIDTH, letters), style="cyan")


def _rpm(rpm: float | None) -> str:
    return "nothing" if rpm is None else f"{in_rpm(rpm)} rpm"
