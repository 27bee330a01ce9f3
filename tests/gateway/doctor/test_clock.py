"""The clock's finding: what set it, and what to do if nothing did."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.doctor.clock import check_clock, running_processes, time_server_remedy
from gateway.terminal.finding import Finding, State
from gateway.timing.clock_sync import ClockSource

NOW = datetime(2026, 11, 21, 16, 7, tzinfo=UTC)
EARLIEST = datetime(2026, 5, 1, tzinfo=UTC)


def checked(source: ClockSource | None, now: datetime = NOW, *, is_local: bool = False) -> Finding:
    return check_clock(source, now, EARLIEST, "ask a server", is_local=is_local)


def test_clock_set_by_a_time_server_is_well() -> None:
    finding = checked(ClockSource.TIME_SERVER)
    assert (finding.state, finding.what) == (State.OK, "2026-11-21 16:07, set by a time server")


def test_clock_trusted_by_the_config_is_well_and_reported_as_such() -> None:
    finding = checked(ClockSource.CONFIG)
    assert finding.state is State.OK
    assert finding.what == (
        '2026-11-21 16:07, trusted because clock.trust is "always"; no time server is known to '
        "have set it"
    )


def test_clock_without_a_time_server_is_a_warning_if_it_is_compared_with_others() -> None:
    finding = checked(ClockSource.HARDWARE)
    assert finding.state is State.WARNING
    assert "hardware clock; no time server is known to have set it" in finding.what
    assert finding.remedy.startswith("ask a server; ")
    assert 'trust = "always"' in finding.remedy
    assert checked(ClockSource.HARDWARE, is_local=True).state is State.OK


def test_unset_clock_is_a_failure_with_its_remedy() -> None:
    finding = checked(None)
    assert finding.state is State.FAILED
    assert "the clock (2026-11-21 16:07) is not set" in finding.what
    assert finding.remedy.startswith("ask a server; ")
    assert 'trust = "always"' in finding.remedy


def test_impossible_time_is_a_failure_that_trust_cannot_mend() -> None:
    finding = checked(None, datetime(2026, 4, 30, 23, 59, tzinfo=UTC))
    assert finding.state is State.FAILED
    assert "is wrong: it is earlier than 2026-05-01 00:00 UTC" in finding.what
    assert finding.remedy == "ask a server"


@pytest.mark.parametrize(
    ("processes", "remedy"),
    [
        ({"bash", "chronyd"}, "chronyd runs, but has not reached a time server: "),
        ({"systemd-timesyn"}, "systemd-timesyncd runs, but has not reached a time server: "),
        ({"ntpd"}, "ntpd runs, but has not reached a time server: "),
        ({"bash"}, "no running time daemon was found: start one with `sudo timedatectl set-ntp"),
    ],
)
def test_remedy_of_the_clock_never_starts_what_runs(processes: set[str], remedy: str) -> None:
    found = time_server_remedy(16_000_000, processes)
    assert found.startswith(remedy)
    assert ("set-ntp true" in found) == (processes == {"bash"})


def test_remedy_of_the_clock_names_a_sandbox_that_hides_it() -> None:
    assert "forbids adjtimex(2)" in time_server_remedy(None, {"chronyd"})


def test_running_processes_are_named_as_the_kernel_names_them() -> None:
    own = Path("/proc/self/comm").read_text().strip()
    assert own in running_processes()
