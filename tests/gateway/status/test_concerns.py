"""What somebody should look at, each thing by itself; when all is well, nothing."""

import ast
import inspect
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus, ResultsStatus
from gateway.cloud.certificates import CertificateStatus
from gateway.host.board import PiHealth
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.plausible import RefusedValues
from gateway.sampling.sampler import Sample
from gateway.status import concerns as module
from gateway.status.concerns import (
    HANGUPS_MAX,
    SEE_NETWORK,
    SEE_POLICY,
    UNSURE_AFTER_S,
    Concern,
    concerns,
)
from gateway.status.snapshot import CloudStatus
from gateway.timing.clock_sync import ClockSource
from tests.support.statuses import (
    bike_status,
    buffer_status,
    gateway_status,
    lost_bike,
    offline,
)

#: A second of a home-made rig that counts to 1023.
RAW = Sample(True, 87.2, 100.0, None, resistance_source=ResistanceSource.UNCALIBRATED)
REFUSED = RefusedValues("power_w", 12, 16_499.0)


CONNECTED = CloudStatus("connected", 1, 1, 1.0, 60.0)
ELSEWHERE = replace(CONNECTED, endpoint="broker.lan", is_local=False)


def certificate(days_left: float | None, *, is_early: bool = False) -> CertificateStatus:
    begin, end = (datetime(year, 6, 1, tzinfo=UTC) for year in (2029, 2030))
    return CertificateStatus("certificate_file", begin, end, days_left, is_early)


def lost_bike_with(sample: Sample) -> BikeStatus:
    return replace(lost_bike(), sample=sample)


#: What to do about a bike that is not connected.
SCAN = "if this lasts, see what `sudo alleycat-gateway scan` finds"
#: Sentences of other parts, which contain their remedy.
NOTES = ("on an overlay", "metrics.port 9785: in use", "not in use: half")

