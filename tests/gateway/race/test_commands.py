"""Race commands as they come over the wire, and the responses that go back."""

import json
from typing import Any

import pytest

from gateway.race.commands import (
    MAX_BYTES,
    MAX_PROBLEMS,
    CommandRefused,
    StartRace,
    StopRace,
    decode_command,
    problem_of,
    refuse,
    respond,
)
from gateway.race.races import Race, Racer

START: dict[str, Any] = {
    "command": "start",
    "bikeId": "bike-001",
    "raceId": 12,
    "racerId": 7,
    "name": "Hayden",
    "classId": 1,
    "startMs": 1795247400000,
    "lengthS": 300,
}
STOP: dict[str, Any] = {"command": "stop", "bikeId": "bike-001", "raceId": 12}


def decoded(command: dict[str, Any]) -> StartRace | StopRace:
    return decode_command(json.dumps(command).encode())


def refusal(payload: bytes) -> str:
    with pytest.raises(CommandRefused) as refused:
        decode_command(payload)
    return str(refused.value)


@pytest.mark.parametrize("verb", ["start", "replace"])
def test_start_command_has_the_race_that_it_names(verb: str) -> None:
    command = decoded(START | {"command": verb})
    assert isinstance(command, StartRace)
    assert (command.command, command.bike_id) == (verb, "bike-001")
    assert command.race == Race(12, 1795247400000, 300, Racer(7, "Hayden", 1))


def test_command_may_have_the_largest_ids_that_javascript_keeps_apart() -> None:
    command = decoded(START | {"raceId": 9_007_199_254_740_991, "racerId": 9_007_199_254_740_991})
    assert command.race_id == 9_007_199_254_740_991


def test_stop_command_has_its_bike_and_race() -> None:
    command = decoded(STOP)
    assert isinstance(command, StopRace)
    assert (command.bike_id, command.race_id) == ("bike-001", 12)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bikeId", ""),
        ("raceId", -1),
        ("raceId", 9_007_199_254_740_992),
        ("racerId", 9_007_199_254_740_992),
        ("raceId", "12"),
        ("racerId", -1),
        ("name", ""),
        ("name", "x" * 65),
        ("classId", 0),
        ("classId", 7),
        ("startMs", -1),
        ("startMs", 2**53),
        ("startMs", 1.5),
        ("lengthS", 0),
        ("lengthS", 86_401),
        ("race_id", 12),
    ],
)
def test_refusal_of_a_command_names_the_wrong_field(field: str, value: object) -> None:
    assert refusal(json.dumps(START | {field: value}).encode()).startswith(f"{field}: ")


def test_refusal_of_a_command_names_each_wrong_field() -> None:
    reason = refusal(json.dumps(START | {"raceId": -1, "classId": 9}).encode())
    assert [problem.partition(":")[0] for problem in reason.split("; ")] == ["raceId", "classId"]


def test_refusal_of_a_command_names_eight_wrong_fields_at_most() -> None:
    reason = refusal(json.dumps(START | {f"field{number}": 1 for number in range(9)}).encode())
    assert len(reason.split("; ")) == 8


def test_refusal_of_a_command_without_a_field_names_it_even_if_it_is_spelled_otherwise() -> None:
    snake = {("race_id" if name == "raceId" else name): value for name, value in STOP.items()}
    assert "raceId: Field required" in refusal(json.dumps(snake).encode())


def test_refusal_of_a_command_names_64_characters_of_a_long_field() -> None:
    reason = refusal(json.dumps(START | {"x" * 200: 1}).encode())
    assert reason.startswith("x" * 64 + ": ")


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b"null", b'{"command": "pause"}'])
def test_refusal_of_what_is_no_command_has_a_reason(payload: bytes) -> None:
    assert refusal(payload).startswith("command: ")


def test_refusal_of_a_long_command_gives_the_limit() -> None:
    assert refusal(b" " * (MAX_BYTES + 1)).startswith("the command has 8193 bytes; expected")


