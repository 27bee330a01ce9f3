"""A fake bike in virtual time for cadence checks, and a view that records."""

from collections.abc import Mapping
from pathlib import Path

from drivers.registry import load_drivers
from gateway.calibrating.cadence.view import CadenceScreen
from gateway.calibrating.fake import FakePedaller
from gateway.calibrating.local import LocalSession
from gateway.config.schema import BikeConfig
from gateway.terminal.live import Event
from tests.support.virtual_clock import VirtualClock

FAKE = load_drivers()["fake"]
START_MS = 1_700_000_100_000


def pedaller(directory: Path, clock: VirtualClock, factor: float = 1.0) -> FakePedaller:
    return FakePedaller("fake-bike", factor, FAKE, directory, clock)


def fake_bike(
    directory: Path,
    clock: VirtualClock,
    calibration: list[tuple[float, float]] | None = None,
    **options: object,
) -> LocalSession:
    """Return a session with a fake bike whose ride begins with the test and ignores the beat."""
    bike = BikeConfig(
        id="bike-1",
        racer_id=1,
        racer_name="Ada",
        class_id=1,
        driver="fake",
        calibration=calibration,
        options={"ride_s": 3600, "ride_offset_ms": START_MS % 3_600_000, **options},
    )
    return LocalSession(bike, FAKE, directory, clock)


class SeenView:
    """A LiveView that records the screens, the times of beats, and the other events."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.screens: list[CadenceScreen] = []
        self.beats_ns: list[int] = []
        self.told: list[tuple[str, str]] = []
        self.data: dict[str, Mapping[str, object]] = {}

    def show(self, screen: CadenceScreen, now_ns: int) -> None:
        assert now_ns == self._clock.monotonic_ns()
        self.screens.append(screen)

    def tell(self, event: Event) -> None:
        if event.kind == "beat":
            self.beats_ns.append(self._clock.monotonic_ns())
            return
        self.told.append((event.kind, event.words))
        self.data[event.kind] = event.data

    def suspend(self) -> None: ...

    def resume(self) -> None: ...

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.told]
