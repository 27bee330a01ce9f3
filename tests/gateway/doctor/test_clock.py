"""The clock's finding."""

from gateway.doctor.clock import check_clock
from gateway.terminal.finding import State


def test_set_clock_is_reported_with_its_source() -> None:
    finding = check_clock("by systemd-timesyncd, from a time server", "2026-11-21 16:07")
    assert finding.state is State.OK
    assert finding.what == "2026-11-21 16:07, set by systemd-timesyncd, from a time server"


def test_unset_clock_is_a_failure_with_its_remedy() -> None:
    finding = check_clock(None, "1970-01-01 00:00")
    assert finding.state is State.FAILED
    assert "the clock (1970-01-01 00:00) has not been set" in finding.what
    assert "timedatectl" in finding.remedy
