"""`calibrate verify BIKE`: check whether the resistance agrees with the knob."""

import typer

from gateway.cli.calibrate.fake import FakeOption
from gateway.cli.calibrate.session import (
    AnswersOption,
    BikeArgument,
    ConfigOption,
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
    """Check the resistance at 25, 50 and 75 %; change nothing.

    Turn the knob to each percentage. The exit code is 0 if the gateway's value is always within 3
    percentage points of the knob, otherwise 1.
    """
    from gateway.calibrating.guided.verify import verify_resistance

    if not run_guided(bike, SessionOptions(config, answers, json, fake_bike), verify_resistance):
        raise typer.Exit(FAILED)
