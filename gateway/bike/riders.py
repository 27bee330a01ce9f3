"""Riders: the rider of each bike, the config's or a chosen one, and the races they have joined."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import structlog
from pydantic import Field, TypeAdapter

from gateway.bike.status import RiderStatus
from gateway.config.riders import ClassId, RacerId, RiderConfig
from gateway.config.schema import BikeConfig
from gateway.host.state_file import StateFiles
from gateway.race.joined_rides import JoinedRides
from gateway.race.races import Racer

#: Limit of bikes in the file, which also has those that have left the config.
MAX_BIKES = 10_000

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Choice:
    """A chosen rider and class; the name is that of the config."""

    racer_id: RacerId
    class_id: ClassId

    @property
    def key(self) -> tuple[int, int]:
        return self.racer_id, self.class_id


_CHOICES = TypeAdapter(Annotated[dict[str, _Choice], Field(max_length=MAX_BIKES)])


class Riders:
    """The riders of a config, and the choices among them. Reads small files when created."""

    def __init__(
        self, bikes: Iterable[BikeConfig], riders: Sequence[RiderConfig], files: StateFiles
    ) -> None:
        self.joined = JoinedRides(files)
        self._chosen: dict[str, _Choice] = {}
        self._file = files.load("riders.json", "chosen riders", self._restore)
        self.serve(bikes, riders)

    def serve(self, bikes: Iterable[BikeConfig], riders: Sequence[RiderConfig]) -> None:
        """Use the riders of a config; forget choices that it does not allow. `save` afterwards."""
        self._bikes = {bike.id: bike.racer for bike in bikes}
        #: By id and class.
        self._racers = {_key(racer): racer for rider in riders for racer in rider.racers}
        #: The riders who may be chosen for any bike.
        self.listed = tuple(
            RiderStatus(one.racer_id, one.racer_name, tuple(one.class_ids)) for one in riders
        )
        for bike_id, own in self._bikes.items():
            choice = self._chosen.get(bike_id)
            if choice is not None and choice.key == _key(own):
                del self._chosen[bike_id]
            elif choice is not None and choice.key not in self._racers:
                del self._chosen[bike_id]
                _log_forgotten(bike_id, choice)

    def serves(self, bike_id: str) -> bool:
        """Return whether the bike is in the config."""
        return bike_id in self._bikes

    def own_status(self, bike_id: str) -> RiderStatus | None:
        """Return the bike's own rider in the config; None if the bike is not in it."""
        own = self._bikes.get(bike_id)
        return None if own is None else RiderStatus(own.racer_id, own.name, (own.class_id,))

    def is_chosen(self, bike_id: str) -> bool:
        """Return whether the bike's rider was chosen."""
        return bike_id in self._chosen

    def allowed(self, bike_id: str) -> list[Racer]:
        """Return the riders that a bike of the config may be given, its own first."""
        own = self._bikes[bike_id]
        return list({_key(own): own, **self._racers, _key(own): own}.values())

    def of(self, bike_id: str) -> Racer:
        """Return the rider of a bike of the config."""
        choice, own = self._chosen.get(bike_id), self._bikes[bike_id]
        return own if choice is None else self._racers[choice.key]

    def with_rider(self, bike: BikeConfig) -> BikeConfig:
        """Return the config of a bike with its rider; unchanged if the bike is not served."""
        return bike.ridden_by(self.of(bike.id)) if bike.id in self._bikes else bike

    def choose(self, bike_id: str, racer_id: int, class_id: int | None) -> Racer | None:
        """Choose the rider of a bike of the config; return None if the config does not allow it.

        Without a class, it is the rider's first one. The bike's own rider ends the choice.
        """
        racer = self._find(bike_id, racer_id, class_id)
        if racer == self._bikes[bike_id]:
            self._chosen.pop(bike_id, None)
        elif racer is not None:
            self._chosen[bike_id] = _Choice(*_key(racer))
        return racer

    def others_of(self, racer_id: int, bike_id: str) -> list[str]:
        """Return the other bikes that have the same rider."""
        return [one for one in self._bikes if one != bike_id and self.of(one).racer_id == racer_id]

    async def save(self) -> str | None:
        """Write the choices to disk; return why that failed, or None."""
        await self._file.save(lambda: _CHOICES.dump_json(self._chosen))
        return self._file.unsaved

    def _find(self, bike_id: str, racer_id: int, class_id: int | None) -> Racer | None:
        for racer in self.allowed(bike_id):
            if racer.racer_id == racer_id and class_id in (None, racer.class_id):
                return racer
        return None

    def _restore(self, content: bytes) -> None:
        self._chosen = _CHOICES.validate_json(content)


def _key(racer: Racer) -> tuple[int, int]:
    return racer.racer_id, racer.class_id


def _log_forgotten(bike_id: str, choice: _Choice) -> None:
    log.warning(
        "chosen rider no longer allowed by the config; the bike's own rider rides instead",
        bike=bike_id,
        racer_id=choice.racer_id,
        class_id=choice.class_id,
    )
