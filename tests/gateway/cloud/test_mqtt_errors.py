"""Every answer has one meaning."""

import pytest
from awscrt import exceptions, mqtt5

from gateway.cloud import mqtt_errors
from gateway.cloud.uplink import Ending, Verdict

PUBACKS = {
    0x00: Verdict.ACCEPTED,
    0x10: Verdict.ACCEPTED,
    0x80: Verdict.REFUSED,
    0x83: Verdict.REFUSED,
    0x87: Verdict.REFUSED,
    0x90: Verdict.REFUSED,
    0x91: Verdict.RETRY,
    0x97: Verdict.SLOW_DOWN,
    0x99: Verdict.REFUSED,
}


@pytest.mark.parametrize("code", list(mqtt5.PubackReasonCode))
def test_puback_answer_has_a_verdict_for_every_reason_code(code: mqtt5.PubackReasonCode) -> None:
    answer = mqtt_errors.puback_answer(code.value, code.name, "the/topic")
    assert answer.verdict is PUBACKS[code.value]
    assert bool(answer.reason) == (answer.verdict is not Verdict.ACCEPTED)


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (0x81, Verdict.SUSPECT),
        (0x82, Verdict.SUSPECT),
        (0x87, Verdict.SUSPECT),
        (0x8B, Verdict.RETRY),
        (0x8D, Verdict.RETRY),
        (0x8E, Verdict.RETRY),
        (0x90, Verdict.SUSPECT),
        (0x93, Verdict.SLOW_DOWN),
        (0x94, Verdict.SUSPECT),
        (0x95, Verdict.SUSPECT),
        (0x97, Verdict.SLOW_DOWN),
        (0x98, Verdict.RETRY),
        (0x9B, Verdict.SUSPECT),
    ],
)
def test_disconnect_answer_has_a_verdict_for_each_reason_code(code: int, verdict: Verdict) -> None:
    name = mqtt5.DisconnectReasonCode(code).name
    answer = mqtt_errors.disconnect_answer(code, name)
    assert answer.verdict is verdict
    assert name.replace("_", " ").lower() in answer.reason


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("AWS_ERROR_MQTT_TIMEOUT", Verdict.SLOW_DOWN),
        ("AWS_ERROR_MQTT5_PACKET_VALIDATION", Verdict.REFUSED),
        ("AWS_ERROR_MQTT5_PUBLISH_OPTIONS_VALIDATION", Verdict.REFUSED),
        ("AWS_ERROR_MQTT5_OPERATION_FAILED_DUE_TO_OFFLINE_QUEUE_POLICY", Verdict.RETRY),
    ],
)
def test_failure_answer_has_a_verdict_and_names_the_error_of_the_sdk(
    name: str, verdict: Verdict
) -> None:
    answer = mqtt_errors.failure_answer(name, "what the SDK says")
    assert answer.verdict is verdict
    assert name in answer.reason


@pytest.mark.parametrize(("code", "when"), [(0x9C, "for now"), (0x9D, "from now on")])
@pytest.mark.parametrize(
    ("server", "shown"), [(None, "another server"), ("b\n.{0}", "b .{0}"), ("{server}", "{server}")]
)
def test_other_server_of_a_disconnect_is_named_on_one_line(
    code: int, when: str, server: str | None, shown: str
) -> None:
    name = mqtt5.DisconnectReasonCode(code).name
    reason = mqtt_errors.disconnect_answer(code, name, server).reason
    assert reason.endswith(f": it asks the gateway to use {shown} {when}; {mqtt_errors.MOVED}")


def test_name_of_another_server_is_of_limited_length() -> None:
    assert len(mqtt_errors.other_server("x" * 1000)) <= mqtt_errors.SERVER_MAX + len("…")


def test_unexpected_hangup_makes_suspects_and_a_dead_line_does_not() -> None:
    hung_up = mqtt_errors.end_answer("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "")
    dead = mqtt_errors.end_answer("AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT", "")
    assert (hung_up.verdict, dead.verdict) == (Verdict.SUSPECT, Verdict.RETRY)


@pytest.mark.parametrize("code", [0x80, 0x83, 0x95])
def test_refusal_that_may_be_due_to_the_size_of_the_message_names_the_limit(code: int) -> None:
    assert "the broker's limit" in mqtt_errors.puback_answer(code, "UNSPECIFIED_ERROR", "").reason


def test_unknown_puback_code_is_a_refusal() -> None:
    assert mqtt_errors.puback_answer(0xB7, "UNKNOWN_183", "").verdict is Verdict.REFUSED


def test_denied_publish_names_the_topic() -> None:
    reason = mqtt_errors.puback_answer(0x87, "NOT_AUTHORIZED", "alleycat-publish").reason
    assert reason.startswith("not authorised to publish to alleycat-publish by the ")


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", Ending.HUNG_UP),
        ("AWS_IO_TLS_ERROR_WRITE_FAILURE", Ending.BROKEN_OFF),
        ("AWS_IO_SOCKET_CLOSED", Ending.BROKEN_OFF),
        ("AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT", Ending.OTHER),
    ],
)
def test_ending_is_a_hangup_if_the_broker_closed_the_connection_in_order(
    name: str, ending: Ending
) -> None:
    assert mqtt_errors.hangup_ending(name) is ending


@pytest.mark.parametrize("code", list(mqtt5.DisconnectReasonCode))
def test_ending_is_a_takeover_if_the_broker_states_it(code: mqtt5.DisconnectReasonCode) -> None:
    is_takeover = mqtt_errors.disconnect_ending(code.value) is Ending.TAKEN_OVER
    assert is_takeover == (code is mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER)


def test_failed_connect_explains_a_refused_certificate() -> None:
    reason = mqtt_errors.explain_failed_connect("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "")
    assert "the client's certificate is active" in reason


def test_error_names_that_are_explained_exist_in_the_sdk() -> None:
    """A name with a typing error would never be met."""
    names = {
        *mqtt_errors._REMEDIES,
        *mqtt_errors._FAILURES,
        *mqtt_errors._BREAK_OFFS,
        *mqtt_errors._ENDINGS,
    }
    known = {getattr(exceptions.from_code(code), "name", "") for code in range(1, 0x2000)}
    assert names <= known


def test_session_taken_over_names_the_cause() -> None:
    answer = mqtt_errors.disconnect_answer(mqtt_errors.SESSION_TAKEN_OVER, "SESSION_TAKEN_OVER")
    assert answer.reason is not None
    assert answer.reason.endswith("session taken over; another client uses the same thing_name")
