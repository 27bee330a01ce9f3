"""The clock's finding."""

from gateway.doctor.clock import check_clock
from gateway.terminal.finding import State


def test_a_clock_that_is_set_says_by_whom() -> None:
    finding = check_clock("by systemd-timesyncd, from a time server", "2026-11-21 16:07")
    assert finding.state is State.OK
    assert finding.what == "2026-11-21 16:07, set by systemd-timesyncd, from a time server"


def test_one_that_nobody_has_set_says_what_that_means_and_what_to_do() -> None:
    finding = check_clock(None, "1970-01-01 00:00")
    assert finding.state is State.FAILED
    assert "it says 1970-01-01 00:00" in finding.what
    assert "timedatectl" in finding.remedy
