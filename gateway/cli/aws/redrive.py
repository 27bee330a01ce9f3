"""`redrive`: puts telemetry that the IoT rule could not store into the stream."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.exits import fail
from gateway.cli.options import JsonOption
from gateway.host.errors import FAILED, INTERRUPTED, GatewayError

if TYPE_CHECKING:
    from threading import Event

    from gateway.redrive.aws import FailedQueue, RaceStream
    from gateway.redrive.session import FailedRace, OnProgress, RedriveReport

#: Limits the reasons that are printed; a queue may have as many as it has messages.
REASONS_SHOWN = 50

QueueArgument = Annotated[
    str,
    typer.Argument(
        metavar="QUEUE_URL", help="The stack's output FailedTelemetryQueueUrl, an SQS queue."
    ),
]
StreamOption = Annotated[str, typer.Option(metavar="NAME", help="The Kinesis stream.")]
RateOption = Annotated[
    int,
    typer.Option(
        min=1, max=10_000, help="Limit of records a second; live races need the rest of the shard."
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Only show the records that would be put.")
]


def redrive(
    queue_url: QueueArgument,
    stream: StreamOption = "alleycat",
    rate: RateOption = 250,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Store in Kinesis what the IoT rule could not store.

    Reads the queue of failed telemetry and puts its records into the stream, each race in order,
    with its id as the partition key. A message is deleted from the queue when its record is stored,
    so that you can interrupt the command and run it again. Uses the credentials and the region of
    the AWS command line. Exit code 1 if a message has to stay in the queue because it is not
    telemetry or, without --dry-run, if another reader, such as a killed redrive, holds messages.
    """
    from gateway.redrive.session import Redrive

    queue, race_stream = _open(queue_url, stream)
    visible, _ = queue.counts()
    with _stop_on_signal() as stop, _progress(visible) as on_progress:
        run = Redrive(queue, race_stream, stop, on_progress, rate)
        error = _error_of(run.look if dry_run else run.run)
    if json:
        typer.echo(_as_json(run.report, dry_run=dry_run, interrupted=stop.is_set(), error=error))
    else:
        _show(run.report, stream, dry_run=dry_run)
    if dry_run and run.report.held_elsewhere:
        _warn_of_other_reader(run.report.held_elsewhere)
    if error is not None:
        raise error
    if stop.is_set():
        fail("interrupted; run this command again to continue", INTERRUPTED)
    if run.report.left:
        raise typer.Exit(FAILED)


def _open(queue_url: str, stream: str) -> "tuple[FailedQueue, RaceStream]":
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        fail(
            "redrive needs boto3, which is not installed; in a checkout of the gateway, "
            "install it with: pip install '.[aws]'",
            FAILED,
        )
    from gateway.redrive.aws import open_aws

    return open_aws(queue_url, stream)


def _warn_of_other_reader(held: int) -> None:
    from gateway.redrive.session import HIDDEN_S
    from gateway.terminal.units import counted, duration

    typer.echo(
        f"another reader, such as a redrive that was killed less than {duration(HIDDEN_S)} ago, "
        f"holds {counted(held, 'message')} of the queue; nothing can be put until "
        f"{'it is' if held == 1 else 'they are'} visible again",
        err=True,
    )


def _error_of(work: Callable[[], None]) -> GatewayError | None:
    try:
        work()
    except GatewayError as error:
        return error
    return None


@contextmanager
def _stop_on_signal() -> "Iterator[Event]":
    """Yield an event that SIGINT and SIGTERM set. A second signal ends the process at once."""
    import signal
    from threading import Event

    stop = Event()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def request(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, earlier[number])

    earlier: dict[int, Any] = {number: signal.signal(number, request) for number in numbers}
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, earlier[number])


@contextmanager
def _progress(visible: int) -> "Iterator[OnProgress]":
    """Show each step on stderr while the block runs; show nothing unless stderr is a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from gateway.terminal.console import Console

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        tasks = {
            "read": progress.add_task("read", total=visible),
            "wait": progress.add_task("wait for another reader", total=None, visible=False),
            "put": progress.add_task("put", total=None),
            "release": progress.add_task("release", total=None),
        }
        yield lambda step, done, total: progress.update(
            tasks[step], completed=done, total=total, visible=True
        )


def _show(report: "RedriveReport", stream: str, *, dry_run: bool) -> None:
    from gateway.terminal.printable import one_line
    from gateway.terminal.units import counted

    for race in _by_id(report):
        typer.echo(
            f"race {race.race_id}: {counted(race.messages, 'message')} of "
            f"{counted(len(race.racers), 'racer')}, seconds {race.first_second} to "
            f"{race.last_second}, {counted(race.finals, 'final')}"
        )
    if report.left:
        typer.echo(f"{counted(len(report.left), 'message')} left in the queue:")
        for message_id, reason in list(report.left.items())[:REASONS_SHOWN]:
            typer.echo(f"  {one_line(message_id)}: {one_line(reason)}")
        if len(report.left) > REASONS_SHOWN:
            typer.echo(f"  … and {len(report.left) - REASONS_SHOWN:,} more; --json lists all")
    if not report.is_complete:
        typer.echo("the queue was not read to its end")
    if dry_run:
        typer.echo(f"would put {counted(report.records, 'record')} into {stream}")
    else:
        typer.echo(f"put {report.put:,} of {counted(report.records, 'record')} into {stream}")


def _as_json(
    report: "RedriveReport", *, dry_run: bool, interrupted: bool, error: GatewayError | None
) -> str:
    from json import dumps

    return dumps(
        {
            "dry_run": dry_run,
            "records": report.records,
            "put": report.put,
            "held_elsewhere": report.held_elsewhere,
            "complete": report.is_complete,
            "interrupted": interrupted,
            "error": None if error is None else str(error),
            "races": [_race_data(race) for race in _by_id(report)],
            "left": [{"message_id": key, "reason": why} for key, why in report.left.items()],
        },
        ensure_ascii=False,
    )


def _by_id(report: "RedriveReport") -> "list[FailedRace]":
    return sorted(report.races.values(), key=lambda race: race.race_id)


def _race_data(race: "FailedRace") -> dict[str, int]:
    return {
        "race_id": race.race_id,
        "messages": race.messages,
        "finals": race.finals,
        "first_second": race.first_second,
        "last_second": race.last_second,
        "racers": len(race.racers),
    }