#: Every kind of concern: what is amiss, and its text.
KINDS: list[tuple[dict[str, Any], str]] = [
    (
        {"cloud": offline()},
        f"cloud offline for 12 min: connection refused; {SEE_NETWORK}",
    ),
    (
        {"cloud": CloudStatus("refused", 3, 1, 1.0, 60.0)},
        f"2 of 3 cloud connections have been offline for 60 s: refused; {SEE_NETWORK}",
    ),
    (
        {"cloud": CloudStatus("refused", 2, 0, 1.0, 60.0)},
        f"cloud offline for 60 s: refused; {SEE_NETWORK}",
    ),
    (
        {"cloud": offline("the certificate has expired; get a new one")},
        "cloud offline for 12 min: the certificate has expired; get a new one",
    ),
    (
        {"cloud": replace(CONNECTED, refusal="no answer; check the network", refused_s=9.0)},
        "the broker has accepted no message for 9 s: no answer; check the network",
    ),
    (
        {"cloud": CloudStatus("connected", 1, 1, 0.25, 60.0)},
        "sending at 25% of the normal sending rate: the broker asked the gateway to slow down, "
        "or discarded messages; the gateway speeds up again by itself; if it does not, check the "
        "limits of the broker",
    ),
    (
        {"cloud": replace(CONNECTED, refusal="not authorised", refused_s=720.0)},
        f"the broker has accepted no message for 12 min: not authorised; {SEE_POLICY}",
    ),
    (
        {"cloud": replace(CONNECTED, refusal="invalid", refused_s=720.0, lacks_witness=True)},
        "the broker has accepted no message for 12 min: invalid; check the policy of the thing "
        "and the limits of the broker; the message is kept. The gateway keeps trying; it "
        "cannot judge whether this message or the broker is at fault until another race or bike "
        "has messages to compare with",
    ),
    (
        {"cloud": replace(CONNECTED, refusal="invalid", refused_s=9.0, refused_bike="bike-2")},
        "bike bike-2: the broker has refused its messages for 9 s, and accepts others: invalid; "
        f"{SEE_POLICY}",
    ),
    (
        {"cloud": replace(offline("not authorised"), refusal="not authorised", refused_s=9.0)},
        f"the broker has accepted no message for 9 s: not authorised; {SEE_POLICY}",
    ),
    (
        {"cloud": replace(CONNECTED, takeovers=1, brief_hangups=5)},
        "another client connects to the broker as gateway-1: in the last 10 min it took over "
        "the gateway's connection 1 time; only one gateway may have thing_name gateway-1: give "
        "each its own, and restart it",
    ),
    (
        {"cloud": replace(CONNECTED, brief_hangups=HANGUPS_MAX + 1)},
        "another client may be connecting to the broker as gateway-1: in the last 10 min the "
        "broker closed a new and working connection 3 times without giving a reason, and "
        "accepted the next one at once; if that is the cause, only one gateway may have "
        "thing_name gateway-1: give each its own, and restart it; if not, the broker's log has "
        "the reason",
    ),
    (
        {"results": ResultsStatus("alleycat-subscribe", refusal="not authorized")},
        "no ranks: cannot subscribe to alleycat-subscribe: not authorized; the thing's policy "
        "must allow iot:Subscribe and iot:Receive for this topic",
    ),
    (
        {"cloud": replace(CONNECTED, commands_refusal="not authorized")},
        "no race can be started: cannot subscribe to alleycat/gateways/gateway-1/race: "
        "not authorized; the thing's policy must allow iot:Subscribe and iot:Receive for this "
        "topic",
    ),
    (
        {"cloud": replace(CONNECTED, certificates=(certificate(6.9),))},
        "cloud.certificate_file expires in 6 days, on 2030-06-01; get a new certificate "
        "for this thing, and save it at the path in cloud.certificate_file",
    ),
    (
        {"cloud": replace(CONNECTED, certificates=(certificate(-1.0),))},
        "cloud.certificate_file expired on 2030-06-01; get a new certificate for this "
        "thing, and save it at the path in cloud.certificate_file",
    ),
    (
        {"cloud": replace(CONNECTED, certificate_problem="not in use: half")},
        "not in use: half",
    ),
    (
        {"bikes": (lost_bike(),)},
        f"bike-001 lost for 3 min: the bike stopped sending; {SCAN}",
    ),
    (
        {"bikes": (bike_status(state=LinkState.CONNECTING, state_s=4.0),)},
        f"bike-001 has been connecting for 4 s; {SCAN}",
    ),
    (
        {"clock_is_set": False, "buffer": buffer_status(unnamed=120, depth=120)},
        "the clock is not set: the buffer keeps 120 seconds of riding until it is; check the "
        "clock with `timedatectl`",
    ),
    (
        {"lost_seconds": 3},
        "3 seconds of riding lost since the start, because the gateway stalled; see the log",
    ),
    (
        {"buffer": buffer_status(lost=1)},
        "1 message lost since the start; the log has the reasons",
    ),
    (
        {"buffer": buffer_status(quarantined=2)},
        "2 messages in quarantine, which are no longer sent; `sudo alleycat-gateway buffer "
        "quarantine` shows why",
    ),
    (
        {"buffer": buffer_status(problem="disk I/O error")},
        "disk: disk I/O error; see `df -h` and `dmesg`: the disk may be full or broken",
    ),
    (
        {"buffer": buffer_status(free_bytes=423_000)},
        "the buffer has room for only 30 min of racing without a cloud; free some space on the "
        "disk (`df -h`), or increase buffer.max_size_mib",
    ),
    ({"buffer": buffer_status(notes=("on an overlay",))}, "on an overlay"),
    ({"notes": ("metrics.port 9785: in use",)}, "metrics.port 9785: in use"),
    (
        {"bikes": (bike_status(calibration_problem="not used: it is of another machine"),)},
        "the saved calibration of bike-001 is not used: it is of another machine; run "
        "`sudo alleycat-gateway calibrate bike-001`",
    ),
    (
        {"bikes": (bike_status(sample=RAW),)},
        "bike-001 is not calibrated: its own numbers are taken as percentages; run "
        "`sudo alleycat-gateway calibrate bike-001`",
    ),
    (
        {"bikes": (lost_bike_with(RAW),)},
        f"bike-001 lost for 3 min: the bike stopped sending; {SCAN}",
    ),
    (
        {"pi": PiHealth(82.3, False)},
        "the Pi is at 82 °C and has slowed down; improve its cooling",
    ),
    (
        {"pi": PiHealth(40.0, True)},
        "the power supply is too weak, so USB devices may drop out; use the official "
        "Raspberry Pi power supply",
    ),
    (
        {"is_set_up": False},
        "not set up yet: the gateway reads no bike and sends nothing; "
        "run `sudo alleycat-gateway setup`",
    ),
    (
        {"clock_source": ClockSource.HARDWARE, "cloud": ELSEWHERE, "uptime_s": UNSURE_AFTER_S},
        "no time server is known to have set the clock, so races may begin and end a few seconds "
        "earlier or later than on other gateways; check the clock with `timedatectl`",
    ),
    (
        {"accepted_per_s": 0.0, "buffer": buffer_status(depth=90)},
        "the cloud is connected, but has accepted no message for a minute; check that the thing's "
        "policy allows publishing to the topic, and see the log",
    ),
    (
        {"bikes": (bike_status(is_simulated=True),), "cloud": ELSEWHERE},
        "bike-001 is simulated; its seconds are sent to broker.lan, marked as simulated; if you "
        "are not testing a backend, run `sudo alleycat-gateway setup`",
    ),
    (
        {"bikes": (bike_status(refused=(REFUSED,), refuses_often=True),)},
        "bike-001 often sends implausible values, which are left out: 12 × power, the last one "
        "16,499 W; compare `sudo alleycat-gateway watch bike-001` with the bike's display",
    ),
]


