"""The status on a terminal of 80 × 24: four bikes fit, a hundred stay readable."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from gateway.bike.link import LinkState
from gateway.bike.status import BikeStatus, RadioStatus, RiderStatus
from gateway.cloud.certificates import CertificateStatus
from gateway.cloud.diagnosis import Diagnosis
from gateway.host.board import PiHealth
from gateway.race.results import Place
from gateway.sampling.calibration import ResistanceSource
from gateway.sampling.plausible import RefusedValues
from gateway.sampling.sampler import Sample
from gateway.sampling.series import FieldState
from gateway.status.snapshot import CloudStatus, GatewayStatus
from gateway.status.view import status_view
from gateway.timing.clock_sync import ClockSource
from tests.support.hostile import HOSTILE, MARK, complaint
from tests.support.statuses import (
    bike_status,
    buffer_status,
    gateway_status,
    lost_bike,
    offline,
)

OPERATION = Path(__file__).parents[3] / "docs" / "operation.md"

#: As long as they get.
LONG = (
    "C0:FF:EE:12:34:56 was not found within 30 s: pedal to wake it up, move it closer, and "
    "disconnect it from other devices and apps"
)


def shown(status: GatewayStatus, width: int = 80, *, colours: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=width, force_terminal=colours, highlight=False, color_system=None
    )
    if colours:
        console = Console(
            file=io.StringIO(), width=width, force_terminal=True, color_system="standard"
        )
    console.print(status_view(status))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def lines(status: GatewayStatus, width: int = 80) -> list[str]:
    return [line.rstrip() for line in shown(status, width).splitlines()]


def test_status_view_shows_a_healthy_gateway() -> None:
    assert lines(gateway_status()) == [
        "gateway-1  alleycat-gateway 0.1.0, up 3 h",
        "all well",
        "",
        "cloud     connected for 2 h",
        "buffer    0 messages waiting, 0 on disk (350 KiB), room for 9 h",
        "messages  10,800 produced (1.0/s), 10,799 accepted (1.0/s) since the start",
        "computer  clock set, 61 °C",
        "",
        "bike      racer   state          race  second  rpm   %    W",
        "bike-001  Rider1  connected  59807781     103   87  54  163",
    ]


def test_names_of_another_process_are_each_on_one_line() -> None:
    bike = replace(bike_status(), bike_id=HOSTILE, racer_name=HOSTILE)
    status = replace(gateway_status(bike), thing_name=HOSTILE, version=HOSTILE)
    text = shown(status, 1_000)
    assert text.count(MARK) == 4
    assert not complaint(text)


def test_status_view_of_an_outage_is_as_the_documentation_shows_it() -> None:
    rider = bike_status().sample
    assert rider is not None
    remedy = "check cloud.endpoint and cloud.port"
    refused = Diagnosis("broker.example.com:8883: Connection refused", remedy)
    status = gateway_status(
        bike_status(1, race_id=59_807_781),
        bike_status(
            2,
            race_id=59_807_781,
            sample=replace(rider, cadence_rpm=80.0, resistance_percent=50.0, power_w=140),
        ),
        cloud=offline(str(refused), for_s=720.0),
        # Two messages a second for 12 min, committed every second to a file of at most 512 MiB.
        buffer=buffer_status(
            depth=1_440, on_disk=1_438, used_bytes=446_464, free_bytes=512 * 1024**2 - 446_464
        ),
        produced=21_600,
        accepted=20_160,
        produced_per_s=2.0,
        accepted_per_s=0.0,
    )
    text = "\n".join(lines(status))
    assert f"$ alleycat-gateway status\n{text}\n" in OPERATION.read_text(encoding="utf-8")


def test_four_bikes_fit_on_the_terminal_however_much_is_amiss() -> None:
    four = [lost_bike(number, LONG) for number in range(1, 5)]
    status = gateway_status(*four, cloud=offline("connection refused: nothing listens there"))
    assert len(lines(status)) <= 24


def hundred(away: int) -> GatewayStatus:
    bikes = [
        lost_bike(n, LONG) if n > 100 - away else bike_status(n, racer_name=f"A long name {n}")
        for n in range(1, 101)
    ]
    roomy = buffer_status(free_bytes=2**40)
    return gateway_status(*bikes, cloud=CloudStatus("connected", 2, 2, 1.0, 99.0), buffer=roomy)


@pytest.mark.parametrize(
    ("away", "summary", "first", "last"),
    [
        (0, "100 bikes: 100 connected, 0 away", "bike-001", "… and 94 more"),
        (3, "100 bikes: 97 connected, 3 away", "bike-098", "… and 94 more"),
        (50, "100 bikes: 50 connected, 50 away", "bike-051", "… and 94 more, 44 of them away"),
    ],
)
def test_bikes_that_are_away_come_first_of_a_hundred(
    away: int, summary: str, first: str, last: str
) -> None:
    found = lines(hundred(away))
    assert summary in found
    table = found[found.index(summary) + 2 :]
    assert table[0].startswith(first)
    assert table[-1] == last
    assert len(table) == 7


def test_up_to_eight_bikes_are_all_shown() -> None:
    found = lines(gateway_status(*(bike_status(number) for number in range(1, 9))))
    assert found[-1].startswith("bike-008")
    assert "more" not in "".join(found)


def test_a_hundred_bikes_fit_when_their_reasons_are_short() -> None:
    bikes = [lost_bike(number) for number in range(1, 101)]
    assert len(lines(gateway_status(*bikes, cloud=offline()))) <= 24


def test_status_view_shows_only_the_first_of_many_concerns() -> None:
    found = lines(hundred(50))
    assert found[1] == "50 things need attention:"
    assert "  … and 46 more; --json lists all" in found


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    wide = bike_status(bike_id="b" * 128, racer_name="Ø" * 64)
    status = gateway_status(wide, lost_bike(2, LONG), cloud=offline("x" * 300))
    assert max(map(len, lines(status, width))) <= width


def test_status_view_pads_no_concern_to_the_width_of_a_pipe() -> None:
    status = gateway_status(notes=("a note",))
    assert "  a note" in shown(status, width=200).splitlines()


def test_remedy_that_several_bikes_share_is_printed_once() -> None:
    remedy = "if this lasts, see what `sudo alleycat-gateway scan` finds"
    found = shown(gateway_status(lost_bike(1), lost_bike(2)), width=200).splitlines()
    assert found[2:4] == [
        "  bike-001 lost for 3 min: the bike stopped sending",
        f"  bike-002 lost for 3 min: the bike stopped sending; {remedy}",
    ]


def test_single_concern_is_worded_in_the_singular() -> None:
    assert lines(gateway_status(notes=("a note",)))[1:3] == ["1 thing needs attention:", "  a note"]


def test_status_view_leaves_out_what_is_not_known() -> None:
    status = gateway_status(
        bike_status(sample=None, race_id=None, second=None, state=LinkState.CONNECTING),
        pi=PiHealth(),
        buffer=buffer_status(free_bytes=None, used_bytes=0),
    )
    found = lines(status)
    assert "buffer    0 messages waiting, 0 on disk" in found
    assert "computer  clock set" in found
    assert found[-1] == "bike-001  Rider1  connecting 60 min"


def test_status_view_shows_offline_connections_and_an_unset_clock() -> None:
    status = gateway_status(clock_is_set=False, cloud=CloudStatus("refused", 3, 2, 1.0, 60.0))
    found = lines(status)
    assert "cloud     2 of 3 connections up, 1 offline for 60 s" in found
    assert "computer  clock not set, 61 °C" in found


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (ClockSource.TIME_SERVER, "clock set, 61 °C"),
        (ClockSource.HARDWARE, "clock set by its hardware, not by a time server, 61 °C"),
        (ClockSource.CONFIG, "clock trusted by the config, not set by a time server, 61 °C"),
        pytest.param(None, "clock set, 61 °C", id="of an earlier version"),
    ],
)
def test_status_view_shows_what_set_the_clock(source: ClockSource | None, text: str) -> None:
    assert f"computer  {text}" in lines(gateway_status(clock_source=source))


@pytest.mark.parametrize(
    ("source", "shown_as"),
    [
        (ResistanceSource.CALIBRATED, "87   54  163"),
        (ResistanceSource.DEVICE, "87   54  163"),
        (ResistanceSource.UNCALIBRATED, "87  ?54  163"),
        (ResistanceSource.DERIVED, "87  ≈54  163"),
        (ResistanceSource.NONE, "87       163"),
    ],
)
def test_resistance_in_the_status_view_shows_its_source(
    source: ResistanceSource, shown_as: str
) -> None:
    sample = Sample(True, 87.2, 54.0, 163.0, resistance_source=source)
    derived = bike_status(
        2, sample=Sample(True, 87.2, 54.0, 163.0, resistance_source=ResistanceSource.DERIVED)
    )
    assert lines(gateway_status(bike_status(sample=sample), derived))[-2].endswith(shown_as)


def place(rank: int | None, gap: float | None, age_s: float = 0.6) -> Place:
    output = None if rank is None else 161.7725
    return Place(rank, 60, output, gap, leader_id=9, leader_output=182.25, age_s=age_s)


def test_status_view_shows_ranks_and_gaps_as_the_documentation_does() -> None:
    rider = bike_status().sample
    assert rider is not None
    leader = replace(rider, cadence_rpm=96.0, resistance_percent=61.0, power_w=218)
    bikes = [
        bike_status(1, race_id=59_807_781, place=place(12, 0.3037)),
        bike_status(2, race_id=59_807_781, place=place(1, None), sample=leader),
        bike_status(3, race_id=59_807_781, place=place(None, None)),
    ]
    found = lines(gateway_status(*bikes))
    table = [
        "bike      racer   state          race  second  rpm   %    W   rank   gap",
        "bike-001  Rider1  connected  59807781     103   87  54  163  12/60  0.30",
        "bike-002  Rider2  connected  59807781     103   96  61  218   1/60",
        "bike-003  Rider3  connected  59807781     103   87  54  163",
    ]
    assert found[-4:] == table
    assert "\n".join(table[:3]) in OPERATION.read_text(encoding="utf-8")


def test_ranks_of_a_thousand_fit_on_the_terminal_next_to_long_names() -> None:
    big = Place(999, 1000, 22.75, 123.4567, leader_id=9, leader_output=182.25, age_s=0.6)
    bike = bike_status(bike_id="b" * 14, racer_name="Maximilian", race_id=59807781, place=big)
    found = lines(gateway_status(bike))
    assert found[-1] == (
        "bbbbbbb…  Maximil…  connected  59807781     103   87  54  163  999/1000  123.46"
    )


RED, YELLOW, GREEN = "\x1b[1;31m", "\x1b[33m", "\x1b[32m"


def test_colours_tell_well_warning_and_urgent_apart() -> None:
    assert RED not in shown(gateway_status(), colours=True)
    assert YELLOW not in shown(gateway_status(), colours=True)
    assert f"{GREEN}all well" in shown(gateway_status(), colours=True)
    assert f"{YELLOW}cloud offline" in shown(gateway_status(cloud=offline()), colours=True)
    full = shown(gateway_status(buffer=buffer_status(problem="full")), colours=True)
    assert f"{RED}disk: full" in full
    old = gateway_status(bike_status(place=place(12, 0.3, age_s=5.1)))
    assert f"{YELLOW}12/60" in shown(old, colours=True)
    fresh = gateway_status(bike_status(place=place(12, 0.3, age_s=5.0)))
    assert YELLOW not in shown(fresh, colours=True)
    stale = Sample(True, 0.0, 54.0, None, cadence=FieldState.STALE)
    assert f"{YELLOW}  0" in shown(gateway_status(bike_status(sample=stale)), colours=True)


def test_control_codes_of_a_bike_never_reach_the_terminal() -> None:
    rude = lost_bike(1, "\x1b[2J\x07[red]gone[/red]\r\nall well")
    text = shown(gateway_status(rude))
    assert "\x1b" not in text
    assert "[2J [red]gone[/red] all well" in text


def test_view_names_the_racer_who_rides_from_the_next_race_on() -> None:
    lines = shown(gateway_status(bike_status(next_racer_name="Jo")))
    assert "bike-001: Jo rides from the next race on" in lines


def test_view_marks_a_fake_bike_that_is_connected() -> None:
    shown_bikes = lines(gateway_status(bike_status(1), bike_status(2, is_simulated=True)))[-2:]
    assert ["simulated" in one for one in shown_bikes] == [False, True]
    assert "connected" in shown_bikes[0]


def test_view_of_a_gateway_that_is_not_set_up_has_no_cloud_and_no_bikes() -> None:
    status = replace(gateway_status(is_set_up=False, cloud=offline()), bikes=())
    assert status.hours_left is None
    text = " ".join(shown(status).split())
    assert text.endswith("run `sudo alleycat-gateway setup`")
    assert "offline" not in text


def test_view_counts_the_values_of_a_bike_that_cannot_be_true() -> None:
    refused = (RefusedValues("heart_rate_bpm", 1, 300.0), RefusedValues("power_w", 1_003, 16_499.0))
    text = " ".join(shown(gateway_status(bike_status(refused=refused))).split())
    assert text.endswith(
        "bike-001: implausible values, left out: 1 × heart rate, the last one 300 bpm; "
        "1,003 × power, the last one 16,499 W"
    )
    assert "all well" in text, "a few absurd frames need no attention"


def test_view_gives_the_reason_why_a_reported_resistance_is_not_used() -> None:
    doubt = "the reported resistance is always 0, although the power shows that there is resistance"
    text = " ".join(shown(gateway_status(bike_status(resistance_doubt=doubt))).split())
    assert text.endswith(f"bike-001: {doubt}; races use one derived from power and cadence instead")


def heard(number: int, rssi_dbm: int, age_s: float = 3.0) -> BikeStatus:
    return bike_status(number, radio=RadioStatus("hci0", rssi_dbm, age_s))


def test_status_view_lists_the_signals_weakest_first() -> None:
    bikes = [heard(1, -61), heard(2, -83, age_s=720), bike_status(3)]
    assert "radio     bike-002 -83 dBm (hci0) 12 min ago, bike-001 -61 dBm (hci0)" in lines(
        gateway_status(*bikes)
    )


def test_status_view_limits_the_signals_to_the_weakest() -> None:
    bikes = [heard(number, -60 - number) for number in range(1, 9)]
    text = " ".join(shown(gateway_status(*bikes)).split())
    assert "radio bike-008 -68 dBm (hci0), bike-007 -67 dBm (hci0)" in text
    assert "bike-005 -65 dBm (hci0), and 4 with a stronger signal" in text


def test_status_view_without_a_signal_has_no_line_for_the_radio() -> None:
    bikes = [bike_status(1), bike_status(2, radio=RadioStatus("hci0"))]
    assert not any(line.startswith("radio") for line in lines(gateway_status(*bikes)))


def test_status_view_names_the_bikes_that_were_lost_in_the_last_hour() -> None:
    bikes = [bike_status(1, losses_per_hour=1), bike_status(2), bike_status(3, losses_per_hour=4)]
    assert lines(gateway_status(*bikes))[-2:] == [
        "bike-001 was lost 1 time in the last hour",
        "bike-003 was lost 4 times in the last hour",
    ]


@pytest.mark.parametrize("width", [40, 60, 80])
def test_status_view_of_bikes_with_a_radio_is_no_wider_than_the_terminal(width: int) -> None:
    wide = [
        bike_status(
            number,
            bike_id="b" * 40 + str(number),
            radio=RadioStatus("hci10", -100, 7200),
            losses_per_hour=3600,
        )
        for number in range(1, 9)
    ]
    assert max(map(len, lines(gateway_status(*wide), width))) <= width


def test_status_view_shows_a_certificate_in_its_last_month() -> None:
    begin, end = (datetime(year, 6, 1, tzinfo=UTC) for year in (2029, 2030))

    def view(days_left: float) -> str:
        own = CertificateStatus("certificate_file", begin, end, days_left)
        return shown(gateway_status(cloud=replace(gateway_status().cloud, certificates=(own,))))

    assert "certificate_file expires in 29 days, on 2030-06-01" in view(29.9)
    assert "all well" in view(29.9)
    assert "certificate" not in view(30.0)


@pytest.mark.parametrize("not_joined", ["", "the race has not begun"])
def test_race_that_has_not_begun_is_shown_with_its_time_and_without_a_second(
    not_joined: str,
) -> None:
    bike = bike_status(second=1, starts_in_s=134.0, not_joined=not_joined)
    text = lines(gateway_status(bike))
    assert text[-1] == "bike-001: race 59807781 begins in 2 min"
    race = [] if not_joined else ["59807781"]
    assert text[-2].split() == ["bike-001", "Rider1", "connected", *race, "87", "54", "163"]


def test_chosen_rider_is_shown_with_the_bikes_own() -> None:
    bike = bike_status(is_rider_chosen=True, own_rider=RiderStatus(7, "Hayden", (1,)))
    assert lines(gateway_status(bike))[-1] == "bike-001: a rider was chosen in place of Hayden"
