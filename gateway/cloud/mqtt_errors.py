"""Translates a broker's answer, or its absence, into a verdict on a message and a reason. Pure.

Reason codes: MQTT 5.0, section 2.4; the ones AWS IoT Core sends: "MQTT reason codes" in its
developer guide. SDK error names: awscrt.
"""

from gateway.cloud.uplink import Answer, Ending, Verdict
from gateway.terminal.printable import one_line

ACCEPTED = Answer(Verdict.ACCEPTED)
#: Above 100 publishes/s, IoT Core silently discards messages.
DISCARDED = Answer(
    Verdict.SLOW_DOWN,
    "no answer in time: the broker discarded the message (AWS_ERROR_MQTT_TIMEOUT)",
)

#: Reason codes from here on are failures, in every packet (MQTT 5.0, 2.4).
FIRST_FAILURE = 0x80

#: The answers for PUBACK codes; any other code is a refusal, too.
_PUBACKS = {
    0x00: ACCEPTED,
    0x10: ACCEPTED,  # no matching subscribers, but a rule may have received it
    0x87: Answer(
        Verdict.REFUSED,
        "not authorised to publish to {topic} by the thing's policy or the broker's access list",
    ),
    0x90: Answer(Verdict.REFUSED, "the broker does not accept the topic {topic}; see cloud.topic"),
    0x91: Answer(Verdict.RETRY, "packet identifier in use"),
    0x95: Answer(Verdict.REFUSED, "packet too large: the message exceeds the broker's limit"),
    0x97: Answer(Verdict.SLOW_DOWN, "quota exceeded"),
    0x99: Answer(Verdict.REFUSED, "invalid payload format"),
}

#: Likely causes of refusals without a reason: mosquitto gives none if a message is too large.
_LIKELY = {
    0x80: ": not accepted, perhaps because the message is larger than the broker's limit",
    0x83: ": not accepted, perhaps because the message is larger than the broker's limit",
}

#: The verdicts for DISCONNECT codes; any other code may be due to one of the messages in flight.
_DISCONNECTS = {
    0x89: Verdict.RETRY,  # server busy
    0x8B: Verdict.RETRY,  # server shutting down
    0x8D: Verdict.RETRY,  # keep-alive timeout
    0x8E: Verdict.RETRY,  # session taken over
    0x98: Verdict.RETRY,  # administrative action
    0x9C: Verdict.RETRY,  # use another server
    0x9D: Verdict.RETRY,  # server moved
    0x9F: Verdict.RETRY,  # connection rate exceeded
    0xA0: Verdict.RETRY,  # maximum connect time
    0x93: Verdict.SLOW_DOWN,  # receive maximum exceeded
    0x96: Verdict.SLOW_DOWN,  # message rate too high
    0x97: Verdict.SLOW_DOWN,  # quota exceeded
}

#: The verdicts for errors with which the SDK gives up a message; any other one leads to a retry.
_FAILURES = {
    # The message is larger than the limit that the broker announced in its CONNACK.
    "AWS_ERROR_MQTT5_PACKET_VALIDATION": Verdict.REFUSED,
    # The broker announced that it accepts QoS 0 only.
    "AWS_ERROR_MQTT5_PUBLISH_OPTIONS_VALIDATION": Verdict.REFUSED,
    "AWS_ERROR_MQTT5_ENCODE_FAILURE": Verdict.REFUSED,
}

#: Errors for a broker that closes the connection without a DISCONNECT, perhaps due to a message.
_HANGUPS = ("AWS_ERROR_MQTT_UNEXPECTED_HANGUP", "AWS_IO_SOCKET_CLOSED", "AWS_IO_TLS_CLOSED_ABORT")

#: The endings of a connection without a DISCONNECT; any other error is a fault of the network.
_ENDINGS = {
    "AWS_ERROR_MQTT_UNEXPECTED_HANGUP": Ending.HUNG_UP,
    "AWS_IO_SOCKET_CLOSED": Ending.BROKEN_OFF,
    "AWS_IO_TLS_CLOSED_ABORT": Ending.BROKEN_OFF,
    "AWS_IO_TLS_ERROR_WRITE_FAILURE": Ending.BROKEN_OFF,  # closed while the gateway was sending
}

#: Errors for a broker that rejects a client's certificate: it closes the connection without MQTT.
_BREAK_OFFS = ("AWS_IO_TLS_ERROR_READ_FAILURE", "AWS_IO_TLS_ERROR_ALERT_RECEIVED", *_HANGUPS)

#: The reason code of a DISCONNECT because of a second connection with the same client id.
SESSION_TAKEN_OVER = 0x8E

#: Limits the name of another server, in characters: a host name has at most 253.
SERVER_MAX = 300
#: The statements of a broker that sends its clients to another server, and what to do about them.
FOR_NOW = "it asks the gateway to use {server} for now"
FROM_NOW_ON = "it asks the gateway to use {server} from now on"
MOVED = "if its operator confirms this, set cloud.endpoint to the other server's name"

