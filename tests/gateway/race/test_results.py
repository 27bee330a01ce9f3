"""Results as the backend publishes them, and a racer's place in them."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.race.results import (
    MAX_BYTES,
    MAX_RACERS,
    Place,
    ResultsError,
    decode_results,
    race_id_in,
)
from tests.support.results import results_message

#: Copied from a run of the original backend's publishStreamFunction.
ORIGINAL = (
    b'{"msg":"results","classId":"3","raceId":"race-5984158","ts":"1795247503000",'
    b'"results":"{\\"7\\":132.25,\\"8\\":36.75,\\"9\\":22.75}"}'
)
MESSAGE: dict[str, Any] = json.loads(ORIGINAL)


def with_(**changes: Any) -> bytes:
    return json.dumps(MESSAGE | changes).encode()


def outputs_in(results: str) -> dict[int, float]:
    return decode_results(with_(results=results)).outputs


def test_message_of_the_original_backend_is_decoded() -> None:
    assert race_id_in(ORIGINAL) == 5_984_158
    results = decode_results(ORIGINAL)
    assert (results.race_id, results.ts_ms) == (5_984_158, 1_795_247_503_000)
    assert results.outputs == {7: 132.25, 8: 36.75, 9: 22.75}


def test_message_of_the_tests_is_that_of_the_original_backend() -> None:
    assert results_message(5_984_158, {7: 132.25, 8: 36.75, 9: 22.75}) == ORIGINAL


def test_place_has_rank_gap_to_the_next_ahead_and_leader() -> None:
    results = decode_results(ORIGINAL)
    leader = Place(1, 3, 132.25, None, leader_id=7, leader_output=132.25, age_s=1.5)
    assert results.place(7, 1.5) == leader
    assert results.place(8, 1.5) == replace(leader, rank=2, output=36.75, gap=95.5)
    assert results.place(9, 1.5) == replace(leader, rank=3, output=22.75, gap=14.0)


def test_racer_id_may_have_the_sixteen_digits_of_a_javascript_integer() -> None:
    results = '{"9007199254740991": 2, "90071992547409910": 3, "7": 1}'
    assert outputs_in(results) == {9_007_199_254_740_991: 2, 7: 1}


def test_place_of_a_racer_without_results_has_the_leader_alone() -> None:
    place = decode_results(ORIGINAL).place(10, 0.0)
    assert place == Place(None, 3, None, None, leader_id=7, leader_output=132.25, age_s=0.0)


def test_racers_with_the_same_output_have_the_same_rank() -> None:
    results = decode_results(results_message(1, {4: 90.0, 2: 120.0, 3: 90.0, 1: 120.0, 5: 80.0}))
    ranks = {racer_id: results.place(racer_id, 0.0).rank for racer_id in (1, 2, 3, 4, 5)}
    assert ranks == {1: 1, 2: 1, 3: 3, 4: 3, 5: 5}
    gaps = {racer_id: results.place(racer_id, 0.0).gap for racer_id in (1, 2, 3, 4, 5)}
    assert gaps == {1: None, 2: None, 3: 30.0, 4: 30.0, 5: 10.0}


def test_gap_has_the_four_decimals_of_an_output() -> None:
    results = decode_results(results_message(1, {7: 131.9, 8: 131.5963}))
    assert results.place(8, 0.0).gap == 0.3037


def test_results_of_a_thousand_racers_are_decoded() -> None:
    outputs = {1_000_000 + n: 22.75 + n / 8 for n in range(1000)}
    payload = results_message(5_984_158, outputs)
    assert 16_000 < len(payload) < 25_000
    place = decode_results(payload).place(1_000_250, 0.0)
    assert place == Place(750, 1000, 54.0, 0.125, 1_000_999, 147.625, 0.0)


@pytest.mark.parametrize(
    "output", ["null", '"131.9"', "true", "-1", "1e7", "1e400", "NaN", "Infinity", "[]", "{}"]
)
def test_racer_without_a_usable_output_is_left_out(output: str) -> None:
    assert outputs_in(f'{{"7":{output},"8":36.75}}') == {8: 36.75}


@pytest.mark.parametrize("racer_id", ["", "seven", "-7", "7.0", " 7", "12345678901234567"])
def test_racer_without_a_usable_id_is_left_out(racer_id: str) -> None:
    assert outputs_in(json.dumps({racer_id: 131.9, "8": 36.75})) == {8: 36.75}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "the message is not JSON"),
        (b"\xff\xfe", "the message is not JSON"),
        (b"[" * MAX_BYTES, "the message is not JSON"),
        (b"[]", "the message is not a JSON object"),
        (b"{}", 'msg is not "results"'),
        (with_(msg="final"), 'msg is not "results"'),
        (with_(raceId=5_984_158), "raceId is not a string"),
        (with_(raceId="5984158"), 'expected raceId "race-<number>"'),
        (with_(raceId="race-"), 'expected raceId "race-<number>"'),
        (with_(ts=1_795_247_503_000), "ts is not a string"),
        (with_(ts="2026-11-21T14:31:43Z"), "ts in ms since the epoch"),
        (with_(ts=None), "ts is not a string"),
        (with_(results={"7": 131.9}), "results is not a string"),
        (with_(results="7"), "results is not a JSON object"),
        (with_(results='{"7":'), "results is not JSON"),
        (with_(results='{"7":' + "9" * 5000 + "}"), "results is not JSON"),
        (with_(results="{}"), "results has no racer with an output"),
        (with_(results='{"7":null}'), "results has no racer with an output"),
    ],
)
def test_message_that_is_not_results_is_refused_with_the_reason(
    payload: bytes, reason: str
) -> None:
    with pytest.raises(ResultsError) as raised:
        decode_results(payload)
    assert reason in str(raised.value)


def test_results_with_too_many_racers_are_refused() -> None:
    assert len(decode_results(results_message(1, dict.fromkeys(range(MAX_RACERS), 1))).outputs)
    with pytest.raises(ResultsError, match="10001 racers; expected at most 10000"):
        decode_results(results_message(1, dict.fromkeys(range(MAX_RACERS + 1), 1)))


def test_race_id_of_a_message_that_is_too_long_is_not_looked_for() -> None:
    assert race_id_in(ORIGINAL.ljust(MAX_BYTES)) == 5_984_158
    with pytest.raises(ResultsError, match="131073 bytes; expected at most 131072"):
        race_id_in(ORIGINAL.ljust(MAX_BYTES + 1))


def test_message_without_a_race_id_is_refused() -> None:
    with pytest.raises(ResultsError, match="no raceId"):
        race_id_in(b'{"msg":"results"}')


#: JSON of any shape, with the fields of a message more often than not.
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=5,
)
_RESULTS = st.dictionaries(st.integers(0, 99).map(str) | st.text(max_size=5), _VALUES).map(
    json.dumps
)
_MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "msg": st.just("results") | _VALUES,
        "raceId": st.integers().map(lambda n: f"race-{n}") | _VALUES,
        "ts": st.integers().map(str) | _VALUES,
        "results": _RESULTS | _VALUES,
    },
).map(lambda message: json.dumps(message).encode())


@given(st.binary() | _MESSAGES)
def test_no_message_raises_another_error(payload: bytes) -> None:
    for decode in (race_id_in, decode_results):
        with suppress(ResultsError):
            decode(payload)


@given(st.dictionaries(st.integers(0, 50), st.integers(0, 9).map(float), min_size=1))
def test_place_follows_from_the_outputs_of_the_others(outputs: dict[int, float]) -> None:
    results = decode_results(results_message(1, outputs))
    for racer_id, output in outputs.items():
        ahead = [other for other in outputs.values() if other > output]
        place = results.place(racer_id, 0.0)
        assert (place.rank, place.racers, place.output) == (len(ahead) + 1, len(outputs), output)
        assert place.gap == (min(ahead) - output if ahead else None)
        assert outputs[place.leader_id] == place.leader_output == max(outputs.values())