def texts(**changes: Any) -> list[str]:
    return [concern.text for concern in concerns(gateway_status(**changes))]


def test_only_concern_of_a_gateway_that_is_not_set_up_is_the_setup() -> None:
    assert texts(is_set_up=False, cloud=offline(), notes=("a note",)) == [
        "not set up yet: the gateway reads no bike and sends nothing; "
        "run `sudo alleycat-gateway setup`",
        "a note",
    ]


def test_fake_bike_that_sends_to_another_machine_is_a_concern() -> None:
    there = CloudStatus("connected", 1, 1, 1.0, 60.0, endpoint="broker.lan", is_local=False)
    bikes = (bike_status(1), bike_status(2, is_simulated=True))
    assert texts(bikes=bikes, cloud=there) == [
        "bike-002 is simulated; its seconds are sent to broker.lan, marked as simulated; if you "
        "are not testing a backend, run `sudo alleycat-gateway setup`"
    ]
    assert texts(bikes=bikes) == [], "with a broker on this computer"


@pytest.mark.parametrize(
    ("source", "is_local", "uptime_s", "is_concern"),
    [
        (ClockSource.HARDWARE, False, UNSURE_AFTER_S, True),
        (ClockSource.HARDWARE, False, UNSURE_AFTER_S - 1, False),
        (ClockSource.HARDWARE, True, UNSURE_AFTER_S, False),
        (ClockSource.TIME_SERVER, False, UNSURE_AFTER_S, False),
        (ClockSource.CONFIG, False, UNSURE_AFTER_S, False),
        pytest.param(None, False, UNSURE_AFTER_S, False, id="of an earlier version"),
    ],
)
def test_clock_without_a_time_server_is_a_concern_if_it_is_compared_with_others(
    source: ClockSource | None, is_local: bool, uptime_s: float, is_concern: bool
) -> None:
    there = CloudStatus("connected", 1, 1, 1.0, 60.0, endpoint="broker.lan", is_local=is_local)
    status = gateway_status(clock_source=source, uptime_s=uptime_s, cloud=there)
    found = [(concern.text, concern.is_minor) for concern in concerns(status)]
    text = (
        "no time server is known to have set the clock, so races may begin and end a few seconds "
        "earlier or later than on other gateways; check the clock with `timedatectl`"
    )
    assert found == ([(text, True)] if is_concern else [])


@pytest.mark.parametrize("days_left", [None, 7.0, 29.9, 400.0])
def test_certificate_with_a_week_left_is_no_concern(days_left: float | None) -> None:
    cloud = replace(CONNECTED, certificates=(certificate(days_left),))
    assert texts(cloud=cloud) == []


@pytest.mark.parametrize(
    ("certificate", "is_minor"),
    [
        (certificate(6.9), True),
        (certificate(0.0), False),
        (certificate(99.0, is_early=True), False),
    ],
    ids=["soon", "expired", "early"],
)
def test_certificate_that_still_works_is_a_minor_concern(
    certificate: CertificateStatus, is_minor: bool
) -> None:
    cloud = replace(CONNECTED, certificates=(certificate,))
    (concern,) = concerns(gateway_status(cloud=cloud))
    assert concern.is_minor == is_minor


def test_certificate_from_the_future_is_why_the_clock_is_not_set() -> None:
    cloud = replace(CONNECTED, certificates=(certificate(None, is_early=True),))
    (text,) = texts(cloud=cloud, clock_is_set=False)
    assert text.startswith(
        "the clock is not set (it is earlier than 2029-06-01 00:00 UTC, when "
        "cloud.certificate_file becomes valid): the buffer keeps"
    )


