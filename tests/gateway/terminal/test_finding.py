"""A finding has the state of the function that made it."""

from gateway.terminal.finding import failed, ok, warning


def test_finding_has_the_state_that_it_was_made_with() -> None:
    findings = [ok("disk", "is writable"), warning("disk", "is slow", "wait"), failed("disk", "?")]
    assert [finding.state for finding in findings] == ["ok", "warning", "failed"]


def test_finding_needs_no_remedy_unless_it_is_a_warning() -> None:
    assert ok("disk", "is writable").remedy == failed("disk", "is full").remedy == ""
