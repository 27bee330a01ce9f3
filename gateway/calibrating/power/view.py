"""The screen of a power check."""

from dataclasses import dataclass

from rich.console import RenderableType

from gateway.calibrating.state import LinkStatus
from gateway.calibrating.view.scales import power_words
from gateway.sampling.calibration import Calibration


@dataclass(frozen=True, slots=True)
class PowerScreen:
    """One moment of a check. None means not reported, or nothing to show.

    `said_w` is the power that the bike reports, `other_w` that of the second sensor. `done` is the
    share of the measurement that is over.
    """

    bike_id: str
    link: LinkStatus
    said_w: float | None
    in_use: Calibration
    instruction: str
    doing: str = ""
    other: str = ""
    other_w: float | None = None
    done: float | None = None
    keys: tuple[tuple[str, str], ...] = ()

    @property
    def values(self) -> list[str]:
        """The powers now, in words."""
        values = [f"the bike reports {in_watts(self.said_w)}"]
        how = power_words(self.in_use.power_scale, self.in_use.power_offset_w)
        if self.said_w is not None and how != "× 1":
            values.append(f"counted as {in_watts(self.in_use.power_w(self.said_w))} ({how})")
        if self.other:
            values.append(f"{self.other} reports {in_watts(self.other_w)}")
        return values

    @property
    def numbers(self) -> dict[str, float | None]:
        """The powers now, for JSON."""
        return {"said_w": self.said_w, "other_w": self.other_w}

    @property
    def picture(self) -> RenderableType | None:
        """No picture."""
        return None


def in_watts(power_w: float | None) -> str:
    """Format a power: "150 W"."""
    return "nothing" if power_w is None else f"{power_w:.0f} W"
