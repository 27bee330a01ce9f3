"""The check that the clock is set."""

from gateway.terminal.finding import Finding, failed, ok

NAME = "clock"


def check_clock(source: str | None, local_time: str) -> Finding:
    """Report what set the clock. `source`: the result of `clock_sync.clock_source`."""
    if source is None:
        return failed(
            NAME,
            f"the clock ({local_time}) has not been set by a time server; until it is, the gateway "
            "does not know which race is on, and stores seconds without a race",
            "run `sudo timedatectl set-ntp true`, and check that the network lets NTP (UDP port "
            "123) pass; `timedatectl` shows the state",
        )
    return ok(NAME, f"{local_time}, set {source}")
