"""RideDesk: carries out requests about the riders of bikes, or refuses them with a reason."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import structlog

from gateway.bike.bike import Bike
from gateway.bike.bikes import Bikes
from gateway.race.races import Racer
from gateway.riding.requests import ChooseRider, JoinRace, RideAnswer, RideRequest
from gateway.terminal.printable import one_line
from gateway.terminal.units import duration

#: Limit of the bikes, or riders, that a refusal names.
NAMED_MAX = 20
#: Characters of an unknown bike's id that a refusal repeats: those that an id may have.
BIKE_ID_SHOWN = 128

log = structlog.get_logger()


class RideDesk:
    """The one place where riders are chosen, and races joined and left, while bikes race.

    `mode`: race.mode of the config. A request takes effect at once; its answer waits until it is
    on disk.
    """

    def __init__(self, mode: Literal["continuous", "remote"], bikes: Bikes) -> None:
        self._mode = mode
        self._bikes = bikes
        self._riders = bikes.riders

    async def handle(self, request: RideRequest) -> RideAnswer:
        """Carry a request out, and return the answer once it is saved."""
        answer = self._carry_out(request)
        answer = replace(answer, text=one_line(answer.text))
        _report(request, answer)
        if answer.is_refused:
            return answer
        # First who rides the race in progress, then who was chosen instead: after a crash between
        # the two, no second is the wrong rider's.
        unsaved = await self._riders.joined.save()
        if unsaved is None and isinstance(request, ChooseRider):
            unsaved = await self._riders.save()
        return answer if unsaved is None else _with_warning(answer, _not_saved(unsaved))

    def _carry_out(self, request: RideRequest) -> RideAnswer:
        bike = self._bikes.get(request.bike_id)
        if bike is None or not self._riders.serves(request.bike_id):
            unknown = request.bike_id[:BIKE_ID_SHOWN]
            return _refuse(f"unknown bike {unknown!r}; {_expected(self._bike_ids)}")
        if self._mode == "remote":
            return _refuse(
                "this gateway's races are remote: the backend commands who rides, and when "
                '(race.mode = "remote" in its config)'
            )
        if bike.riding.is_undated or bike.riding.second is None:
            return _refuse("this gateway's clock is not set yet; try again in a minute")
        if isinstance(request, ChooseRider):
            return self._choose(bike, request)
        answer = _join(bike) if isinstance(request, JoinRace) else _leave(bike)
        return _with_facts(answer, bike)

    @property
    def _bike_ids(self) -> list[str]:
        return [bike.config.id for bike in self._bikes if self._riders.serves(bike.config.id)]

    def _choose(self, bike: Bike, request: ChooseRider) -> RideAnswer:
        bike_id, riding = bike.config.id, bike.riding
        before = riding.next_racer
        racer = self._riders.choose(bike_id, request.racer_id, request.class_id)
        if racer is None:
            allowed = [_named(one) for one in self._riders.allowed(bike_id)]
            asked = f"the config allows no {_asked(request)} on {bike_id}"
            return _refuse(f"{asked}; {_expected(allowed)}")
        if racer != before:
            self._bikes.change_rider(bike_id)
        answer = RideAnswer(
            result="already" if racer == before else "accepted",
            text=f"{racer.name} rides {bike_id} {_from_when(bike)}, in class {racer.class_id}",
        )
        others = self._riders.others_of(racer.racer_id, bike_id)
        if others:
            name = one_line(racer.name)
            answer = _with_warning(answer, f"{name} is also the rider of {', '.join(others)}")
        return replace(_with_facts(answer, bike), racer_id=racer.racer_id, class_id=racer.class_id)


def _join(bike: Bike) -> RideAnswer:
    riding = bike.riding
    joined = f"{riding.racer.name} takes part in race {riding.race_id}, {_when(bike)}"
    if riding.has_joined:
        return RideAnswer("already", joined)
    riding.join()
    return RideAnswer("accepted", joined)


def _leave(bike: Bike) -> RideAnswer:
    riding = bike.riding
    second, name = riding.second, riding.racer.name
    assert second is not None
    race = second.race
    if not riding.has_joined:
        return RideAnswer("already", f"{name} does not take part in race {race.race_id}")
    if not riding.has_begun and not race.waits_for_pedals:
        return _refuse(
            f"race {race.race_id} has not begun; every bike of this gateway takes part in every "
            'race (race.join = "always" in its config), so it can only be left once it has begun'
        )
    answer = RideAnswer("accepted", f"{name} has left race {race.race_id}, {_left(bike)}")
    if riding.has_begun and second.is_final:
        answer = replace(answer, result="already")
    else:
        riding.leave()
    return answer


def _left(bike: Bike) -> str:
    riding = bike.riding
    assert riding.second is not None
    if riding.has_begun:
        return f"which ends for this rider with second {riding.second.second}"
    return "which has not begun"


def _when(bike: Bike) -> str:
    second, starts_in_s = bike.riding.second, bike.riding.starts_in_s
    assert second is not None
    if starts_in_s is None:
        return f"now in second {second.second}"
    return f"which begins in {duration(starts_in_s)}"


def _from_when(bike: Bike) -> str:
    """Return from when on the rider that was chosen rides."""
    riding = bike.riding
    if riding.is_changing:
        return f"from the next race on ({riding.racer.name} finishes race {riding.race_id})"
    return "now" if riding.has_begun else "from the next race on"


def _with_facts(answer: RideAnswer, bike: Bike) -> RideAnswer:
    riding = bike.riding
    return replace(
        answer,
        bike_id=bike.config.id,
        race_id=riding.race_id,
        racer_id=riding.racer.racer_id,
        class_id=riding.racer.class_id,
        starts_in_s=riding.starts_in_s,
    )


def _with_warning(answer: RideAnswer, warning: str) -> RideAnswer:
    text = f"{answer.warning}; {warning}" if answer.warning else warning
    return replace(answer, warning=text)


def _not_saved(reason: str) -> str:
    return f"not saved: {reason}; this is lost if the gateway restarts, so repeat it later"


def _refuse(reason: str) -> RideAnswer:
    return RideAnswer("refused", reason)


def _asked(request: ChooseRider) -> str:
    of_class = "" if request.class_id is None else f" in class {request.class_id}"
    return f"racer {request.racer_id}{of_class}"


def _named(racer: Racer) -> str:
    return f"{racer.racer_id} ({racer.name}, class {racer.class_id})"


def _expected(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"expected one of: {', '.join(names[:NAMED_MAX])}{more}"


def _report(request: RideRequest, answer: RideAnswer) -> None:
    """Log a request; `bike` only if it is one of this gateway's, as strangers choose the others."""
    write = log.info if answer.warning is None else log.warning
    write(
        "ride request",
        action=request.action,
        result=answer.result,
        reason=answer.text,
        **({} if answer.bike_id is None else {"bike": answer.bike_id}),
    )
