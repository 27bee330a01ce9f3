"""The check that the daemon would start with the config file."""

from collections.abc import Mapping
from pathlib import Path

from drivers.registry import DriverStatus
from gateway.config.problems import ConfigError
from gateway.config.schema import Config, load_config, read_config
from gateway.terminal.finding import Finding, failed, ok, warning

NAME = "config"
_REMEDY = "edit {file}, or run: sudo alleycat-gateway setup"


def check_config(
    file: Path, drivers: Mapping[str, DriverStatus]
) -> tuple[Config | None, list[Finding]]:
    """Return the config, None if it is unreadable, and a finding for each problem."""
    try:
        config = load_config(file, drivers)
    except ConfigError as error:
        return _readable(file), [_finding(file, one.key, one.what) for one in error.problems]
    bikes = ", ".join(f"{bike.id} ({bike.driver})" for bike in config.bikes)
    return config, [
        ok(NAME, f"{file}: {config.thing_name} → {config.cloud.endpoint}; bikes: {bikes}"),
        *(warning(NAME, f"{one.key}: {one.what}", "shorten the name") for one in config.warnings),
        *_broken_drivers(config, drivers),
    ]


def _readable(file: Path) -> Config | None:
    try:
        return read_config(file)
    except ConfigError:
        return None


def _finding(file: Path, key: str, what: str) -> Finding:
    if key != "file":
        return failed(NAME, f"{key}: {what}", _REMEDY.format(file=file))
    if what.startswith("Permission denied"):
        return failed(NAME, f"{file}: {what}", "run it as root: sudo alleycat-gateway check")
    if what.startswith("not TOML"):
        remedy = "correct the file, or move it away and run: sudo alleycat-gateway setup"
        return failed(NAME, f"{file}: {what}", remedy)
    return failed(NAME, f"{file}: {what}", "create the file: sudo alleycat-gateway setup")


def _broken_drivers(config: Config, drivers: Mapping[str, DriverStatus]) -> list[Finding]:
    """Return a finding for each broken plugin. Its bikes are lost; the others work."""
    return [
        failed(
            NAME,
            f"driver {name} cannot be loaded: {problem}",
            "reinstall the driver's package, in a version for this alleycat-gateway",
        )
        for name in sorted({bike.driver for bike in config.bikes})
        if (problem := drivers[name].problem) is not None
    ]