#: What a user can do after a DISCONNECT with one of these codes.
_AFTER_DISCONNECT = {
    0x87: "; the thing's policy, or the broker's access list, must allow all topics in the config",
    SESSION_TAKEN_OVER: "; another client uses the same thing_name",
    0x9C: f": {FOR_NOW}; {MOVED}",
    0x9D: f": {FROM_NOW_ON}; {MOVED}",
}

#: Plain words, and remedies for the failures that a user can fix.
_REMEDIES = {
    "AWS_IO_TLS_ERROR_NEGOTIATION_FAILURE": "TLS handshake failed: the broker's certificate is for"
    " another host name, is not from the CA in cloud.ca_file, or, if cloud.ca_file is not set, is"
    " not from a CA that this computer trusts",
    "AWS_IO_TLS_NEGOTIATION_TIMEOUT": "TLS handshake timed out: is this an MQTT-over-TLS port?",
    "AWS_IO_DNS_INVALID_NAME": "host name unknown: check cloud.endpoint and the network",
    "AWS_IO_DNS_QUERY_FAILED": "host name not resolved: check cloud.endpoint and the network",
    "AWS_IO_SOCKET_CONNECTION_REFUSED": "connection refused: check cloud.endpoint and cloud.port",
    "AWS_IO_SOCKET_TIMEOUT": "no answer: the host or the network is down, or a firewall blocks it",
    "AWS_IO_SOCKET_NO_ROUTE_TO_HOST": "no route to host: the network is down",
    "AWS_IO_SOCKET_NETWORK_DOWN": "the network is down",
    "AWS_IO_SOCKET_CLOSED": "the broker closed the connection",
    "AWS_IO_TLS_ERROR_WRITE_FAILURE": "the connection was closed while the gateway was sending",
    "AWS_ERROR_MQTT_UNEXPECTED_HANGUP": "the broker closed the connection without giving a reason",
    "AWS_ERROR_MQTT_TIMEOUT": "the broker did not answer in time: the connection was lost",
    "AWS_ERROR_MQTT5_PING_RESPONSE_TIMEOUT": "the broker did not answer a ping: the connection was "
    "lost",
    "AWS_ERROR_MQTT5_PACKET_VALIDATION": "the message is larger than the largest packet that the "
    "broker accepts",
    "AWS_ERROR_MQTT5_PUBLISH_OPTIONS_VALIDATION": "the broker accepts only QoS 0, which "
    "acknowledges nothing; the gateway needs a broker that accepts QoS 1",
    "AWS_ERROR_MQTT5_CONNACK_TIMEOUT": "connected, but the broker sent no complete MQTT answer in "
    "time",
}


def puback_answer(code: int, code_name: str, topic: str) -> Answer:
    """Return the answer for a PUBACK; `code_name` (the SDK's) describes codes not listed here."""
    likely = _LIKELY.get(code, "")
    answer = _PUBACKS.get(code) or Answer(Verdict.REFUSED, f"{words(code_name)}{likely}")
    if "{topic}" not in answer.reason:
        return answer
    return Answer(answer.verdict, answer.reason.replace("{topic}", topic))


def failure_answer(error_name: str, message: str) -> Answer:
    """Return the answer for a message that the SDK has given up."""
    if error_name == "AWS_ERROR_MQTT_TIMEOUT":
        return DISCARDED
    return Answer(_FAILURES.get(error_name, Verdict.RETRY), explain(error_name, message))


def disconnect_answer(code: int, code_name: str, server: str | None = None) -> Answer:
    """Return the answer for all open messages after a DISCONNECT from the broker.

    `server`: the other server to use, as the broker names it.
    """
    verdict = _DISCONNECTS.get(code, Verdict.SUSPECT)
    remedy = _AFTER_DISCONNECT.get(code, "").replace("{server}", other_server(server))
    return Answer(verdict, f"the broker disconnected the gateway: {words(code_name)}{remedy}")


def other_server(reference: str | None) -> str:
    """Return the server that a broker refers to, on one line."""
    return one_line(reference or "another server", SERVER_MAX)


def end_answer(error_name: str, message: str) -> Answer:
    """Return the answer for all open messages after a connection loss without DISCONNECT."""
    verdict = Verdict.SUSPECT if error_name in _HANGUPS else Verdict.RETRY
    return Answer(verdict, explain(error_name, message))


def disconnect_ending(code: int) -> Ending:
    return Ending.TAKEN_OVER if code == SESSION_TAKEN_OVER else Ending.OTHER


def hangup_ending(error_name: str) -> Ending:
    return _ENDINGS.get(error_name, Ending.OTHER)


def explain(error_name: str, message: str) -> str:
    remedy = _REMEDIES.get(error_name, message)
    return f"{remedy} ({error_name})" if error_name else remedy


def explain_failed_connect(error_name: str, message: str) -> str:
    if error_name in _BREAK_OFFS:
        return (
            "the broker ended the connection before accepting it: check that the client's "
            "certificate is active, that the broker trusts its CA, and that its policy allows "
            f"this client id to connect ({error_name})"
        )
    return explain(error_name, message)


def words(code_name: str) -> str:
    return code_name.replace("_", " ").lower()
