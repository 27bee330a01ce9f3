"""A snapshot of the whole gateway, from which every view of its status is made.

The field names are those of the JSON as well: see gateway/status/report.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from gateway.bike.status import BikeStatus, ResultsStatus, RiderStatus
from gateway.buffer.status import BufferStatus
from gateway.cloud.certificates import CertificateStatus
from gateway.host.board import PiHealth
from gateway.timing.clock_sync import ClockSource

#: Bytes that a second of racing takes on disk, and each bike's message in it.
BYTES_PER_SECOND, BYTES_PER_MESSAGE = 150, 85


@dataclass(frozen=True, slots=True)
class CloudStatus:
    """The state of the gateway's connections to the cloud."""

    state: Annotated[str, Field(description='"connected", or the reason why not')]
    connections: Annotated[
        int,
        Field(description="connections needed; more than 1 only if one cannot carry all bikes"),
    ]
    connected: Annotated[int, Field(description="connections that are up")]
    pace_share: Annotated[
        float,
        Field(
            description="share of the normal sending rate; below 1 after the broker asks the "
            "gateway to slow down, or discards messages"
        ),
    ]
    state_s: Annotated[
        float,
        Field(
            description="seconds since the cloud came online or went offline; a new reason does "
            "not restart the count"
        ),
    ]
    endpoint: Annotated[str, Field(description="host name of the broker")] = ""
    is_local: Annotated[
        bool, Field(description="whether the broker is on this computer, and therefore not a cloud")
    ] = True
    certificates: Annotated[
        tuple[CertificateStatus, ...],
        Field(description="the certificates in use; empty without TLS"),
    ] = ()
    certificate_problem: Annotated[
        str | None,
        Field(description="why the certificate files on disk are not the ones in use, or null"),
    ] = None
    commands_refusal: Annotated[
        str | None,
        Field(
            description="why the broker refuses the subscription to race commands; null if it "
            "does not, or if races are not remote"
        ),
    ] = None

    refusal: Annotated[
        str | None,
        Field(
            description="the broker's reason for refusing all messages, or some; null once it has "
            "accepted one and no refused message is waiting"
        ),
    ] = None
    refused_bike: Annotated[
        str | None,
        Field(
            description="the bike whose message the broker refuses while it accepts others; null "
            "if it refuses all or none"
        ),
    ] = None
    refused_s: Annotated[
        float, Field(description="seconds since the first refusal; 0 without a refusal")
    ] = 0.0
    lacks_witness: Annotated[
        bool,
        Field(
            description="whether the gateway cannot judge if the broker or a message is at fault, "
            "because no other race or bike has messages to compare with"
        ),
    ] = False
    takeovers: Annotated[
        int,
        Field(
            description="how often, in the last ten minutes, the broker stated that another client "
            "with the same client id took over a connection"
        ),
    ] = 0
    brief_hangups: Annotated[
        int,
        Field(
            description="how often, in the last ten minutes, the broker closed a new and working "
            "connection without giving a reason, and accepted the next one at once"
        ),
    ] = 0

    @property
    def is_connected(self) -> bool:
        return self.connected == self.connections


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """The whole gateway. Counts are since the start, rates over the last minute."""

    clock_is_set: Annotated[bool, Field(description="whether the wall clock is set")]
    lost_seconds: Annotated[
        int, Field(description="seconds not sampled, because the process was stalled")
    ]
    bikes: Annotated[
        tuple[BikeStatus, ...],
        Field(description="the state of each bike, in the same order as in the config"),
    ]
    cloud: Annotated[CloudStatus, Field(description="the connections to the broker")]
    produced: Annotated[int, Field(description="messages produced")]
    accepted: Annotated[int, Field(description="messages acknowledged by the cloud")]
    buffer: Annotated[
        BufferStatus, Field(description="the messages that are kept until they are acknowledged")
    ]
    thing_name: Annotated[str, Field(description="the gateway's name in AWS IoT")]
    version: Annotated[str, Field(description="version of alleycat-gateway")]
    uptime_s: Annotated[float, Field(description="seconds since the start")]
    produced_per_s: Annotated[float, Field(description="messages produced per second")]
    accepted_per_s: Annotated[float, Field(description="messages acknowledged per second")]
    pi: Annotated[PiHealth, Field(description="the health of the board")]
    notes: Annotated[
        tuple[str, ...],
        Field(description="problems of the gateway as a whole, such as a port that is in use"),
    ]
    results: Annotated[
        ResultsStatus | None, Field(description="null if the gateway does not follow results")
    ] = None
    is_set_up: Annotated[
        bool,
        Field(
            description="false: the config is the one that the package installs; the gateway then "
            "reads no bike, sends nothing and keeps nothing, until it is set up"
        ),
    ] = True
    log_lines_dropped: Annotated[
        int,
        Field(
            description="lines that stderr (the log) or standard output (what plugins print) did "
            "not take, since the start"
        ),
    ] = 0
    files_set_aside: Annotated[
        int,
        Field(
            description="files in the state directory that were set aside, because they could not "
            "be used; they are named `….damaged-<number>`"
        ),
    ] = 0
    state_dir: Annotated[
        str,
        Field(
            description="the directory that this gateway holds, which no other one can use; empty "
            "if the gateway's version does not report it"
        ),
    ] = ""

    clock_source: Annotated[
        ClockSource | None,
        Field(
            description='why the clock counts as set: "time_server"; "hardware", this computer\'s '
            'own clock; "config", because clock.trust is "always". null while it is not set, or '
            "if the gateway's version does not report it"
        ),
    ] = None

    race_mode: Annotated[
        Literal["continuous", "remote"],
        Field(
            description='"remote": the backend\'s commands start the races and name the racers, so '
            "riders cannot be chosen here, and races cannot be joined or left"
        ),
    ] = "continuous"
    riders: Annotated[
        tuple[RiderStatus, ...],
        Field(description="who may be chosen for any bike, in addition to its own rider"),
    ] = ()

    def holds(self, state_dir: Path) -> bool:
        """Return whether this is the gateway of a state directory, as far as it reports its own."""
        return not self.state_dir or Path(self.state_dir).resolve() == state_dir.resolve()

    @property
    def hours_left(self) -> float | None:
        """How long all bikes can race without a broker before messages are dropped.

        None if the room on disk is unknown, or without bikes.
        """
        free_bytes = self.buffer.free_bytes
        if free_bytes is None or not self.bikes:
            return None
        return hours_of_racing(free_bytes, len(self.bikes))


def hours_of_racing(free_bytes: int, bikes: int) -> float:
    """Return how long these bikes can race before their messages have filled the room."""
    return free_bytes / (BYTES_PER_SECOND + BYTES_PER_MESSAGE * bikes) / 3600
