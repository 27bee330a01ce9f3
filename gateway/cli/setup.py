"""`setup`: which bike, who rides it, and where it goes, into the config."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.cli.options import ConfigOption, ProtocolOption, ScanSecondsOption
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from drivers.discovery import Discoverer
    from gateway.config.editor import Machine
    from gateway.setup.answers import Answers, Current

#: The flag of each answer that a new bike cannot do without.
FLAGS = {
    "bike": "--bike",
    "racer_name": "--racer-name",
    "racer_id": "--racer-id",
    "class_id": "--class-id",
}


BikeOption = Annotated[
    str | None, typer.Option(help="A Bluetooth address, a serial port, or `fake`.")
]
BikeIdOption = Annotated[
    str | None, typer.Option(help="Which bike of the file; a new id adds one.")
]
NameOption = Annotated[str | None, typer.Option(help="Who rides it.")]
RacerOption = Annotated[int | None, typer.Option(help="The racer's id.")]
ClassOption = Annotated[int | None, typer.Option(help="1 … 6")]
EndpointOption = Annotated[
    str | None, typer.Option(help="Of AWS IoT, or your broker; `later`: none yet.")
]
ThingOption = Annotated[str | None, typer.Option(help="This gateway's name in AWS IoT.")]
CaOption = Annotated[Path | None, typer.Option(metavar="PEM", help="Who the broker must be.")]
CertificateOption = Annotated[Path | None, typer.Option(metavar="PEM", help="Who we are.")]
KeyOption = Annotated[Path | None, typer.Option(metavar="PEM", help="The certificate's key.")]
ScanOption = Annotated[bool, typer.Option("--scan/--no-scan", help="Look for bikes.")]


def setup(
    config: ConfigOption = SERVICE_CONFIG,
    bike: BikeOption = None,
    protocol: ProtocolOption = None,
    bike_id: BikeIdOption = None,
    racer_name: NameOption = None,
    racer_id: RacerOption = None,
    class_id: ClassOption = None,
    endpoint: EndpointOption = None,
    thing_name: ThingOption = None,
    ca_file: CaOption = None,
    certificate_file: CertificateOption = None,
    private_key_file: KeyOption = None,
    scan: ScanOption = True,
    seconds: ScanSecondsOption = 20,
) -> None:
    """Say which bike, who rides it and where it goes; writes the config.

    What is given is not asked; without a terminal nothing is. Whatever else the file has stays,
    comments too, and the file before it is kept as .bak.
    """
    from rich.console import Console

    from gateway.setup.answers import Answers

    racer = {"racer_name": racer_name, "racer_id": racer_id, "class_id": class_id}
    cloud: dict[str, object] = {
        "endpoint": endpoint,
        "ca_file": ca_file and str(ca_file),
        "certificate_file": certificate_file and str(certificate_file),
        "private_key_file": private_key_file and str(private_key_file),
    }
    given = Answers(bike_id, _named(bike, protocol), thing_name, _given(racer), _cloud(cloud))
    try:
        text, current = _current(config)
        answers = _asked(Console(), config, current, given, seconds if scan else None)
        _write(config, text, current, answers)
    except (KeyboardInterrupt, typer.Abort):
        fail("\ninterrupted: nothing was changed", INTERRUPTED)


def _given(values: "Mapping[str, object]") -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _cloud(values: "Mapping[str, object]") -> dict[str, object] | None:
    from gateway.setup.answers import LATER

    given = _given(values)
    if given.get("endpoint") == LATER:
        return {}
    return given or None


def _named(bike: str | None, protocol: str | None) -> "Machine | None":
    from gateway.config.editor import Machine
    from gateway.setup.bike_spec import NotABike, named_bike

    if bike is None:
        return None
    try:
        return Machine(*named_bike(bike, protocol))
    except NotABike as error:
        fail(f"--bike: {error}", USAGE)


def _current(file: Path) -> "tuple[str, Current]":
    """The text to begin with, and what it says: the shipped config's where there is none."""
    import os
    import tomllib

    from gateway.config.packaged import config_path
    from gateway.setup.answers import Current

    if not os.access(file.parent, os.W_OK):
        if not file.parent.is_dir():
            fail(f"{file.parent} does not exist: make it, or name another file: --config", FAILED)
        fail(f"{file.parent} is not yours to write: sudo alleycat-gateway setup", FAILED)
    is_new = not file.exists()
    try:
        text = (config_path("gateway.toml") if is_new else file).read_text(encoding="utf-8-sig")
        return text, Current(tomllib.loads(text), is_new)
    except OSError as error:
        fail(f"{file}: {error.strerror}; expected a TOML file", BAD_CONFIG)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail(f"{file}: not TOML: {error}; mend it, or move it away", BAD_CONFIG)


