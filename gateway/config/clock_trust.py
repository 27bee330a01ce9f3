"""What a config and its certificate reveal of the computer's clock."""

from functools import cache, partial
from pathlib import Path

from gateway.config.pem import MAX_BYTES
from gateway.config.schema import Config
from gateway.config.validity import validities
from gateway.host.atomic_file import read_file
from gateway.host.boots import Boots
from gateway.host.state_file import StateFiles
from gateway.timing.clock import this_boot
from gateway.timing.clock_sync import EARLIEST_MS, ClockTrust


def clock_trust(config: Config) -> ClockTrust:
    """Return what a gateway of this config knows of the clock, whether it runs or is checked.

    A clock that is earlier than the gateway's own certificate is wrong, whatever the config states.
    """
    was_set = Boots(StateFiles(config.state_dir)).was_set(this_boot())
    earliest_ms = cache(partial(_earliest_ms, config.cloud.certificate_file))
    return ClockTrust(config.clock.trust == "always", was_set, earliest_ms)


def _earliest_ms(certificate_file: Path | None) -> int:
    """Return the beginning of the certificate's validity, or EARLIEST_MS if that is later."""
    if certificate_file is None:
        return EARLIEST_MS
    try:
        own = validities(read_file(certificate_file, MAX_BYTES))[0]
    except (OSError, ValueError):  # the connection reports it
        return EARLIEST_MS
    return max(EARLIEST_MS, round(own.begin.timestamp() * 1000))
