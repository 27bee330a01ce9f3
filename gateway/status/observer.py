"""Observer: collects the state of all parts of the gateway into one snapshot."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Protocol

import structlog

from gateway.bike.bike import Bike
from gateway.bike.bikes import Bikes
from gateway.bike.live_results import LiveResults
from gateway.bike.recorder import Recorder
from gateway.bike.status import BikeStatus
from gateway.buffer.buffer import Buffer
from gateway.cloud.health import CloudHealth
from gateway.cloud.publisher import Publisher
from gateway.config.cloud import is_this_machine
from gateway.config.schema import Config
from gateway.host.board import PiHealth, read_pi_health
from gateway.host.log import dropped_lines
from gateway.host.state_file import StateFiles
from gateway.race.commands import command_topic
from gateway.status.line import status_line
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.timing.clock import GatewayClock
from gateway.timing.units import NS_PER_S, seconds_between

#: How long the board's health is in use, in nanoseconds: it is in files, which take longer to read
#: than the rest of a snapshot.
BOARD_READ_EVERY_NS = NS_PER_S

log = structlog.get_logger()


class StatusSource(Protocol):
    """The status of a gateway, to which notes can be added."""

    def note(self, text: str) -> None: ...

    def note_name(self, text: str | None) -> None: ...

    def status(self) -> GatewayStatus: ...


class Observer:
    """A view of all parts of a gateway, and a list of notes that belong to no part."""

    def __init__(
        self,
        config: Config,
        bikes: Bikes,
        recorder: Recorder,
        publishers: Collection[Publisher],
        buffer: Buffer,
        clock: GatewayClock,
        files: StateFiles,
    ) -> None:
        self._thing_name = config.thing_name
        self._state_dir = str(config.state_dir)
        self._endpoint = config.cloud.endpoint
        self._race_mode = config.race.mode
        self._bikes = bikes
        self._recorder = recorder
        self._publishers = publishers
        self._buffer = buffer
        self._clock = clock
        self._files = files
        #: None if the gateway does not follow results.
        self.results: LiveResults | None = None
        #: Is set if the cloud is not a simulated one.
        self.health: CloudHealth | None = None
        self._version = version("alleycat-gateway")
        self._since_ns = clock.monotonic_ns()
        self._notes: list[str] = []
        self._config_notes: Sequence[str] = ()
        self._name_notes: Sequence[str] = ()
        self._pi = PiHealth()
        self._pi_until_ns = self._since_ns

    def note(self, text: str) -> None:
        """Log a warning and show it in the status from now on."""
        self._notes.append(text)
        log.warning(text)

    def note_config(self, texts: Sequence[str]) -> None:
        """Show in the status which parts of the config are not in effect, until the next call."""
        self._config_notes = texts

    def note_name(self, text: str | None) -> None:
        """Show in the status why the name of the pages does not lead to them, or that it does."""
        self._name_notes = () if text is None else (text,)

    def line(self) -> str:
        """Return the status in one line, as systemctl shows it."""
        return status_line(self.status())

    def status(self) -> GatewayStatus:
        """Return a snapshot of the gateway."""
        now_ns = self._clock.monotonic_ns()
        publishers = self._publishers
        return GatewayStatus(
            clock_is_set=self._clock.is_trustworthy(),
            lost_seconds=sum(bike.lost_seconds for bike in self._bikes),
            bikes=tuple(self._bike(bike) for bike in self._bikes),
            cloud=self._cloud(now_ns),
            produced=self._recorder.produced,
            accepted=sum(publisher.accepted for publisher in publishers),
            buffer=self._buffer.status,
            thing_name=self._thing_name,
            version=self._version,
            uptime_s=seconds_between(self._since_ns, now_ns),
            produced_per_s=self._recorder.productions.per_s(now_ns),
            accepted_per_s=round(sum(publisher.accepted_per_s for publisher in publishers), 2),
            pi=self._pi_health(now_ns),
            log_lines_dropped=dropped_lines(),
            notes=self._all_notes(),
            files_set_aside=self._files.set_aside,
            results=None if self.results is None else self.results.status,
            state_dir=self._state_dir,
            clock_source=self._clock.source,
            race_mode=self._race_mode,
            riders=self._bikes.riders.listed,
        )

    def _all_notes(self) -> tuple[str, ...]:
        lasting, passing = self._notes, (*self._config_notes, *self._name_notes)
        return (*lasting, *passing, *self._files.problems)

    def _pi_health(self, now_ns: int) -> PiHealth:
        if now_ns >= self._pi_until_ns:
            self._pi, self._pi_until_ns = read_pi_health(), now_ns + BOARD_READ_EVERY_NS
        return self._pi

    def _bike(self, bike: Bike) -> BikeStatus:
        bike_id, status, riders = bike.config.id, bike.status, self._bikes.riders
        return replace(
            status,
            place=None if self.results is None else self.results.place(status),
            own_rider=riders.own_status(bike_id),
            is_rider_chosen=riders.is_chosen(bike_id),
        )

    def _cloud(self, now_ns: int) -> CloudStatus:
        """Return the state of all connections; reason and time are those of the longest outage."""
        away = [publisher for publisher in self._publishers if not publisher.connected]
        one = min(away or self._publishers, key=lambda publisher: publisher.since_ns)
        refusing = [publisher for publisher in self._publishers if publisher.refusal is not None]
        refused = max(refusing, key=lambda publisher: publisher.refused_ns, default=None)
        takeovers = [publisher.takeovers for publisher in self._publishers]
        status = CloudStatus(
            state=one.state,
            connections=len(self._publishers),
            connected=len(self._publishers) - len(away),
            pace_share=min(publisher.pace_share for publisher in self._publishers),
            state_s=seconds_between(one.since_ns, now_ns),
            endpoint=self._endpoint,
            is_local=is_this_machine(self._endpoint),
            refusal=None if refused is None else refused.refusal,
            refused_bike=None if refused is None else refused.refused_bike,
            refused_s=0.0 if refused is None else round(refused.refused_ns / NS_PER_S, 1),
            lacks_witness=refused is not None and refused.lacks_witness,
            takeovers=sum(one.stated(now_ns) for one in takeovers),
            brief_hangups=sum(one.hangups(now_ns) for one in takeovers),
        )
        if self.health is None:
            return status
        return replace(
            status,
            certificates=self.health.certificates,
            certificate_problem=self.health.problem,
            commands_refusal=self.health.refusal(command_topic(self._thing_name)),
        )
