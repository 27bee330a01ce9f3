"""`ride` with a real socket: what it asks, prints and ends with."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.bike.status import RiderStatus
from gateway.cli.app import app
from gateway.cli.completion import racer_ids
from gateway.host.errors import FAILED, NOT_RUNNING, USAGE
from gateway.riding.requests import (
    ANSWER,
    FILE_NAME,
    REQUEST,
    ChooseRider,
    JoinRace,
    LeaveRace,
    RideAnswer,
    RideRequest,
)
from gateway.status.report import status_to_json
from tests.support.statuses import bike_status, gateway_status

DONE = RideAnswer("accepted", "Ada rides bike-1 now, in class 1", bike_id="bike-1", racer_id=8)


@pytest.fixture(autouse=True)
def service_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not this computer's own."""
    monkeypatch.setattr("gateway.host.sockets.SERVICE_DIRECTORY", tmp_path)
    monkeypatch.setattr("gateway.cli.service.SERVICE_CONFIG", tmp_path / "gateway.toml")
    return tmp_path


@contextmanager
def gateway(directory: Path, answer: RideAnswer) -> Iterator[list[RideRequest]]:
    """A daemon that answers one request so."""
    asked: list[RideRequest] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(directory / FILE_NAME))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                asked.append(REQUEST.validate_json(connection.makefile("rb").readline()))
                connection.sendall(ANSWER.dump_json(answer) + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield asked
        finally:
            thread.join()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["ride", *arguments])


@pytest.mark.parametrize(
    ("arguments", "request_"),
    [
        (["choose", "bike-1", "8"], ChooseRider("bike-1", 8)),
        (["choose", "bike-1", "8", "--class", "3"], ChooseRider("bike-1", 8, 3)),
        (["join", "bike-1"], JoinRace("bike-1")),
        (["leave", "bike-1"], LeaveRace("bike-1")),
    ],
)
def test_verb_asks_the_gateway_and_prints_its_answer(
    service_directory: Path, arguments: list[str], request_: RideRequest
) -> None:
    with gateway(service_directory, DONE) as asked:
        result = invoke(*arguments)
    assert asked == [request_]
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{DONE.text}\n", "")


def test_nothing_to_do_is_a_success(service_directory: Path) -> None:
    with gateway(service_directory, RideAnswer("already", "Ada takes part")):
        result = invoke("join", "bike-1")
    assert (result.exit_code, result.stdout) == (0, "Ada takes part\n")


def test_warning_is_printed_apart(service_directory: Path) -> None:
    with gateway(service_directory, RideAnswer("accepted", "done", warning="not saved")):
        result = invoke("join", "bike-1")
    assert (result.stdout, result.stderr) == ("done\n", "warning: not saved\n")


def test_refusal_is_printed_on_stderr_and_ends_with_1(service_directory: Path) -> None:
    with gateway(service_directory, RideAnswer("refused", "unknown bike 'x'")):
        result = invoke("leave", "x")
    assert (result.exit_code, result.stdout) == (FAILED, "")
    assert result.stderr == "refused: unknown bike 'x'\n"


@pytest.mark.parametrize(
    ("answer", "code"), [(DONE, 0), (RideAnswer("refused", "unknown bike 'x'"), FAILED)]
)
def test_json_is_the_answer_with_the_same_exit_code(
    service_directory: Path, answer: RideAnswer, code: int
) -> None:
    with gateway(service_directory, answer):
        result = invoke("join", "bike-1", "--json")
    assert ANSWER.validate_json(result.stdout) == answer
    assert None not in json.loads(result.stdout).values()
    assert (result.exit_code, result.stderr) == (code, "")


def test_without_a_gateway_the_exit_code_is_3(service_directory: Path) -> None:
    result = invoke("join", "bike-1")
    assert result.exit_code == NOT_RUNNING
    assert result.stderr.startswith("no gateway answers: no socket at ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["choose", "bike-1"],
        ["choose", "bike-1", "Ada"],
        ["choose", "bike-1", "-1"],
        ["choose", "bike-1", "8", "--class", "7"],
        ["join"],
        ["win", "bike-1"],
    ],
)
def test_wrong_arguments_are_a_wrong_usage(arguments: list[str]) -> None:
    assert invoke(*arguments).exit_code == USAGE


def context(bike: str) -> Any:
    return SimpleNamespace(params={"config": None, "bike": bike})


def test_racers_are_completed_with_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    own = bike_status(own_rider=RiderStatus(1, "Own", (1,)))
    ada, grace = RiderStatus(8, "Ada", (1,)), RiderStatus(88, "Grace", (3, 1))
    line = status_to_json(gateway_status(own, riders=(ada, grace)))
    monkeypatch.setattr("gateway.cli.status.asker", lambda _: lambda: line)
    everybody = [("8", "Ada"), ("88", "Grace"), ("1", "Own")]
    assert racer_ids(context(own.bike_id), "") == everybody
    assert racer_ids(context(own.bike_id), "8") == everybody[:2]
    assert racer_ids(context("bike-9"), "1") == []


def test_racers_of_a_gateway_that_does_not_run_are_none() -> None:
    assert racer_ids(context("bike-1"), "") == []