def test_response_to_a_command_names_what_it_answers() -> None:
    assert json.loads(respond(decoded(STOP), "already").to_json()) == {
        "ok": True,
        "result": "already",
        "command": "stop",
        "bikeId": "bike-001",
        "raceId": 12,
    }


def test_response_warns_of_a_racer_id_beyond_the_analytics() -> None:
    warned = json.loads(respond(decoded(START | {"racerId": 2_147_483_648}), "accepted").to_json())
    assert warned.pop("warning") == (
        "racerId 2147483648 is larger than 2147483647, the limit of the backend's analytics"
    )
    assert warned == json.loads(respond(decoded(START), "accepted").to_json())
    assert respond(decoded(START | {"racerId": 2_147_483_647}), "accepted").warning is None
    assert respond(decoded(STOP), "already").warning is None


def test_refusal_has_the_reason_and_the_command_if_it_was_understood() -> None:
    bare = {"ok": False, "result": "refused", "reason": "not now"}
    assert json.loads(refuse("not now").to_json()) == bare
    named = {"command": "stop", "bikeId": "bike-001", "raceId": 12}
    assert json.loads(refuse("not now", decoded(STOP)).to_json()) == bare | named


SMALLEST = {"raceId": 0, "racerId": 0, "name": "H", "classId": 1, "startMs": 0, "lengthS": 1}
LARGEST = {"name": "x" * 64, "classId": 6, "startMs": 2**53 - 1, "lengthS": 86_400}


@pytest.mark.parametrize("values", [SMALLEST, LARGEST], ids=["smallest", "largest"])
def test_command_may_have_each_value_at_its_limit(values: dict[str, Any]) -> None:
    command = decoded(START | values)
    assert isinstance(command, StartRace)
    assert problem_of("bike-001", command.race) is None


def test_command_of_the_maximum_size_is_decoded() -> None:
    padded = json.dumps(STOP).encode().ljust(MAX_BYTES)
    assert isinstance(decode_command(padded), StopRace)
    assert "8193 bytes; expected at most 8192 bytes" in refusal(padded + b" ")


def test_refusal_lists_eight_problems_at_the_most() -> None:
    many = {f"field{number}": 1 for number in range(20)}
    assert refusal(json.dumps(START | many).encode()).count(";") == MAX_PROBLEMS - 1 == 7


@pytest.mark.parametrize(
    ("bike_id", "race", "field"),
    [
        ("", Race(12, 0, 300, Racer(7, "Hayden", 1)), "bikeId"),
        ("bike-1", Race(-1, 0, 300, Racer(7, "Hayden", 1)), "raceId"),
        ("bike-1", Race(12, -1, 300, Racer(7, "Hayden", 1)), "startMs"),
        ("bike-1", Race(12, 0, 0, Racer(7, "Hayden", 1)), "lengthS"),
        ("bike-1", Race(12, 0, 300, Racer(7, "Hayden", 7)), "classId"),
        ("bike-1", Race(12, 0, 300), "racerId"),
    ],
)
def test_race_that_no_command_can_start_is_told_by_its_field(
    bike_id: str, race: Race, field: str
) -> None:
    problem = problem_of(bike_id, race)
    assert problem is not None
    assert problem.startswith((f"{field}: Input should", f"{field}: String should"))


def test_response_to_a_command_that_cannot_be_saved_names_the_reason() -> None:
    response = respond(decoded(STOP), "already").unsaved("No space left on device")
    assert json.loads(response.to_json()) == {
        "ok": True,
        "result": "already",
        "warning": "not saved: No space left on device; the command applies, but is lost if the "
        "gateway restarts. Repeat it later to have it saved",
        "untilRestart": True,
        "command": "stop",
        "bikeId": "bike-001",
        "raceId": 12,
    }


def test_response_keeps_its_warning_when_the_command_cannot_be_saved() -> None:
    accepted = respond(decoded(START | {"racerId": 2**31}), "accepted")
    assert accepted.warning is not None
    unsaved = accepted.unsaved("full").warning
    assert unsaved is not None
    assert unsaved.startswith(f"{accepted.warning}; not saved: full; ")
