"""`calibrate verify BIKE`: does its resistance say what the knob shows?"""

import typer

from gateway.cli.calibrate.session import (
    AnswersOption,
    BikeArgument,
    ConfigOption,
    FakeOption,
    JsonOption,
    SessionOptions,
    run_guided,
)
from gateway.cli.service import SERVICE_CONFIG
from gateway.host.errors import FAILED


def verify(
    bike: BikeArgument,
    config: ConfigOption = SERVICE_CONFIG,
    answers: AnswersOption = None,
    json: JsonOption = False,
    fake_bike: FakeOption = False,
) -> None:
    """Turn the knob to 25, 50 and 75 %, and see whether the gateway says so too.

    Changes nothing. Exit code 0 if each is within 3 points, else 1.
    """
    from gateway.calibrating.guided.verify import verify_resistance

    if not run_guided(bike, SessionOptions(config, answers, json, fake_bike), verify_resistance):
        raise typer.Exit(FAILED)
