"""The riders among whom a bike's rider can be chosen, without a change of the config."""

from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from gateway.config.problems import Problem
from gateway.config.section import Section
from gateway.race.races import MAX_ID, Racer

#: Limit of riders; the status contains all of them, of about 60 B each.
MAX_RIDERS = 1000

RacerId = Annotated[int, Field(ge=0, le=MAX_ID)]
RacerName = Annotated[str, Field(min_length=1, max_length=64)]
ClassId = Annotated[int, Field(ge=1, le=6)]


class RiderConfig(Section):
    """A rider, and the classes that they may compete in; the first one unless they choose."""

    racer_id: RacerId
    racer_name: RacerName
    class_ids: Annotated[list[ClassId], Field(min_length=1, max_length=6)]

    @property
    def racers(self) -> list[Racer]:
        """The rider in each of the classes."""
        return [Racer(self.racer_id, self.racer_name, class_id) for class_id in self.class_ids]


def rider_problems(riders: Sequence[RiderConfig]) -> Iterator[Problem]:
    """Yield a problem for each rider that is listed twice, and for each class of one."""
    seen: set[int] = set()
    for index, rider in enumerate(riders):
        if rider.racer_id in seen:
            twice = f"{rider.racer_id} appears twice; expected one table per rider"
            yield Problem(f"riders[{index}].racer_id", twice)
        seen.add(rider.racer_id)
        if len(set(rider.class_ids)) < len(rider.class_ids):
            listed = f"{rider.class_ids} has a class twice; expected each class once"
            yield Problem(f"riders[{index}].class_ids", listed)
