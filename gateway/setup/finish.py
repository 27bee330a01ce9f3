"""The end of `setup`: the connection is tested, the service started, and the rest is named."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from drivers.registry import load_drivers
from gateway.bike.calibration_choice import calibration_in_use, device_of
from gateway.config.command_line import command_line, is_service_config
from gateway.config.schema import load_config
from gateway.doctor.endpoint import check_endpoint
from gateway.doctor.service import is_connected
from gateway.doctor.view import show_findings
from gateway.sampling.calibration_store import CalibrationStore
from gateway.setup import service_control, service_ports
from gateway.setup.answers import Answers, Current, replaced_fake_bike
from gateway.setup.questions import agrees
from gateway.status.view import status_view
from gateway.terminal.finding import State
from gateway.terminal.words import print_words

_LOG = "read the log: sudo journalctl -u alleycat-gateway -e"


def restart_verb(answers: Answers, current: Current) -> str:
    """Return the verb of systemctl: a reload applies bikes and racers, a cloud needs a restart.

    A restart also discards the seconds of a fake bike that was replaced.
    """
    only_a_bike = answers.thing_name is None and not answers.cloud and answers.state_dir is None
    may_reload = only_a_bike and not current.is_new
    may_reload = may_reload and replaced_fake_bike(answers, current) is None
    return "reload-or-restart" if may_reload else "restart"


def try_connection(console: Console, file: Path, *, is_given: bool) -> bool:
    """Connect to the cloud of the config, publish a test message, and print the findings.

    Return whether all is well. A gateway that is connected under this name would be disconnected,
    so the connection is then not tested. `is_given`: the user has just named the cloud; if not, a
    broker without TLS is that of a gateway without a cloud.
    """
    config = load_config(file, load_drivers())
    if config.cloud.plaintext and not is_given:
        return True
    where = f"{config.cloud.endpoint}:{config.cloud.port}"
    if is_connected(config.state_dir, config.thing_name, config.cloud.endpoint):
        print_words(
            console,
            f"The connection to {where} is not tested: the running gateway is connected as "
            f"{config.thing_name}, and a test would disconnect it.",
        )
        return True
    print_words(console, f"Testing the connection to {where} …")
    findings = asyncio.run(check_endpoint(config, publish=True))
    show_findings(console, findings)
    return not any(one.state is State.FAILED for one in findings)


def allow_ports(console: Console, file: Path) -> bool:
    """Let the service use the serial ports of the config; return whether it needs a restart."""
    if not is_service_config(file) or not service_control.can_control():
        return False
    ports = service_ports.other_ports(load_config(file, load_drivers()).bikes)
    try:
        if not service_ports.allow_ports(ports, service_ports.DROP_IN):
            return False
    except OSError as error:
        print_words(console, f"cannot write {service_ports.DROP_IN}: {error.strerror}")
        return False
    service_control.reload_units()
    what = (
        f"The service may now use {', '.join(ports)}: see {service_ports.DROP_IN}"
        if ports
        else f"The service may now use only USB adapters; {service_ports.DROP_IN} was removed"
    )
    print_words(console, what)
    return True


def start_service(console: Console, verb: str) -> bool:
    """Let the service use the config, and print its status; return whether it is running."""
    print_words(console, "Starting the service …")
    problem = service_control.apply(verb)
    if problem is not None:
        what = f"systemctl {verb} alleycat-gateway failed: {problem}; {_LOG}"
        print_words(console, what)
        return False
    status = service_control.first_status()
    if status is None:
        print_words(console, f"The service was started, but does not answer; {_LOG}")
        return False
    console.print(status_view(status), highlight=False)
    return True


def bike_to_calibrate(file: Path, answers: Answers, current: Current) -> str | None:
    """Return the id of the bike that was set up; None if it is fake, or calibrated already.

    Another physical bike needs a calibration of its own.
    """
    drivers = load_drivers()
    config = load_config(file, drivers)
    bike_id = answers.bike_id or current.default_id
    bike = next((one for one in config.bikes if one.id == bike_id), None)
    if bike is None or bike.driver == "fake":
        return None
    if answers.machine is not None:
        return bike_id
    store = CalibrationStore(config.state_dir)
    used = calibration_in_use(bike, device_of(bike, drivers[bike.driver]), store)
    return bike_id if used.calibration.table is None else None


def show_race(console: Console, bike_id: str | None, run: Callable[..., None]) -> None:
    """Offer to calibrate the bike, if any, then show the race. `run` runs a command of the CLI."""
    if bike_id is not None and agrees(f"Calibrate the resistance of {bike_id} now?"):
        run("calibrate", bike_id)
    console.print("Now the race. Ctrl-C ends this view; the service keeps running.")
    run("status", "--watch")


def next_steps(file: Path, verb: str, *, is_started: bool, bike_id: str | None) -> list[str]:
    """Return the commands to run next. `bike_id`: the bike that should be calibrated, if any."""
    calibrate = [command_line(f"calibrate {bike_id}", file)] if bike_id else []
    if is_started:
        return [*calibrate, "alleycat-gateway status --watch"]
    if is_service_config(file):
        start = f"sudo systemctl {verb} alleycat-gateway"
        return [command_line("check", file), start, *calibrate, "alleycat-gateway status"]
    verbs = [command_line(words, file) for words in ("check", "run", "status")]
    return [*verbs[:2], *calibrate, verbs[2]]
