"""The check that the daemon can use the config file."""

import grp
import os
import pwd
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from drivers.registry import DriverStatus
from gateway.config.command_line import command_line, root_command_line
from gateway.config.problems import ConfigError, Problem
from gateway.config.schema import Config, load_config, read_config
from gateway.config.warnings import warnings_of
from gateway.terminal.finding import Finding, failed, ok, warning

NAME = "config"
#: The keys that `setup` asks for. It refuses a config in which another key is wrong.
_ASKED = frozenset(
    {
        "thing_name",
        "endpoint",
        "ca_file",
        "certificate_file",
        "private_key_file",
        "racer_name",
        "racer_id",
        "class_id",
    }
)


def check_config(
    file: Path, drivers: Mapping[str, DriverStatus]
) -> tuple[Config | None, list[Finding]]:
    """Return the config, None if it is unreadable, and a finding for each problem."""
    try:
        config = load_config(file, drivers)
    except ConfigError as error:
        return _readable(file), _findings(file, error.problems)
    bikes = ", ".join(f"{bike.id} ({bike.driver})" for bike in config.bikes)
    return config, [
        ok(NAME, f"{file}: {config.thing_name} → {config.cloud.endpoint}; bikes: {bikes}"),
        *(warning(NAME, f"{one.key}: {one.what}", one.remedy) for one in warnings_of(config)),
        *_broken_drivers(config, drivers),
    ]


def _readable(file: Path) -> Config | None:
    try:
        return read_config(file)
    except ConfigError:
        return None


def _findings(file: Path, problems: Sequence[Problem]) -> list[Finding]:
    config = _readable(file)
    setup_helps = all(
        one.key.rpartition(".")[2] in _ASKED
        and not one.variable
        and not one.what.startswith("unknown key")
        for one in problems
    )
    remedy = f"correct this key in {file}"
    if setup_helps:
        remedy += f", or run: {command_line('setup', file)}"
    return [_finding(file, one, _access(one, config, file) or remedy) for one in problems]


def _names() -> tuple[str, str]:
    """Return the user and the group of this process: names, or the numbers of nameless ones."""
    user, group = str(os.geteuid()), str(os.getegid())
    with suppress(KeyError):
        user = pwd.getpwuid(os.geteuid()).pw_name
    with suppress(KeyError):
        group = grp.getgrgid(os.getegid()).gr_name
    return user, group


def _access(problem: Problem, config: Config | None, file: Path) -> str | None:
    """Return the command that lets this user read a PEM file; None if that is not the problem."""
    section, _, key = problem.key.partition(".")
    if config is None or section != "cloud" or "Permission denied" not in problem.what:
        return None
    pem: Path = getattr(config.cloud, key)
    user, group = _names()
    closed = next((one for one in reversed(pem.parents) if not _may_enter(one)), None)
    if closed is None:
        return f"sudo chgrp {group} {pem} && sudo chmod 640 {pem}"
    copy = file.absolute().parent / pem.name
    return (
        f"the user {user} cannot enter {closed}: sudo install -m 640 -g {group} {pem} {copy}; "
        f"then set {problem.key} to {copy}"
    )


def _may_enter(directory: Path) -> bool:
    return os.access(directory, os.X_OK, effective_ids=True)


def _finding(file: Path, problem: Problem, remedy: str) -> Finding:
    """Return the finding of a problem; `remedy` is for a wrong key in a readable file."""
    what = problem.what
    if problem.variable:
        return failed(NAME, f"{problem.place}: {what}", "correct or unset the variable")
    if problem.key != "file":
        return failed(NAME, f"{problem.key}: {what}", remedy)
    if what.startswith("Permission denied"):
        return failed(
            NAME, f"{file}: {what}", f"run this check as root: {root_command_line('check', file)}"
        )
    if what.startswith("not TOML"):
        remedy = (
            "correct the line named above; or move the file away, and create a new one: "
            f"{command_line('setup', file)}"
        )
        return failed(NAME, f"{file}: {what}", remedy)
    create = f"create the file: {command_line('setup', file)}"
    return failed(NAME, f"{file}: {what}", create)


def _broken_drivers(config: Config, drivers: Mapping[str, DriverStatus]) -> list[Finding]:
    """Return a finding for each broken plugin. Its bikes are lost; the others work."""
    return [
        failed(
            NAME,
            f"driver {name} cannot be loaded: {problem}",
            "reinstall the driver's package in a version that supports this version of "
            "alleycat-gateway",
        )
        for name in sorted({bike.driver for bike in config.bikes})
        if (problem := drivers[name].problem) is not None
    ]
