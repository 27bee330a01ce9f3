"""`setup`: writes the bike, its rider and the cloud into the config."""

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

#: The flag for each answer that a new bike requires.
FLAGS = {
    "bike": "--bike",
    "racer_name": "--racer-name",
    "racer_id": "--racer-id",
    "class_id": "--class-id",
}


BikeOption = Annotated[
    str | None, typer.Option(help="The bike: a Bluetooth address, a serial port, or `fake`.")
]
BikeIdOption = Annotated[
    str | None, typer.Option(help="The bike's id in the config; a new id adds a bike.")
]
NameOption = Annotated[str | None, typer.Option(help="The racer's first name.")]
RacerOption = Annotated[int | None, typer.Option(help="The racer's id, a number.")]
ClassOption = Annotated[int | None, typer.Option(help="The racer's class, 1 to 6.")]
EndpointOption = Annotated[
    str | None, typer.Option(help="Host name of AWS IoT or of your own broker; `later` to skip.")
]
ThingOption = Annotated[str | None, typer.Option(help="This gateway's name in AWS IoT.")]
CaOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="CA certificate that verifies the broker.")
]
CertificateOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="This gateway's certificate.")
]
KeyOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="The certificate's private key.")
]
ScanOption = Annotated[
    bool, typer.Option("--scan/--no-scan", help="Scan for bikes to choose from.")
]


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
    """Set up the bike, who rides it, and the cloud.

    Asks for everything that the options leave open and writes the config. Without a terminal it
    asks nothing: pass the answers as options. Keeps the rest of the file, comments included, and
    saves the previous file as .bak.
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
    """Return the text and content of the config, or of the shipped config if there is none yet."""
    import os
    import tomllib

    from gateway.config.packaged import config_path
    from gateway.setup.answers import Current

    if not os.access(file.parent, os.W_OK):
        if not file.parent.is_dir():
            fail(
                f"{file.parent} does not exist; create that directory, or choose another path "
                "with --config",
                FAILED,
            )
        fail(f"permission denied: {file.parent}; run this command with sudo", FAILED)
    is_new = not file.exists()
    try:
        text = (config_path("gateway.toml") if is_new else file).read_text(encoding="utf-8-sig")
        return text, Current(tomllib.loads(text), is_new)
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}; expected a TOML file", BAD_CONFIG)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fail(f"{file} is not TOML: {error}; fix the file or move it away", BAD_CONFIG)


def _asked(
    console: "Console", file: Path, current: "Current", given: "Answers", seconds: float | None
) -> "Answers":
    """Return the complete answers: ask for missing ones on a terminal, fail without one."""
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
        fail(f"cannot ask without a terminal: add {', '.join(flags)}", USAGE)
    if given.are_none:
        fail("cannot ask without a terminal: give the answers as options (see --help)", USAGE)
    return given


def _heading(file: Path, current: "Current") -> str:
    intent = (
        f"This will create {file} from the example config."
        if current.is_new
        else f"This will change {file} according to your answers."
    )
    return (
        f"{intent}\n"
        "Press Enter to accept the value in [brackets]. The file is written at the end; Ctrl-C "
        "quits without changes.\n"
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
    from gateway.setup.answers import change_of, replaced_fake_bike

    try:
        new_text = edited(text, change_of(answers, current))
        if new_text == text and not current.is_new:
            typer.echo(f"{file} is unchanged: it already has these values")
            _report_example(text)
            return
        drivers = load_drivers()
        backup = write_config(file, new_text, lambda draft: load_config(draft, drivers))
    except NotEditable as error:
        fail(f"{file}: {error}", BAD_CONFIG)
    except ConfigError as error:
        invalid = ConfigError(file, error.problems)
        advice = "In the file, correct the keys that setup does not ask for, and run setup again."
        fail(
            f"nothing was changed, because the config would be invalid:\n{invalid}\n{advice}",
            BAD_CONFIG,
        )
    except OSError as error:
        fail(f"cannot write {file}: {error.strerror}; nothing was changed", FAILED)
    typer.echo(f"wrote {file}" + (f"; the previous file is {backup}" if backup else ""))
    _report_example(new_text)
    fake_bike = replaced_fake_bike(answers, current)
    if fake_bike is not None:
        typer.echo(f"{fake_bike} was simulated: its unsent seconds are discarded at the next start")
    only_a_bike = answers.thing_name is None and not answers.cloud and not current.is_new
    _print_next_steps(file, is_reloaded=only_a_bike and fake_bike is None)


def _report_example(text: str) -> None:
    """Print why the service still waits, if the new config is that of the package."""
    import tomllib

    from gateway.config.first import is_first_config

    if is_first_config(tomllib.loads(text)):
        typer.echo(
            "the bike and its rider are still the example's, so the service waits; to race a fake "
            "bike, name a rider of your own"
        )


def _print_next_steps(file: Path, *, is_reloaded: bool) -> None:
    """Print the commands to run next.

    A reload applies changed bikes and racers; a changed cloud needs a restart, which also discards
    the seconds of a fake bike that was replaced.
    """
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
