"""All checks, in the order in which a race depends on them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import packages_distributions
from pathlib import Path

from drivers.registry import DriverStatus
from gateway.config.clock_trust import clock_trust
from gateway.config.cloud import is_this_machine
from gateway.config.command_line import command_line, is_service_config, root_command_line
from gateway.config.first import is_set_up
from gateway.config.schema import Config
from gateway.doctor.ant_stick import check_ant_stick
from gateway.doctor.bluetooth import check_bluetooth
from gateway.doctor.calibration import check_calibrations
from gateway.doctor.certificates import check_certificates
from gateway.doctor.clock import check_clock, running_processes, time_server_remedy
from gateway.doctor.config import NAME as CONFIG
from gateway.doctor.config import check_config
from gateway.doctor.disk import check_disk
from gateway.doctor.endpoint import check_endpoint
from gateway.doctor.serial_ports import check_serial_ports
from gateway.doctor.service import running_service
from gateway.doctor.versions import check_packages, versions
from gateway.host.device_policy import DevicePolicy, service_policy
from gateway.sampling.calibration_store import CalibrationStore
from gateway.terminal.finding import Finding, State, failed
from gateway.timing.clock_sync import ClockSource, ClockTrust, clock_source, max_error_us

SETUP = "setup"
NOT_SET_UP = "this gateway is not set up yet: it reads no bike and sends nothing"
#: A command at the end of a remedy that needs the config file as an option.
_COMMAND = re.compile(
    r"(as root: )?(?:sudo )?alleycat-gateway (check|setup|calibrate \S+|buffer \w+)$"
)


@dataclass(frozen=True, slots=True)
class Report:
    """The findings of all checks, and the versions of the software by name."""

    findings: list[Finding]
    versions: dict[str, str]

    @property
    def is_well(self) -> bool:
        """Whether the gateway can race. Warnings do not prevent that."""
        return not any(one.state is State.FAILED for one in self.findings)

    @property
    def config_is_well(self) -> bool:
        return not any(one.name == CONFIG and one.state is State.FAILED for one in self.findings)


async def check_all(
    file: Path, drivers: Mapping[str, DriverStatus], *, publish: bool = False
) -> Report:
    """Run all checks, which change nothing. `publish` also sends a message that no rule selects.

    If a gateway runs, no message is sent.
    """
    config, findings = check_config(file, drivers)
    findings += check_packages(packages_distributions())
    now = datetime.now(UTC)
    source, finding = _clock(config, now)
    findings.append(finding)
    if config is not None:
        findings += check_disk(config)
    if config is not None and not is_set_up(config):
        findings.append(failed(SETUP, NOT_SET_UP, "run: sudo alleycat-gateway setup"))
    elif config is not None:
        findings += check_certificates(config.cloud, now, clock_is_set=source is not None)
        findings += await check_bluetooth(config.bikes)
        is_well = Report(findings, {}).config_is_well
        findings += await _live(config, file, drivers, is_well=is_well, publish=publish)
    return Report([_with_file(one, file) for one in findings], versions())


def _clock(config: Config | None, now: datetime) -> tuple[ClockSource | None, Finding]:
    """Judge the clock as the gateway of this config does, or as one with a minimal config."""
    trust = ClockTrust() if config is None else clock_trust(config)
    source = clock_source(trust)
    earliest = datetime.fromtimestamp(trust.earliest_ms() / 1000, UTC)
    is_local = config is None or is_this_machine(config.cloud.endpoint)
    remedy = time_server_remedy(max_error_us(), running_processes())
    return source, check_clock(source, now.astimezone(), earliest, remedy, is_local=is_local)


def _policy_for(file: Path) -> DevicePolicy:
    """Return the policy under which a gateway with this config runs."""
    return service_policy() if is_service_config(file) else DevicePolicy()


def _with_file(finding: Finding, file: Path) -> Finding:
    """Return the finding with a command in its remedy as it must be called for the checked file."""

    def completed(found: re.Match[str]) -> str:
        as_root, words = found.groups(default="")
        return as_root + (root_command_line if as_root else command_line)(words, file)

    return replace(finding, remedy=_COMMAND.sub(completed, finding.remedy))


async def _live(
    config: Config,
    file: Path,
    drivers: Mapping[str, DriverStatus],
    *,
    is_well: bool,
    publish: bool,
) -> list[Finding]:
    """Ask the running gateway; only if there is none, examine bikes and endpoint without it."""
    command = partial(command_line, file=file)
    service = running_service(config.state_dir, config.thing_name, command)
    if service is not None:
        return service
    if not is_well:
        return []
    return [
        *check_calibrations(config.bikes, drivers, CalibrationStore(config.state_dir)),
        *await check_serial_ports(config.bikes, _policy_for(file)),
        *await check_ant_stick(config.bikes),
        *await check_endpoint(config, publish=publish),
    ]
