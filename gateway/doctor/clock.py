"""The check that the clock is set."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from gateway.terminal.finding import Finding, failed, ok, warning
from gateway.timing.clock_sync import ClockSource

NAME = "clock"
#: Time daemons by the name of their process, of which the kernel keeps 15 characters, with the
#: command that shows why they do not reach a time server.
_DAEMONS = {
    "systemd-timesyn": ("systemd-timesyncd", "timedatectl timesync-status"),
    "chronyd": ("chronyd", "chronyc sources"),
    "ntpd": ("ntpd", "ntpq -p"),
}
_TRUST = (
    'if the clock is right without a time server (a battery, htpdate, GPS), set trust = "always" '
    "in the section [clock] of the config"
)


def check_clock(
    source: ClockSource | None, now: datetime, earliest: datetime, remedy: str, *, is_local: bool
) -> Finding:
    """Report what set the clock. `now` is local time.

    `earliest` is a time that is certainly past. `remedy`: how a time server can set the clock.
    `is_local`: the broker is on this computer, so that no other clock matters.
    """
    time = f"{now:%Y-%m-%d %H:%M}"
    unknown = "no time server is known to have set it"
    if source is ClockSource.TIME_SERVER:
        return ok(NAME, f"{time}, set by a time server")
    if source is ClockSource.CONFIG:
        return ok(NAME, f'{time}, trusted because clock.trust is "always"; {unknown}')
    if source is ClockSource.HARDWARE:
        what = f"{time}, from this computer's hardware clock; {unknown}"
        return ok(NAME, what) if is_local else warning(NAME, what, f"{remedy}; {_TRUST}")
    kept = "until it is set, the gateway does not know which race is on, and keeps seconds without"
    if now < earliest:
        past = f"{earliest:%Y-%m-%d %H:%M} UTC, when the gateway or its certificate was made"
        what = f"the clock ({time}) is wrong: it is earlier than {past}; {kept} a race"
        return failed(NAME, what, remedy)
    what = f"the clock ({time}) is not set: {unknown}; {kept} a race"
    return failed(NAME, what, f"{remedy}; {_TRUST}")


def time_server_remedy(error_us: int | None, processes: Collection[str]) -> str:
    """Return how a time server can set the clock, given what runs already.

    `error_us`: the kernel's maximum error; None if it may not be asked. `processes`: the names of
    all processes.
    """
    if error_us is None:
        return (
            "a container or a sandbox forbids adjtimex(2), which shows whether a time server has "
            "set the clock: allow this call"
        )
    for process, (daemon, command) in _DAEMONS.items():
        if process in processes:
            return (
                f"{daemon} runs, but has not reached a time server: check that the network lets "
                f"NTP (UDP port 123) pass; `{command}` shows the state"
            )
    return (
        "no running time daemon was found: start one with `sudo timedatectl set-ntp true`; if that "
        "is not supported, `sudo apt install systemd-timesyncd` first"
    )


def running_processes(proc: Path = Path("/proc")) -> set[str]:
    """Return the names of the running processes, as far as this user may see them."""
    return {name for file in proc.glob("[0-9]*/comm") if (name := _name(file))}


def _name(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # it has ended
        return ""
