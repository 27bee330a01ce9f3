"""`ride`: chooses the rider of a bike, and joins or leaves a race, on the running gateway."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.completion import bike_ids, racer_ids
from gateway.cli.options import JsonOption
from gateway.host.errors import FAILED

if TYPE_CHECKING:
    from gateway.riding.requests import RideRequest

app = typer.Typer(no_args_is_help=True)

RunningBikeArgument = Annotated[
    str,
    typer.Argument(metavar="BIKE", help="The bike's id in the config.", autocompletion=bike_ids),
]
GatewayConfigOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The config file of a gateway that you started by hand; default: the service's "
        "config file.",
    ),
]


@app.callback()
def ride() -> None:
    """Choose the rider of a bike; join a race or leave it.

    The gateway must be running, with race.mode = "continuous": in remote mode the backend decides.
    Exit code 0 if done, or if there was nothing to do; 1 if the gateway refuses, 3 if none answers.
    """


@app.command()
def choose(
    bike: RunningBikeArgument,
    racer: Annotated[
        int,
        typer.Argument(
            metavar="RACER",
            min=0,
            help="The racer's id: one of [[riders]] in the config, or the bike's own.",
            autocompletion=racer_ids,
        ),
    ],
    class_: Annotated[
        int | None,
        typer.Option(
            "--class",
            min=1,
            max=6,
            help="The class to compete in; default: the rider's first class.",
        ),
    ] = None,
    config: GatewayConfigOption = None,
    json: JsonOption = False,
) -> None:
    """Let another rider ride a bike, until the next choice.

    A race that the present rider has joined stays theirs: the choice is for the next one. The
    choice survives a restart. To undo it, choose the bike's own rider.
    """
    from gateway.riding.requests import ChooseRider

    _ask(ChooseRider(bike, racer, class_), config, is_json=json)


@app.command()
def join(
    bike: RunningBikeArgument, config: GatewayConfigOption = None, json: JsonOption = False
) -> None:
    """Join the race in progress, or else the next one.

    Pedalling does the same.
    """
    from gateway.riding.requests import JoinRace

    _ask(JoinRace(bike), config, is_json=json)


@app.command()
def leave(
    bike: RunningBikeArgument, config: GatewayConfigOption = None, json: JsonOption = False
) -> None:
    """End a rider's race now.

    The current second is the rider's last, and its message the `final` that the backend counts. The
    next race can be joined again. If the rider has joined a race that has not begun, this undoes
    the join.
    """
    from gateway.riding.requests import LeaveRace

    _ask(LeaveRace(bike), config, is_json=json)


def _ask(request: "RideRequest", config: Path | None, *, is_json: bool) -> None:
    """Send a request to the running gateway and print the answer; end the command if refused."""
    from gateway.cli.exits import fail
    from gateway.cli.service import socket_of
    from gateway.cli.tail import explain
    from gateway.riding.requests import ANSWER, FILE_NAME, ask_ride
    from gateway.status.client import NoStatusError

    try:
        answer = ask_ride(socket_of(config, FILE_NAME), request)
    except NoStatusError as error:
        explain(config, error)
    if is_json:
        typer.echo(ANSWER.dump_json(answer, exclude_none=True).decode())
        raise typer.Exit(FAILED if answer.is_refused else 0)
    if answer.is_refused:
        fail(f"refused: {answer.text}", FAILED)
    typer.echo(answer.text)
    if answer.warning is not None:
        typer.echo(f"warning: {answer.warning}", err=True)
