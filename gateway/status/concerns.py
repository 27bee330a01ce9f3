"""Concerns: the parts of a gateway's status that need attention. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus, ResultsStatus
from gateway.host.board import PiHealth
from gateway.race.commands import command_topic
from gateway.sampling.plausible import refused_counts
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.terminal.units import counted, duration
from gateway.timing.clock_sync import ClockSource

#: Room for less racing than this, in hours, is an urgent concern.
SHORT_OF_ROOM_H = 1.0
#: A connection that has accepted nothing for this long, in seconds, is a concern.
USELESS_AFTER_S = 60.0
#: A clock that no time server has set for this long, in seconds since the start, is a concern: the
#: first answer of a time server takes a minute or two.
UNSURE_AFTER_S = 600.0
#: More hang-ups than this on new connections within ten minutes are a concern; these may be chance.
HANGUPS_MAX = 2

#: What to do if the reason does not contain it: about a message that is refused, and a connection
#: that is lost.
SEE_POLICY = "check the policy of the thing and the limits of the broker; the message is kept"
SEE_NETWORK = "if this lasts, check the network"
#: Added to a refusal while no other race or bike has a message that could be a witness.
NO_WITNESS = (
    ". The gateway keeps trying; it cannot judge whether this message or the broker is at fault "
    "until another race or bike has messages to compare with"
)
CHECK_CLOCK = "check the clock with `timedatectl`"
ALLOW_RECEIVING = "the thing's policy must allow iot:Subscribe and iot:Receive for this topic"


@dataclass(frozen=True, slots=True)
class Concern:
    """A problem in words, and what to do.

    `remedy`: empty only if `problem` is a note, which contains it. `is_urgent`: data is being lost,
    or soon will be. `is_minor`: a race can start all the same, but some of its values may be wrong
    or made up.
    """

    problem: str
    remedy: str
    is_urgent: bool = False
    is_minor: bool = False

    @property
    def text(self) -> str:
        """The problem and the remedy in one line."""
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


#: Returns the words of a command, such as "check", as a command line to paste.
Command = Callable[[str], str]


def service_command(words: str) -> str:
    """Return the command for the installed service, whose config only root can read."""
    return f"sudo alleycat-gateway {words}"


def concerns(status: GatewayStatus, command: Command = service_command) -> list[Concern]:
    """Return all concerns, the urgent ones first; an empty list if all is well."""
    if not status.is_set_up:  # the gateway waits
        nothing = "not set up yet: the gateway reads no bike and sends nothing"
        setup = Concern(nothing, f"run `{command('setup')}`")
        return [setup, *_of_notes(status.notes)]
    found = [
        *_of_buffer(status, command),
        *_of_clock(status),
        *_of_cloud(status.cloud),
        *_of_certificates(status),
        *_of_commands(status),
        *_of_namesakes(status),
        *_of_sending(status),
        *_of_results(status.results),
        *(_of_bike(bike, command) for bike in status.bikes if not bike.is_connected),
        *(_of_calibration(bike, command) for bike in status.bikes if bike.calibration_problem),
        *_of_raw_numbers(status.bikes, command),
        *(_of_refused(bike, command) for bike in status.bikes if bike.refuses_often),
        *_of_fake_bikes(status, command),
        *_of_pi(status.pi),
        *_of_notes((*status.buffer.notes, *status.notes)),
    ]
    return sorted(found, key=lambda concern: not concern.is_urgent)


def _of_notes(notes: Iterable[str]) -> Iterator[Concern]:
    for note in notes:
        yield Concern(note, "")


def _of_buffer(status: GatewayStatus, command: Command) -> Iterator[Concern]:
    buffer, hours_left = status.buffer, status.hours_left
    if buffer.problem is not None:
        yield Concern(
            f"disk: {buffer.problem}",
            "see `df -h` and `dmesg`: the disk may be full or broken",
            is_urgent=True,
        )
    if hours_left is not None and hours_left < SHORT_OF_ROOM_H:
        room = duration(hours_left * 3600)
        yield Concern(
            f"the buffer has room for only {room} of racing without a cloud",
            "free some space on the disk (`df -h`), or increase buffer.max_size_mib",
            is_urgent=True,
        )
    if buffer.lost:
        lost = counted(buffer.lost, "message")
        yield Concern(f"{lost} lost since the start", "the log has the reasons")
    if status.lost_seconds:
        lost = counted(status.lost_seconds, "second")
        yield Concern(
            f"{lost} of riding lost since the start, because the gateway stalled", "see the log"
        )
    if buffer.quarantined:
        aside = counted(buffer.quarantined, "message")
        yield Concern(
            f"{aside} in quarantine, which are no longer sent",
            f"`{command('buffer quarantine')}` shows why",
        )


def _of_clock(status: GatewayStatus) -> Iterator[Concern]:
    if not status.clock_is_set:
        waiting = counted(status.buffer.unnamed, "second")
        yield Concern(
            f"the clock is not set{_evidence(status.cloud)}: the buffer keeps {waiting} of riding "
            "until it is",
            CHECK_CLOCK,
        )
    elif _may_be_off(status):
        yield Concern(
            "no time server is known to have set the clock, so races may begin and end a few "
            "seconds earlier or later than on other gateways",
            CHECK_CLOCK,
            is_minor=True,
        )


def _evidence(cloud: CloudStatus) -> str:
    for certificate in cloud.certificates:
        if certificate.is_early:
            begin = f"{certificate.valid_from:%Y-%m-%d %H:%M} UTC"
            return f" (it is earlier than {begin}, when cloud.{certificate.key} becomes valid)"
    return ""


def _may_be_off(status: GatewayStatus) -> bool:
    """Return whether seconds of a clock that merely runs are ranked with those of other clocks."""
    is_unsure = status.clock_source is ClockSource.HARDWARE
    return is_unsure and not status.cloud.is_local and status.uptime_s >= UNSURE_AFTER_S


def _of_cloud(cloud: CloudStatus) -> Iterator[Concern]:
    if cloud.refusal is not None:
        refused = f"the broker has accepted no message for {duration(cloud.refused_s)}"
        if cloud.refused_bike is not None:
            refused = (
                f"bike {cloud.refused_bike}: the broker has refused its messages for "
                f"{duration(cloud.refused_s)}, and accepts others"
            )
        why, remedy = _parts(cloud.refusal, SEE_POLICY)
        yield Concern(f"{refused}: {why}", remedy + (NO_WITNESS if cloud.lacks_witness else ""))
    # A broker that hangs up after each refusal is now online, now offline.
    if not cloud.is_connected and cloud.state != cloud.refusal:
        what = _connections_away(cloud) if cloud.connected else "cloud offline"
        why, remedy = _parts(cloud.state, SEE_NETWORK)
        yield Concern(f"{what} for {duration(cloud.state_s)}: {why}", remedy)
    if cloud.pace_share < 1:
        yield Concern(
            f"sending at {cloud.pace_share:.0%} of the normal sending rate: the broker asked the "
            "gateway to slow down, or discarded messages",
            "the gateway speeds up again by itself; if it does not, check the limits of the broker",
        )


def _parts(reason: str, otherwise: str) -> tuple[str, str]:
    """Return what happened, and what to do: as the reason gives it, otherwise `otherwise`."""
    what, _, remedy = reason.partition("; ")
    return what, remedy or otherwise


def _of_certificates(status: GatewayStatus) -> Iterator[Concern]:
    cloud = status.cloud
    for certificate in cloud.certificates:
        is_evidence = certificate.is_early and not status.clock_is_set  # named with the clock
        if certificate.problem is not None and not is_evidence:
            will_work = not (certificate.is_expired or certificate.is_early)
            yield Concern(certificate.problem, certificate.remedy, is_minor=will_work)
    if cloud.certificate_problem is not None:
        yield Concern(cloud.certificate_problem, "", is_minor=cloud.is_connected)


def _of_commands(status: GatewayStatus) -> Iterator[Concern]:
    if status.cloud.commands_refusal is not None:
        topic = command_topic(status.thing_name)
        yield Concern(
            f"no race can be started: cannot subscribe to {topic}: {status.cloud.commands_refusal}",
            ALLOW_RECEIVING,
        )


def _connections_away(cloud: CloudStatus) -> str:
    away = cloud.connections - cloud.connected
    have = "has" if away == 1 else "have"
    return f"{away} of {cloud.connections} cloud connections {have} been offline"


def _of_namesakes(status: GatewayStatus) -> Iterator[Concern]:
    cloud, name = status.cloud, status.thing_name
    remedy = f"only one gateway may have thing_name {name}: give each its own, and restart it"
    if cloud.takeovers:
        times = counted(cloud.takeovers, "time")
        yield Concern(
            f"another client connects to the broker as {name}: in the last 10 min it took over the "
            f"gateway's connection {times}",
            remedy,
        )
    elif cloud.brief_hangups > HANGUPS_MAX:
        times = counted(cloud.brief_hangups, "time")
        yield Concern(
            f"another client may be connecting to the broker as {name}: in the last 10 min the "
            f"broker closed a new and working connection {times} without giving a reason, and "
            "accepted the next one at once",
            f"if that is the cause, {remedy}; if not, the broker's log has the reason",
        )


def _of_sending(status: GatewayStatus) -> Iterator[Concern]:
    is_useless = (
        status.cloud.is_connected
        and status.cloud.refusal is None
        and status.cloud.state_s >= USELESS_AFTER_S
        and status.accepted_per_s == 0
        and status.buffer.depth > len(status.bikes)
    )
    if is_useless:
        yield Concern(
            "the cloud is connected, but has accepted no message for a minute",
            "check that the thing's policy allows publishing to the topic, and see the log",
        )


def _of_results(results: ResultsStatus | None) -> Iterator[Concern]:
    if results is not None and results.refusal is not None:
        yield Concern(
            f"no ranks: cannot subscribe to {results.topic}: {results.refusal}", ALLOW_RECEIVING
        )


def _of_bike(bike: BikeStatus, command: Command) -> Concern:
    why = f": {bike.reason}" if bike.reason else ""
    state = "has been connecting" if bike.state is LinkState.CONNECTING else bike.state.value
    return Concern(
        f"{bike.bike_id} {state} for {duration(bike.state_s)}{why}",
        f"if this lasts, see what `{command('scan')}` finds",
    )


def _of_calibration(bike: BikeStatus, command: Command) -> Concern:
    return Concern(
        f"the saved calibration of {bike.bike_id} is {bike.calibration_problem}",
        f"run `{command(f'calibrate {bike.bike_id}')}`",
        is_minor=True,
    )


def _of_raw_numbers(bikes: Sequence[BikeStatus], command: Command) -> Iterator[Concern]:
    """Yield a concern for each bike that needs a calibration; made-up values need none."""
    for bike in bikes:
        if bike.is_uncalibrated and not bike.is_simulated:
            yield Concern(
                f"{bike.bike_id} is not calibrated: its own numbers are taken as percentages",
                f"run `{command(f'calibrate {bike.bike_id}')}`",
                is_minor=True,
            )


def _of_refused(bike: BikeStatus, command: Command) -> Concern:
    return Concern(
        f"{bike.bike_id} often sends implausible values, which are left out: "
        f"{refused_counts(bike.refused)}",
        f"compare `{command(f'watch {bike.bike_id}')}` with the bike's display",
        is_minor=True,
    )


def _of_fake_bikes(status: GatewayStatus, command: Command) -> Iterator[Concern]:
    if status.cloud.is_local:
        return
    for bike in status.bikes:
        if bike.is_simulated:
            yield Concern(
                f"{bike.bike_id} is simulated; its seconds are sent to {status.cloud.endpoint}, "
                "marked as simulated",
                f"if you are not testing a backend, run `{command('setup')}`",
                is_minor=True,
            )


def _of_pi(pi: PiHealth) -> Iterator[Concern]:
    if pi.is_undervolted:
        yield Concern(
            "the power supply is too weak, so USB devices may drop out",
            "use the official Raspberry Pi power supply",
        )
    if pi.is_slowed_by_heat:
        yield Concern(
            f"the Pi is at {pi.temperature_c:.0f} °C and has slowed down", "improve its cooling"
        )
