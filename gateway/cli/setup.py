"""`setup`: asks for everything that a gateway needs for its first race, and writes the config."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.exits import fail
from gateway.cli.options import ConfigOption, ProtocolOption, ScanAdapterOption, ScanSecondsOption
from gateway.cli.service import SERVICE_CONFIG
from gateway.config import command_line
from gateway.host.errors import BAD_CONFIG, FAILED, INTERRUPTED, USAGE, GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.config.editor import Machine
    from gateway.setup.answers import Answers, Current
    from gateway.setup.scan import Scan
    from gateway.setup.session import SetupSession
    from gateway.terminal.console import Console

#: The flag for each answer that a new bike requires.
FLAGS = {
    "bike": "--bike",
    "racer_name": "--racer-name",
    "racer_id": "--racer-id",
    "class_id": "--class-id",
    "endpoint": "--endpoint",
    "thing_name": "--thing-name",
}

#: Printed if `--start` cannot start anything.
_NO_SERVICE = (
    "Nothing was started: --start needs root, systemd, the installed service, and the service's "
    f"own config, {command_line.SERVICE_CONFIG}."
)

BikeOption = Annotated[
    str | None,
    typer.Option(
        help="The bike: a Bluetooth address, a serial port, `ant:` with a device number, or `fake`."
    ),
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
PortOption = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="The broker's port; default: 8883, or 1883 without TLS."),
]
ThingOption = Annotated[str | None, typer.Option(help="This gateway's name in AWS IoT.")]
ClaimOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Get this gateway's own certificate with the claim in this folder, as `provision` "
        "does.",
    ),
]
TemplateOption = Annotated[
    str, typer.Option(help="With --claim: the name of the fleet provisioning template.")
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        metavar="PEM", help="CA of your own broker; default: the public CAs, which include AWS's."
    ),
]
CertificateOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="This gateway's certificate.")
]
KeyOption = Annotated[
    Path | None, typer.Option(metavar="PEM", help="The certificate's private key.")
]
ScanOption = Annotated[
    bool,
    typer.Option(
        "--scan/--no-scan", help="Scan for bikes to choose from, and show the chosen one live."
    ),
]
StateDirOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Directory of the unsent messages; default in a new config: `state` next to it, or "
        "/var/lib/alleycat-gateway for the service.",
    ),
]
FromOption = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="Create the config from another gateway's config; thing_name, bikes and racers "
        "are not copied.",
    ),
]
StartOption = Annotated[
    bool | None,
    typer.Option(
        "--start/--no-start",
        help="Start the service with the new config; default: ask on a terminal.",
    ),
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
    port: PortOption = None,
    thing_name: ThingOption = None,
    claim: ClaimOption = None,
    template: TemplateOption = "alleycat-gateway",
    ca_file: CaOption = None,
    certificate_file: CertificateOption = None,
    private_key_file: KeyOption = None,
    state_dir: StateDirOption = None,
    from_file: FromOption = None,
    scan: ScanOption = True,
    seconds: ScanSecondsOption = 20,
    adapter: ScanAdapterOption = None,
    start: StartOption = None,
) -> None:
    """Set up the bike, its rider, and the cloud.

    Asks for all that the options leave open, gets the certificate, writes the config, tests the
    connection and starts the service. Ctrl-C quits at any question without changing the config;
    the next setup proposes your answers again. Without a terminal it asks nothing. Keeps the rest
    of an existing config, comments included, and saves the previous file as .bak.
    """
    from functools import partial

    from gateway.setup.answers import Answers

    racer = {"racer_name": racer_name, "racer_id": racer_id, "class_id": class_id}
    cloud = _cloud(endpoint, port, (certificate_file, private_key_file, ca_file))
    machine = _named(bike, protocol)
    given = Answers(bike_id, machine, thing_name, _given(racer), cloud, claim, state_dir)
    look = partial(_look_around, adapter, seconds) if scan else None
    _set_up(config, from_file, given, template, look, start=start)


def _set_up(
    file: Path,
    from_file: Path | None,
    given: "Answers",
    template: str,
    look: "Callable[[Console], Scan] | None",
    *,
    start: bool | None,
) -> None:
    import structlog

    from gateway.setup.session import SetupSession
    from gateway.terminal.console import Console

    structlog.configure(
        logger_factory=structlog.ReturnLoggerFactory()
    )  # the questions replace logs
    text, current = _current(file, from_file)
    console = Console()
    session = SetupSession(console, file, text, current, given, template)
    is_changed = _run(console, session, current, look)
    _finish(console, file, current, session.answers, start=start, is_changed=is_changed)


def _given(values: "Mapping[str, object]") -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}


def _cloud(
    endpoint: str | None, port: int | None, files: "tuple[Path | None, ...]"
) -> dict[str, object] | None:
    """Return the keys of the cloud table; empty for `later`, None if nothing is given.

    `files`: in the order of FILES.
    """
    from gateway.setup.answers import FILES, LATER

    if endpoint == LATER:
        return {}
    # In the config, a relative path would start in the config's directory.
    paths = [None if path is None else str(path.absolute()) for path in files]
    named = dict(zip(FILES, paths, strict=True))
    return _given({"endpoint": endpoint, "port": port, **named}) or None


def _named(bike: str | None, protocol: str | None) -> "Machine | None":
    from gateway.config.editor import Machine
    from gateway.setup.bike_spec import NotABike, named_bike

    if bike is None:
        return None
    try:
        return Machine(*named_bike(bike, protocol))
    except NotABike as error:
        fail(f"--bike: {error}", USAGE)


def _current(file: Path, from_file: Path | None) -> "tuple[str, Current]":
    """Return text and content of the config, or of the one from which a new one is made."""
    import os

    from gateway.config.editor import template_of
    from gateway.config.file import config_text, parsed_toml
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
    is_new = from_file is not None or not file.exists()
    shipped = config_path("gateway.toml")
    source = from_file or (shipped if is_new else file)
    try:
        text = config_text(source)
        data = parsed_toml(text)
    except OSError as error:
        fail(f"cannot read {source}: {error.strerror}; expected a TOML file", BAD_CONFIG)
    except ValueError as error:
        fail(f"{source} is not TOML: {error}; fix the file or move it away", BAD_CONFIG)
    if from_file is not None:
        return template_of(text), Current(data, is_new, is_template=True)
    return text, Current(data, is_new)


def _run(
    console: "Console",
    session: "SetupSession",
    current: "Current",
    look: "Callable[[Console], Scan] | None",
) -> bool:
    """Ask, get the certificate and write the config; return whether it changed."""
    from functools import partial

    from gateway.setup.live import show_live
    from gateway.terminal.words import fitted

    try:
        if _is_terminal():
            if look is None:
                session.ask(None, None)
            else:
                session.ask(partial(look, console), partial(show_live, console))
        else:
            _check_flags(session.answers, current)
        session.get_files(_may_replace)
        return session.write()
    except (KeyboardInterrupt, typer.Abort):
        kept = session.keep_answers()
        fail(fitted(console, f"\ninterrupted: the config was not changed{kept}"), INTERRUPTED)
    except GatewayError:
        if _is_terminal():
            session.keep_answers()
        raise


def _may_replace(files: str) -> bool:
    """Ask on a terminal whether to replace certificate files that do not work."""
    from gateway.setup.questions import agrees

    return _is_terminal() and agrees(f"This gateway cannot connect with {files}. Replace both?")


def _is_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stdout.isatty()


def _check_flags(given: "Answers", current: "Current") -> None:
    """Fail unless the options contain all that a new bike or cloud needs."""
    from gateway.setup.answers import missing

    flags = [FLAGS[name] for name in missing(given, current)]
    if flags:
        fail(f"cannot ask without a terminal: add {', '.join(flags)}", USAGE)
    if given.are_none:
        fail("cannot ask without a terminal: give the answers as options (see --help)", USAGE)


def _finish(
    console: "Console",
    file: Path,
    current: "Current",
    answers: "Answers",
    *,
    start: bool | None,
    is_changed: bool,
) -> None:
    """Test the connection, start the service if it has this config, and show the race."""
    from gateway.setup import finish

    is_reached = finish.try_connection(console, file, is_given=bool(answers.cloud))
    # An unchanged config may still not be in use, and a reload might not be enough to apply it.
    needs_restart = finish.allow_ports(console, file) or not is_changed
    verb = "restart" if needs_restart else finish.restart_verb(answers, current)
    is_started = _may_start(console, file, start=start) and finish.start_service(console, verb)
    bike_id = finish.bike_to_calibrate(file, answers, current)
    if is_started and start is None:
        finish.show_race(console, bike_id, _run_command)
        return
    steps = finish.next_steps(file, verb, is_started=is_started, bike_id=bike_id)
    typer.echo("\n  ".join(("Next:", *steps)))
    if start and not (is_reached and is_started):
        raise typer.Exit(FAILED)


def _may_start(console: "Console", file: Path, *, start: bool | None) -> bool:
    """Return whether the service has this config, and the user wants to start it with it."""
    from gateway.setup import service_control
    from gateway.setup.questions import agrees
    from gateway.terminal.words import print_words

    if start is False:
        return False
    if not command_line.is_service_config(file) or not service_control.can_control():
        if start:
            print_words(console, _NO_SERVICE)
        return False
    return start or (_is_terminal() and agrees("Start the service with this config now?"))


def _run_command(*words: str) -> None:
    """Run another command of the CLI, and go on when it ends."""
    from contextlib import suppress

    from gateway.cli.app import app

    with suppress(SystemExit):
        app(list(words))


def _look_around(adapter: str | None, seconds: float, console: "Console") -> "Scan":
    from gateway.setup.dialogue import look_around
    from gateway.setup.scan import discoverers

    return look_around(console, discoverers(adapter), seconds)
