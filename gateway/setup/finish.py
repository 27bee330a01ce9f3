"""The end of `setup`: the connection is tested, the service started, and the rest is named."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from drivers.registry import load_drivers
from gateway.config.command_line import command_line, is_service_config
from gateway.config.schema import load_config
from gateway.doctor.endpoint import check_endpoint
from gateway.doctor.service import running_service
from gateway.doctor.view import show_findings
from gateway.setup import service_control
from gateway.setup.answers import Answers, Current, replaced_fake_bike
from gateway.setup.questions import agrees


def restart_verb(answers: Answers, current: Current) -> str:
    """Return the verb of systemctl: a reload applies bikes and racers, a cloud needs a restart.

    A restart also discards the seconds of a fake bike that was replaced.
    """
    only_a_bike = answers.thing_name is None and not answers.cloud and answers.state_dir is None
    may_reload = only_a_bike and not current.is_new
    may_reload = may_reload and replaced_fake_bike(answers, current) is None
    return "reload-or-restart" if may_reload else "restart"


def try_connection(console: Console, file: Path) -> None:
    """Connect to the cloud of the config, publish a test message, and print the findings.

    Does nothing if a gateway of this name is running: it would be disconnected.
    """
    config = load_config(file, load_drivers())
    if config.cloud.plaintext or running_service(config.state_dir, config.thing_name) is not None:
        return
    where = f"{config.cloud.endpoint}:{config.cloud.port}"
    console.print(f"Testing the connection to {where} …", highlight=False)
    show_findings(console, asyncio.run(check_endpoint(config, publish=True)))


def start_service(console: Console, verb: str) -> bool:
    """Let the service use the config, and print its status; return whether it is running."""
    problem = service_control.apply(verb)
    if problem is not None:
        console.print(
            f"systemctl {verb} alleycat-gateway failed: {problem}; read the log: "
            "sudo journalctl -u alleycat-gateway -e",
            markup=False,
            highlight=False,
        )
        return False
    console.print(service_control.wait_until_well(), markup=False, highlight=False)
    return True


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
