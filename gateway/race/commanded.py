"""Commanded races: the races of each bike, and how commands change them. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from gateway.race.commands import (
    Command,
    CommandRefused,
    Response,
    StartRace,
    StopRace,
    decode_command,
    refuse,
    respond,
)
from gateway.race.races import MAX_ID, Race, second_at

#: Limit of races waiting for one bike.
MAX_RACES = 32

#: Limit of remembered races that were cut short, per bike.
MAX_CUT_SHORT = 1000


@dataclass(frozen=True, slots=True)
class _Kept:
    """The races of one bike, as kept over a restart."""

    races: list[Race]
    cut_short: list[Race]


_KEPT = TypeAdapter(dict[str, _Kept])


class BikeRaces:
    """The races of one bike, in order and without overlaps. Implements `Races`.

    A command has joined its racer already.
    """

    joined_for_s = None

    def __init__(self, races: Iterable[Race] = (), cut_short: Iterable[Race] = ()) -> None:
        self.all = tuple(sorted(races, key=lambda race: race.start_ms))
        #: Races that were ended early, each with the length that was ridden.
        self.cut_short = tuple(cut_short)
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, changed: Callable[[], None]) -> None:
        self._subscribers.append(changed)

    def unsubscribe(self, changed: Callable[[], None]) -> None:
        self._subscribers.remove(changed)

    def race_at(self, wall_ms: int) -> Race | None:
        return next((race for race in self.all if race.end_ms > wall_ms), None)

    def race_after(self, race: Race) -> Race | None:
        return next((other for other in self.all if other.start_ms >= race.end_ms), None)

    def ridden_at(self, wall_ms: int) -> Race | None:
        known = (*self.cut_short, *self.all)
        return next((race for race in known if race.start_ms <= wall_ms < race.end_ms), None)

    def holds(self, race: Race) -> bool:
        return any(race.is_same_ride(other) for other in self.all)

    def start(self, race: Race, now_ms: int, *, replaces: bool) -> bool:
        """Add a race; return False if it is known already. Raises CommandRefused."""
        if race in self.all:
            return False
        self._refuse_to_ride_twice(race, now_ms)
        if race.end_ms <= now_ms:
            late_s = (now_ms - race.end_ms) // 1000
            raise CommandRefused(f"race {race.race_id} ended {late_s} s ago")
        in_the_way = [other for other in self.all if _excludes(race, other)]
        if in_the_way and not replaces:
            other = in_the_way[0]
            raise CommandRefused(
                f"the bike already has race {other.race_id} of racer {_racer_id(other)} from "
                f"{other.start_ms} to {other.end_ms} (ms since the epoch); choose another time, "
                "or send `replace`"
            )
        coming = [one for one in self.all if one.end_ms > now_ms and one not in in_the_way]
        if len(coming) >= MAX_RACES:
            raise CommandRefused(
                f"the bike already has {MAX_RACES} races planned, the maximum; stop one first"
            )
        self._take_away(in_the_way, now_ms)
        self.all = BikeRaces([*self.all, race]).all
        self._notify_subscribers()
        return True

    def stop(self, race_id: int, now_ms: int) -> bool:
        """End a race in progress or remove a future one; return False if there is none."""
        stopped = [race for race in self.all if race.race_id == race_id and race.end_ms > now_ms]
        self._take_away(stopped, now_ms)
        if stopped:
            self._notify_subscribers()
        return bool(stopped)

    def forget_before(self, wall_ms: int) -> None:
        self.all = tuple(race for race in self.all if race.end_ms > wall_ms)
        self.cut_short = tuple(race for race in self.cut_short if race.end_ms > wall_ms)

    def _refuse_to_ride_twice(self, race: Race, now_ms: int) -> None:
        """Raise CommandRefused if a race of the same id and racer has begun already.

        Messages of both would have the same identity.
        """
        for other in (*self.all, *self.cut_short):
            if _is_same_name(race, other) and other.start_ms <= now_ms:
                raise CommandRefused(
                    f"racer {_racer_id(race)} has already begun race {race.race_id}, at "
                    f"{other.start_ms} (ms since the epoch); choose another raceId or racer"
                )

    def _notify_subscribers(self) -> None:
        for changed in self._subscribers:
            changed()

    def _take_away(self, races: list[Race], now_ms: int) -> None:
        self.all = tuple(race for race in self.all if race not in races)
        begun = (race for race in races if race.start_ms <= now_ms)
        cut_short = (_cut(race, now_ms) for race in begun)
        self.cut_short = (*self.cut_short, *cut_short)[-MAX_CUT_SHORT:]


def _excludes(one: Race, other: Race) -> bool:
    overlap = one.start_ms < other.end_ms and other.start_ms < one.end_ms
    return overlap or _is_same_name(one, other)


def _is_same_name(one: Race, other: Race) -> bool:
    return (one.race_id, _racer_id(one)) == (other.race_id, _racer_id(other))


def _cut(race: Race, now_ms: int) -> Race:
    """Return the race in progress, shortened to end with its running second."""
    return replace(race, length_s=min(race.length_s, second_at(race, now_ms)))


def _racer_id(race: Race) -> int | None:
    return race.racer.racer_id if race.racer else None


def _has_usable_ids(race: Race) -> bool:
    return max(race.race_id, _racer_id(race) or 0) <= MAX_ID


class RemoteRaces:
    """The races of all bikes. A refused command changes nothing."""

    def __init__(self, bike_ids: Iterable[str]) -> None:
        self._bikes = {bike_id: BikeRaces() for bike_id in bike_ids}

    def serve(self, bike_ids: Iterable[str]) -> None:
        """Change the set of bikes; bikes that remain keep their races."""
        self._bikes = {bike_id: self._bikes.get(bike_id, BikeRaces()) for bike_id in bike_ids}

    def of(self, bike_id: str) -> BikeRaces:
        return self._bikes[bike_id]

    def apply(self, payload: bytes, now_ms: int | None) -> Response:
        """Carry a command out. `now_ms` is None while the clock is not set."""
        try:
            command = decode_command(payload)
        except CommandRefused as error:
            return refuse(str(error))
        try:
            return respond(command, "accepted" if self._carry_out(command, now_ms) else "already")
        except CommandRefused as error:
            return refuse(str(error), command)

    def _carry_out(self, command: Command, now_ms: int | None) -> bool:
        races = self._bikes.get(command.bike_id)
        if races is None:
            known = ", ".join(self._bikes)
            raise CommandRefused(f"unknown bike {command.bike_id!r}; expected one of: {known}")
        if now_ms is None:
            raise CommandRefused("this gateway's clock is not set yet; try again in a minute")
        if isinstance(command, StopRace):
            return races.stop(command.race_id, now_ms)
        assert isinstance(command, StartRace)
        return races.start(command.race, now_ms, replaces=command.command == "replace")

    def forget_before(self, wall_ms: int) -> None:
        """Drop races that ended before `wall_ms`."""
        for races in self._bikes.values():
            races.forget_before(wall_ms)

    def to_json(self) -> bytes:
        return _KEPT.dump_json(
            {id_: _Kept(list(bike.all), list(bike.cut_short)) for id_, bike in self._bikes.items()}
        )

    def restore(self, content: bytes) -> list[tuple[str, Race]]:
        """Restore what `to_json` returned in an earlier process. Raises ValueError.

        Return the races that were dropped, each with its bike: older gateways accepted larger ids.
        """
        restored: Mapping[str, _Kept] = _KEPT.validate_json(content)
        dropped = []
        for bike_id in self._bikes.keys() & restored.keys():
            kept = restored[bike_id]
            races = [race for race in kept.races if _has_usable_ids(race)]
            self._bikes[bike_id] = BikeRaces(races, filter(_has_usable_ids, kept.cut_short))
            dropped += [(bike_id, race) for race in kept.races if race not in races]
        return dropped