def test_healthy_gateway_has_no_concerns() -> None:
    assert concerns(gateway_status()) == []


@pytest.mark.parametrize(("changes", "text"), KINDS)
def test_each_concern_has_its_text(changes: dict[str, Any], text: str) -> None:
    assert texts(**changes) == [text]


def test_every_kind_of_concern_is_listed_and_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ast.parse(inspect.getsource(module))
    made = {
        node.lineno
        for node in ast.walk(source)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "Concern"
    }
    listed = set[int]()

    def make(*args: Any, **more: Any) -> Concern:
        listed.add(sys._getframe(1).f_lineno)
        return Concern(*args, **more)

    monkeypatch.setattr(module, "Concern", make)
    for changes, text in KINDS:
        found = concerns(gateway_status(**changes))
        assert all(one.remedy for one in found) == (text not in NOTES), text
    assert listed == made


def test_network_that_fails_after_a_refusal_is_a_concern_of_its_own() -> None:
    cloud = replace(offline("no route to host"), refusal="not authorised", refused_s=900.0)
    assert texts(cloud=cloud) == [
        f"the broker has accepted no message for 15 min: not authorised; {SEE_POLICY}",
        f"cloud offline for 12 min: no route to host; {SEE_NETWORK}",
    ]


def test_refusal_stands_for_the_connection_that_accepts_nothing() -> None:
    cloud = replace(CONNECTED, refusal="not authorised", refused_s=120.0)
    assert texts(cloud=cloud, accepted_per_s=0.0, buffer=buffer_status(depth=100)) == [
        f"the broker has accepted no message for 2 min: not authorised; {SEE_POLICY}"
    ]


def test_one_or_two_hangups_are_no_concern() -> None:
    assert texts(cloud=replace(CONNECTED, brief_hangups=HANGUPS_MAX)) == []


def test_uncalibrated_fake_bike_is_no_concern() -> None:
    assert texts(bikes=(bike_status(sample=RAW, is_simulated=True),)) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bikes": (bike_status(sample=RAW),)}, "calibrate bike-001"),
        ({"bikes": (bike_status(calibration_problem="not used"),)}, "calibrate bike-001"),
        (
            {"bikes": (bike_status(refused=(REFUSED,), refuses_often=True),)},
            "watch bike-001",
        ),
        ({"buffer": buffer_status(quarantined=2)}, "buffer quarantine"),
        ({"is_set_up": False}, "setup"),
    ],
)
def test_commands_in_concerns_are_completed(changes: dict[str, Any], words: str) -> None:
    [concern] = concerns(gateway_status(**changes), lambda words: f"<{words} --config own.toml>")
    assert f"<{words} --config own.toml>" in concern.text


@pytest.mark.parametrize(
    "bike",
    [
        bike_status(sample=RAW),
        bike_status(calibration_problem="not used"),
        bike_status(refused=(REFUSED,), refuses_often=True),
    ],
)
def test_doubtful_values_are_minor(bike: BikeStatus) -> None:
    [concern] = concerns(gateway_status(bike))
    assert concern.is_minor


def test_cloud_that_accepts_nothing_for_a_minute_is_a_concern() -> None:
    stuck = {"accepted_per_s": 0.0, "buffer": buffer_status(depth=90)}
    assert len(texts(**stuck)) == 1
    assert texts(**stuck)[0].startswith("the cloud is connected, but has accepted no message")
    assert texts(**stuck, cloud=CloudStatus("connected", 1, 1, 1.0, state_s=59.0)) == []
    assert texts(accepted_per_s=0.0) == [], "a pause between races"


def test_urgent_concern_comes_first() -> None:
    status = gateway_status(
        lost_bike(), cloud=offline(), buffer=buffer_status(problem="full"), notes=("a note",)
    )
    found = concerns(status)
    assert [concern.is_urgent for concern in found] == [True, False, False, False]
    assert found[0].problem == "disk: full"


def test_unknown_room_is_no_concern() -> None:
    assert texts(buffer=buffer_status(free_bytes=None)) == []


def test_implausible_values_are_a_concern_only_if_they_are_frequent() -> None:
    refused = (RefusedValues("power_w", 12, 16_499.0),)
    assert texts(bikes=(bike_status(refused=refused),)) == []
    assert texts(bikes=(bike_status(refused=refused, refuses_often=True),)) == [
        "bike-001 often sends implausible values, which are left out: "
        "12 × power, the last one 16,499 W; compare `sudo alleycat-gateway watch bike-001` with "
        "the bike's display"
    ]
