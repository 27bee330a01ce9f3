"""The state of one bike, and of the results of the bikes' races, as shown in the status."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from drivers import Reception
from gateway.bike.link import LinkState
from gateway.race.races import Races
from gateway.race.results import Place
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.current import CurrentValues
from gateway.sampling.plausible import RefusedValues
from gateway.sampling.sampler import Sample
from gateway.timing.units import seconds_between

#: Limit of commanded races that the status shows for a bike.
COMMANDED_SHOWN = 3


@dataclass(frozen=True, slots=True)
class RadioStatus:
    """The reception of a bike by radio."""

    adapter: Annotated[str, Field(description="the adapter in use, such as hci0")]
    rssi_dbm: Annotated[
        int | None,
        Field(
            description="strength of the last signal that could be measured; null before the first "
            "one. None can be measured while a Bluetooth bike is connected"
        ),
    ] = None
    rssi_age_s: Annotated[
        float | None, Field(description="seconds since it was measured; null without one")
    ] = None


def radio_status(reception: Reception | None, now_ns: int) -> RadioStatus | None:
    """Return the status of a reception at this time; None without a radio."""
    if reception is None:
        return None
    measured_ns = reception.measured_ns
    age_s = None if measured_ns is None else seconds_between(measured_ns, now_ns)
    return RadioStatus(reception.adapter, reception.rssi_dbm, age_s)


@dataclass(frozen=True, slots=True)
class RiderStatus:
    """A rider who may be chosen."""

    racer_id: Annotated[int, Field(description="the racer's id")]
    name: Annotated[str, Field(description="the racer's first name")]
    class_ids: Annotated[
        tuple[int, ...],
        Field(description="the classes that may be chosen; the first is the default"),
    ]


@dataclass(frozen=True, slots=True)
class CommandedRace:
    """A race that the backend has commanded."""

    race_id: Annotated[int, Field(description="the race's id")]
    racer_id: Annotated[int, Field(description="the id of its racer on this bike")]
    name: Annotated[str, Field(description="the first name of that racer")]
    class_id: Annotated[int, Field(description="the class of that racer")]
    start_ms: Annotated[int, Field(description="its start, in ms since the epoch")]
    length_s: Annotated[int, Field(description="its length in seconds")]
    starts_in_s: Annotated[
        float | None,
        Field(
            description="seconds until its start by the gateway's clock; null once it has begun, "
            "or from a version that does not report it"
        ),
    ] = None


def commanded_races(races: Races, wall_ms: int) -> tuple[CommandedRace, ...]:
    """Return the first commanded races from a time on."""
    return tuple(
        CommandedRace(
            race.race_id,
            race.racer.racer_id,
            race.racer.name,
            race.racer.class_id,
            race.start_ms,
            race.length_s,
            (race.start_ms - wall_ms) / 1000 if race.start_ms > wall_ms else None,
        )
        for race in races.commanded_at(wall_ms)[:COMMANDED_SHOWN]
        if race.racer is not None
    )


@dataclass(frozen=True, slots=True)
class BikeStatus:
    """The state of one bike, and of its racer."""

    bike_id: Annotated[str, Field(description="the bike's id in the config")]
    racer_id: Annotated[
        int, Field(description="the id of the racer of the race in progress, else of the next one")
    ]
    racer_name: Annotated[str, Field(description="the first name of that racer")]
    state: Annotated[
        LinkState,
        Field(
            description="whether the gateway is connecting to the bike, has understood data "
            "from it, or has lost it"
        ),
    ]
    reason: Annotated[str, Field(description="why the bike is not connected; empty if it is")]
    sample: Annotated[
        Sample | None, Field(description="the last whole second; null before the first one")
    ]
    race_id: Annotated[
        int | None, Field(description="the race in progress; null if none is known")
    ] = None
    second: Annotated[
        int | None,
        Field(description="the second of that race, 1 … its length; null without a race"),
    ] = None
    not_joined: Annotated[
        str,
        Field(
            description="why the racer does not take part in that race; empty if they do, or "
            "without a race"
        ),
    ] = ""
    state_s: Annotated[float, Field(description="seconds spent in this state")] = 0.0
    sample_age_s: Annotated[
        float | None, Field(description="seconds since the end of the sample; null without one")
    ] = None
    calibration_problem: Annotated[
        str,
        Field(
            description="why a saved calibration is not used; empty if it is, or if there is none"
        ),
    ] = ""
    place: Annotated[
        Place | None,
        Field(description="the racer's place in the race; null without results of the race"),
    ] = None
    next_racer_name: Annotated[
        str,
        Field(
            description="the racer's first name from the next race on, if another rider was chosen "
            "or configured during this one; else empty"
        ),
    ] = ""
    is_simulated: Annotated[
        bool, Field(description="whether this is a fake bike, whose values are made up")
    ] = False
    resistance_doubt: Annotated[
        str,
        Field(
            description="why the resistance that the bike reports is not used; one derived from "
            "power and cadence replaces it. Empty if the reported one is used, or if there is none"
        ),
    ] = ""
    refused: Annotated[
        tuple[RefusedValues, ...],
        Field(
            description="the implausible values that the bike reported since the start; they are "
            "left out of the seconds"
        ),
    ] = ()
    refuses_often: Annotated[
        bool, Field(description="whether many values were implausible in the last minute")
    ] = False
    radio: Annotated[
        RadioStatus | None, Field(description="null for a bike that is not received by radio")
    ] = None
    losses_per_hour: Annotated[
        int, Field(description="how often the connected bike was lost in the last hour")
    ] = 0
    class_id: Annotated[
        int | None,
        Field(
            description="the class of the racer; null if the gateway's version does not report it"
        ),
    ] = None
    starts_in_s: Annotated[
        float | None,
        Field(
            description="seconds until that race begins; null once it has begun, or without a race"
        ),
    ] = None
    next_racer_id: Annotated[
        int | None, Field(description="the id of the racer named by next_racer_name, or null")
    ] = None
    next_class_id: Annotated[
        int | None, Field(description="the class of the racer named by next_racer_name, or null")
    ] = None
    own_rider: Annotated[
        RiderStatus | None,
        Field(
            description="the bike's own rider in the config, who may be chosen as well; null while "
            "the bike is being removed, or if the gateway's version does not report it"
        ),
    ] = None
    is_rider_chosen: Annotated[
        bool,
        Field(
            description="whether the rider of the next race, and perhaps of this one, was chosen "
            "instead of the bike's own"
        ),
    ] = False
    race_length_s: Annotated[
        int | None,
        Field(
            description="the length of that race in seconds; null without a race, or from a "
            "version that does not report it"
        ),
    ] = None
    current: Annotated[
        CurrentValues | None,
        Field(
            description="the newest values that the bike has reported; null from a version that "
            "does not report them"
        ),
    ] = None
    commanded: Annotated[
        tuple[CommandedRace, ...],
        Field(
            description="in remote mode: what the backend has commanded, at most the first three "
            "races, one in progress included"
        ),
    ] = ()

    @property
    def has_joined(self) -> bool:
        """Whether the racer takes part in a race."""
        return self.race_id is not None and not self.not_joined

    @property
    def is_connected(self) -> bool:
        return self.state is LinkState.CONNECTED

    @property
    def is_uncalibrated(self) -> bool:
        """Whether the bike's own numbers are taken as percentages, for want of a calibration."""
        source = self.sample.resistance_source if self.sample else None
        return self.is_connected and source is ResistanceSource.UNCALIBRATED


@dataclass(frozen=True, slots=True)
class ResultsStatus:
    """The state of the subscription to the results of races. Counts are since the start."""

    topic: Annotated[str, Field(description="the topic of the results, from the config")]
    refusal: Annotated[
        str | None,
        Field(description="why the last attempt to subscribe failed; null if it succeeded"),
    ] = None
    received: Annotated[int, Field(description="results received, of all races")] = 0
    late: Annotated[
        int, Field(description="results ignored because newer ones had arrived before")
    ] = 0
    malformed: Annotated[
        int, Field(description="messages ignored because they are not usable results")
    ] = 0
