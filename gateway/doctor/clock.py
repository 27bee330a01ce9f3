"""The check that the clock is set."""

from gateway.terminal.finding import Finding, failed, ok

NAME = "clock"


def check_clock(source: str | None, local_time: str) -> Finding:
    """Report what set the clock. `source`: the result of `clock_sync.clock_source`."""
    if source is None:
        return failed(
            NAME,
            f"no time server has set the clock, which shows {local_time}: until then, seconds are "
            "kept without a race",
            "run `sudo timedatectl set-ntp true`, and check that the network lets NTP (UDP port "
            "123) pass; `timedatectl` shows the state",
        )
    return ok(NAME, f"{local_time}, set {source}")