def _asked(
    console: "Console", file: Path, current: "Current", given: "Answers", seconds: float | None
) -> "Answers":
    """On a terminal the rest is asked; elsewhere it is an error."""
    import sys
    from functools import partial

    from gateway.setup.answers import missing
    from gateway.setup.dialogue import ask_all, look_around

    if sys.stdin.isatty() and sys.stdout.isatty():
        console.print(_heading(file, current), markup=False, highlight=False)
        look = None if seconds is None else partial(look_around, console, _discoverers(), seconds)
        return ask_all(console, current, given, look)
    flags = [FLAGS[name] for name in missing(given, current)]
    if flags:
        fail(f"no terminal to ask on: give {', '.join(flags)} as well", USAGE)
    if given.are_none:
        fail("no terminal to ask on, and nothing to change: see setup --help", USAGE)
    return given


def _heading(file: Path, current: "Current") -> str:
    kind = "made from the shipped one" if current.is_new else "changed where you answer"
    return (
        f"{file} will be {kind}.\n"
        "Enter takes what stands in [brackets]. Nothing is written before the end: Ctrl-C leaves "
        "everything as it was.\n"
    )


def _discoverers() -> "dict[str, Discoverer]":
    from drivers.discovery import Discoverer
    from drivers.registry import load_drivers

    found = {}
    for name, status in load_drivers().items():
        driver: object = status.driver
        if isinstance(driver, Discoverer) and name != "fake":
            found[name] = driver
    return found


def _write(file: Path, text: str, current: "Current", answers: "Answers") -> None:
    from drivers.registry import load_drivers
    from gateway.config.editor import NotEditable, edited
    from gateway.config.file import write_config
    from gateway.config.problems import ConfigError
    from gateway.config.schema import load_config
    from gateway.setup.answers import change_of

    try:
        new_text = edited(text, change_of(answers, current))
        if new_text == text and not current.is_new:
            typer.echo(f"{file}: nothing to change")
            return
        drivers = load_drivers()
        backup = write_config(file, new_text, lambda draft: load_config(draft, drivers))
    except NotEditable as error:
        fail(f"{file}: {error}", BAD_CONFIG)
    except ConfigError as error:
        fail(f"nothing was changed; with these answers:\n{ConfigError(file, error.problems)}", 78)
    except OSError as error:
        fail(f"{file}: {error.strerror}; nothing was changed", FAILED)
    typer.echo(f"{file} is written" + (f"; the one before it is {backup}" if backup else ""))
    only_a_bike = answers.thing_name is None and not answers.cloud and not current.is_new
    _say_what_is_next(file, is_reloaded=only_a_bike)


def _say_what_is_next(file: Path, *, is_reloaded: bool) -> None:
    """A reload takes other bikes and riders in mid-race; a cloud is found at a start."""
    if file == SERVICE_CONFIG:
        verb = "reload-or-restart" if is_reloaded else "restart"
        steps = [
            "sudo alleycat-gateway check",
            f"sudo systemctl {verb} alleycat-gateway",
            "alleycat-gateway status",
        ]
    else:
        steps = [f"alleycat-gateway {verb} --config {file}" for verb in ("check", "run", "status")]
    typer.echo("\n  ".join(("Next:", *steps)))
