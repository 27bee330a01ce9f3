"""The clock: is it set, and who has set it?"""

from gateway.terminal.finding import Finding, failed, ok

NAME = "clock"


def check_clock(source: str | None, local_time: str) -> Finding:
    """`source` as `clock_sync.clock_source` says it."""
    if source is None:
        return failed(
            NAME,
            f"it says {local_time}, but no time server has set it: seconds are kept without a "
            "race until one has",
            "`timedatectl` says more: is the network there, and does it let NTP (UDP port 123) "
            "pass? sudo timedatectl set-ntp true",
        )
    return ok(NAME, f"{local_time}, set {source}")
