"""Commanded races: the races of each bike, and how commands change them. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Annotated

from pydantic import Field, TypeAdapter

from gateway.race.commands import (
    Command,
    CommandRefused,
    Response,
    StartRace,
    StopRace,
    decode_command,
    problem_of,
    refuse,
    respond,
)
from gateway.race.races import Race, second_at

#: Limit of races waiting for one bike.
MAX_RACES = 32

#: Limit of races remembered after their end, of all bikes; and of those that were cut short. Each
#: command looks at those of its bike and writes all to disk: at most 1.1 MB, usually a fifth of it.
#: Three bikes ride 864 races of five minutes in a day.
MAX_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class _Kept:
    """The races of one bike, as kept over a restart."""

    races: list[Race]
    cut_short: list[Race]


#: Limit of bikes in the file, which also has those that left the config within a day.
MAX_BIKES = 10_000

_KEPT = TypeAdapter(Annotated[dict[str, _Kept], Field(max_length=MAX_BIKES)])


@dataclass(frozen=True, slots=True)
class Dropped:
    """A saved race that cannot be ridden, and the reason."""

    bike_id: str
    race: Race
    reason: str


_START, _END = attrgetter("start_ms"), attrgetter("end_ms")


class BikeRaces:
    """The races of one bike, in order and without overlaps. Implements `Races`.

    A command has joined its racer already.
    """

    joined_for_s = None

    def __init__(self, races: Iterable[Race] = (), cut_short: Iterable[Race] = ()) -> None:
        self._keep(sorted(races, key=_START), cut_short)
        self._subscribers: list[Callable[[], None]] = []

    def subscribe(self, changed: Callable[[], None]) -> None:
        self._subscribers.append(changed)

    def unsubscribe(self, changed: Callable[[], None]) -> None:
        self._subscribers.remove(changed)

    def race_at(self, wall_ms: int) -> Race | None:
        # One that is being cut short is still in progress, until its running second has ended.
        return self.ridden_at(wall_ms) or next(iter(self._ending_after(wall_ms)), None)

    def race_after(self, race: Race) -> Race | None:
        return next((other for other in self.all if other.start_ms >= race.end_ms), None)

    def ridden_at(self, wall_ms: int) -> Race | None:
        known = (*self.cut_short, *self.all)
        return next((race for race in known if race.start_ms <= wall_ms < race.end_ms), None)

    def holds(self, race: Race) -> bool:
        place = bisect_left(self.all, race.start_ms, key=_START)
        return place < len(self.all) and race.is_same_ride(self.all[place])

    def commanded_at(self, wall_ms: int) -> Sequence[Race]:
        return self._ending_after(wall_ms)

    def start(self, race: Race, now_ms: int, *, replaces: bool) -> bool:
        """Add a race; return False if it is known already. Raises CommandRefused."""
        in_the_way = self._overlapping(race)
        if race in in_the_way:
            return False
        self._refuse_to_ride_twice(race, now_ms)
        if race.end_ms <= now_ms:
            late_s = (now_ms - race.end_ms) // 1000
            raise CommandRefused(f"race {race.race_id} ended {late_s} s ago")
        same = self._names.get(_name(race))
        if same is not None and same not in in_the_way:
            in_the_way = sorted([*in_the_way, same], key=_START)
        if in_the_way and not replaces:
            other = in_the_way[0]
            raise CommandRefused(
                f"the bike already has race {other.race_id} of racer {_racer_id(other)} from "
                f"{other.start_ms} to {other.end_ms} (ms since the epoch); choose another time, "
                "or send `replace`"
            )
        coming = [one for one in self._ending_after(now_ms) if one not in in_the_way]
        if len(coming) >= MAX_RACES:
            raise CommandRefused(
                f"the bike already has {MAX_RACES} races planned, the maximum; stop one first"
            )
        self._take_away(in_the_way, now_ms)
        self._keep(sorted([*self.all, race], key=_START), self.cut_short)
        self._notify_subscribers()
        return True

    def stop(self, race_id: int, now_ms: int) -> bool:
        """End a race in progress or remove a future one; return False if there is none."""
        stopped = [race for race in self._ending_after(now_ms) if race.race_id == race_id]
        self._take_away(stopped, now_ms)
        if stopped:
            self._notify_subscribers()
        return bool(stopped)

    def end_running(self, now_ms: int) -> None:
        """End the race in progress, as its bike leaves."""
        self._take_away(
            [race for race in self.all if race.start_ms <= now_ms < race.end_ms], now_ms
        )
        self._notify_subscribers()

    def forget_before(self, wall_ms: int, limit: int) -> None:
        """Forget races that ended before `wall_ms`, and more than `limit` that have ended."""
        kept = [race for race in self.all if race.end_ms > wall_ms]
        cut_short = [race for race in self.cut_short if race.end_ms > wall_ms]
        self._keep(kept[-(limit + MAX_RACES) :], cut_short[-limit:])

    def _refuse_to_ride_twice(self, race: Race, now_ms: int) -> None:
        """Raise CommandRefused if a race of the same id and racer has begun already.

        Messages of both would have the same identity.
        """
        other = self._names.get(_name(race))
        if other is not None and other.start_ms <= now_ms:
            raise CommandRefused(
                f"racer {_racer_id(race)} has already begun race {race.race_id}, at "
                f"{other.start_ms} (ms since the epoch); choose another raceId or racer"
            )

    def _keep(self, races: Iterable[Race], cut_short: Iterable[Race]) -> None:
        """Keep these races instead of the earlier ones; `races` are in order."""
        self.all = tuple(races)
        #: Races that were ended early, each with the length that was ridden.
        self.cut_short = tuple(cut_short)
        self._names = {_name(race): race for race in (*self.all, *self.cut_short)}

    def _ending_after(self, wall_ms: int) -> tuple[Race, ...]:
        return self.all[bisect_right(self.all, wall_ms, key=_END) :]

    def _overlapping(self, race: Race) -> list[Race]:
        """Return the races at the time of another one, which may be among them."""
        end = bisect_left(self.all, race.end_ms, key=_START)
        return list(self.all[bisect_right(self.all, race.start_ms, key=_END) : end])

    def _notify_subscribers(self) -> None:
        for changed in self._subscribers:
            changed()

    def _take_away(self, races: list[Race], now_ms: int) -> None:
        taken = {race.start_ms for race in races}
        begun = (race for race in races if race.start_ms <= now_ms)
        cut_short = (_cut(race, now_ms) for race in begun)
        remaining = (race for race in self.all if race.start_ms not in taken)
        self._keep(remaining, (*self.cut_short, *cut_short))


def _name(race: Race) -> tuple[int, int | None]:
    """Return what a race is known by: a racer rides each race once."""
    return race.race_id, _racer_id(race)


def _cut(race: Race, now_ms: int) -> Race:
    """Return the race in progress, shortened to end with its running second."""
    return replace(race, length_s=min(race.length_s, second_at(race, now_ms)))


def _racer_id(race: Race) -> int | None:
    return race.racer.racer_id if race.racer else None


def _sorted_out(bike_id: str, races: list[Race]) -> tuple[list[Race], list[Dropped]]:
    """Return the saved races of a bike that can be ridden, and the others."""
    usable: list[Race] = []
    dropped: list[Dropped] = []
    names: set[tuple[int, int | None]] = set()
    for race in sorted(races, key=lambda race: race.start_ms):
        name = _name(race)
        reason = problem_of(bike_id, race)
        if reason is None and name in names:
            reason = "the racer has another race with this id"
        if reason is None and usable and race.start_ms < usable[-1].end_ms:
            reason = f"it overlaps with race {usable[-1].race_id}"
        if reason is None:
            usable.append(race)
            names.add(name)
        else:
            dropped.append(Dropped(bike_id, race, reason))
    return usable, dropped


class RemoteRaces:
    """The races of all bikes. A refused command changes nothing.

    The races of a bike that leaves the config stay known: if it returns, none is ridden twice.
    """

    def __init__(self, bike_ids: Iterable[str]) -> None:
        self._bikes: dict[str, BikeRaces] = {}
        self._served: list[str] = []
        self.serve(bike_ids, None)

    def serve(self, bike_ids: Iterable[str], now_ms: int | None) -> None:
        """Change the set of bikes; the race in progress of a bike that leaves has ended.

        `now_ms` is None while the clock is not set: no race is known to be in progress then.
        """
        before, self._served = self._served, list(bike_ids)
        for bike_id in self._served:
            self._bikes.setdefault(bike_id, BikeRaces())
        if now_ms is not None:
            for bike_id in set(before).difference(self._served):
                self._bikes[bike_id].end_running(now_ms)

    def end_unserved(self, now_ms: int) -> None:
        """End the races in progress of bikes that left the config while no gateway was running."""
        for bike_id in self._bikes.keys() - self._served:
            self._bikes[bike_id].end_running(now_ms)

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
        if command.bike_id not in self._served:
            known = ", ".join(self._served)
            raise CommandRefused(f"unknown bike {command.bike_id!r}; expected one of: {known}")
        if now_ms is None:
            raise CommandRefused("this gateway's clock is not set yet; try again in a minute")
        races = self._bikes[command.bike_id]
        if isinstance(command, StopRace):
            return races.stop(command.race_id, now_ms)
        assert isinstance(command, StartRace)
        return races.start(command.race, now_ms, replaces=command.command == "replace")

    def forget_before(self, wall_ms: int) -> None:
        """Drop races that ended before `wall_ms`, and more than MAX_REMEMBERED that have ended."""
        for bike_id, races in list(self._bikes.items()):
            races.forget_before(wall_ms, max(1, MAX_REMEMBERED // len(self._bikes)))
            if bike_id not in self._served and not (races.all or races.cut_short):
                del self._bikes[bike_id]

    def to_json(self) -> bytes:
        return _KEPT.dump_json(
            {id_: _Kept(list(bike.all), list(bike.cut_short)) for id_, bike in self._bikes.items()}
        )

    def restore(self, content: bytes) -> list[Dropped]:
        """Restore what `to_json` returned in an earlier process. Raises ValueError.

        Return the races that cannot be ridden: the file may have been changed, and older gateways
        accepted larger ids.
        """
        restored: Mapping[str, _Kept] = _KEPT.validate_json(content)
        dropped = []
        for bike_id, kept in restored.items():
            races, others = _sorted_out(bike_id, kept.races)
            problems = [(race, problem_of(bike_id, race)) for race in kept.cut_short]
            cut_short = [race for race, reason in problems if reason is None]
            others += [Dropped(bike_id, race, why) for race, why in problems if why is not None]
            self._bikes[bike_id] = BikeRaces(races, cut_short)
            dropped += others
        return dropped
